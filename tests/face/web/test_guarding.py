"""What keeps other pages, other programs and other addresses out of this one."""

import re
from urllib.parse import quote, urlencode

import pytest

from hivelib.face.web.app import ROUTES
from hivelib.face.web.shared import Web
from hivelib.flow import admitting
from hivelib.flow.opening import Hive
from hivelib.store import events
from tests.support.browser import FORM, Browser, add

TABLE = [
    (method, path)
    for module in ROUTES
    for method, path, _ in module.routes(Web(None, None, 7000))  # type: ignore[arg-type]
]
PART = re.compile(r"<[a-z]+(?::re:(?:[^<>\\]|\\.)*)?>")
PLAIN = {
    "name": "alice",
    "number": "1",
    "kind": "stop",
    "beginning": "0" * 12,
    "unit": "hive-mcp",
    "path": "live.js",
}


def filled(path: str, value: str | None = None) -> str:
    """The path of a route with this in each of its parts; with something fit when nothing is given."""
    return PART.sub(
        lambda part: value if value is not None else PLAIN[part[0][1:].partition(":")[0]], path
    )


POSTS = [filled(path) for method, path in TABLE if method == "POST"]
ORIGINS = [
    "http://evil.test", "http://127.0.0.1:8000", "http://127.0.0.1", "https://127.0.0.1:7000", "null", "",
    "http://127.0.0.1:7000.evil.test", "http://127.0.0.1:7000, http://evil.test", None,
]  # fmt: skip
HOSTS = [
    "evil.test", "evil.test:7000", "127.0.0.1:7000@evil.test", "[::1]:7000", "0.0.0.0:7000", "2130706433:7000",
]  # fmt: skip


@pytest.mark.parametrize("path", POSTS)
def test_no_other_page_can_change_anything(inside: Browser, private_state: Hive, path: str) -> None:
    add(private_state, "alice")
    before = events.last_seq(private_state.db)
    for origin in ORIGINS:
        assert inside.ask("POST", path, {}, origin=origin).status == 403
        for kind in (FORM, "text/plain", "multipart/form-data; boundary=x", ""):
            assert inside.ask("POST", path, "a=b", kind=kind, origin=origin).status == 403
    assert inside.ask("POST", path, "a=b", sec_fetch_site="same-site").status == 403
    for host in HOSTS:
        assert inside.ask("POST", path, "a=b", host=host, origin=f"http://{host}").status == 403
    assert events.last_seq(private_state.db) == before


def test_another_page_may_lead_here_and_nothing_else(inside: Browser) -> None:
    for site in ("same-origin", "none"):
        assert inside.ask("GET", "/", sec_fetch_site=site).status == 200
    for site in ("cross-site", "same-site"):
        led = {"sec_fetch_site": site, "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
        assert inside.ask("GET", "/", **led).status == 200
        for more in (
            {"sec_fetch_dest": "iframe"},
            {"sec_fetch_mode": "no-cors"},
            {"sec_fetch_mode": "cors"},
        ):
            for path in ("/", "/approval/1", "/events", "/api/state", "/static/live.js"):
                assert inside.ask("GET", path, **led | more).status == 403


def test_a_cookie_from_before_the_login_is_not_adopted(
    browser: Browser, private_state: Hive
) -> None:
    fixed = "hive-7000=" + "A" * 43
    for before in (fixed, "hive-7000=", ""):
        browser.cookie = before
        answer = browser.ask(
            "POST", "/login", urlencode({"token": admitting.invite(private_state)})
        )
        given = str(answer.headers["Set-Cookie"]).partition(";")[0]
        assert given.partition("=")[0] == "hive-7000" and len(given) > 50 and given != before
        browser.cookie = fixed
        assert browser.ask("GET", "/").status == 401
        browser.cookie = given
        assert browser.ask("GET", "/").status == 200
    assert len(admitting.sessions(private_state)) == 3


COOKIES = [
    "a(b=1", "a=b;;;=;", "expires=x; path", "\xff=\xff", 'a="', "a=1,b=2", "x" * 4000,
    "HIVE-7000=x", "hive-7000x=y", "hive-70=z",
]  # fmt: skip


@pytest.mark.parametrize("other", COOKIES)
def test_cookies_of_other_programs_change_nothing(inside: Browser, other: str) -> None:
    own = inside.cookie
    for cookie in (f"{other}; {own}", f"{own}; {other}"):
        inside.cookie = cookie
        assert inside.ask("GET", "/api/questions").status == 200
    inside.cookie = other
    assert inside.ask("GET", "/api/questions").status == 401


ODD = [
    "..", "../..", "..\\..", "%2e%2e", "..%2f..", "\0", "alice\0", "alice\n", "alice\r\nX: y", "alice/../bob", ".",
    "//evil.test", "\\\\evil", "c:", "-", "--help", "1;2", "１", "alíce", "\u202ealice", "a" * 5000, "0", "-1",
    "9" * 19, "%00", "live.js%00.css", "../routes/reading.py", "live.js/", "hive-/../x", "hive-mcp.service",
    "hive-mcp\n", "$(id)", "`id`", "'\"", "{{7}}", "/etc/passwd", "LIVE.js", "1e3", "~", "*",
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), [one for one in TABLE if "<" in one[1]])
def test_only_what_is_spelled_plainly_is_a_part_of_a_path(
    inside: Browser, private_state: Hive, method: str, path: str
) -> None:
    add(private_state, "alice")
    before = events.last_seq(private_state.db)
    for odd in ODD:
        for value in (odd, quote(odd, safe="")):
            raw = filled(path, value.encode().decode("latin-1")).replace("?", "%3f")
            answer = inside.ask(method, raw)
            assert answer.status in (403, 404, 405), value
            assert "root:" not in answer.text and "import " not in answer.text
    assert events.last_seq(private_state.db) == before


def test_a_path_that_looks_public_is_not(browser: Browser, private_state: Hive) -> None:
    for path in (
        "//login", "/login/", "/login/..", "/static", "/static/../api/state", "/static/%2e%2e/api/state",
        "/static//../", "/\xff/login", "/login\xff", "//static/live.js", "/static/../login", "/./", "//", "/login\n",
    ):  # fmt: skip
        answer = browser.ask("GET", path)
        assert answer.status in (401, 403, 404), path


def test_every_answer_keeps_frames_and_readers_of_other_pages_out(inside: Browser) -> None:
    for method, path in sorted(
        {(method, filled(path)) for method, path in TABLE} | {("GET", "/nothing"), ("PUT", "/")}
    ):
        if path.endswith("/events") and not path.startswith("/api"):
            continue  # a stream needs a server; its headers are set before it begins
        headers = inside.ask(method, path, "" if method == "POST" else None).headers
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["default-src"] == "'none'"
        assert {
            policy[name] for name in ("script-src", "style-src", "connect-src", "form-action")
        } == {"'self'"}
        assert (
            headers["X-Frame-Options"] == "DENY" and headers["X-Content-Type-Options"] == "nosniff"
        )
        assert (
            headers["Cross-Origin-Opener-Policy"]
            == headers["Cross-Origin-Resource-Policy"]
            == "same-origin"
        )
        assert headers["Cache-Control"] in ("no-store", "no-cache"), path
