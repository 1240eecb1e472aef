"""Spectators see everything and change nothing; sessions are listed and ended."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import bottle
import pytest

from hivelib.face.web.answers import TooMany
from hivelib.face.web.app import ROUTES
from hivelib.face.web.shared import SPECTATING, Web
from hivelib.flow import admitting, mailing
from hivelib.flow.opening import Hive
from hivelib.model.records import Caller
from hivelib.store import events
from tests.face.web.test_guarding import POSTS, TABLE, filled
from tests.support.browser import Browser, add


@pytest.fixture
def spectator(browser: Browser, private_state: Hive) -> Browser:
    token = admitting.invite(private_state, admitting.SPECTATOR)
    answer = browser.ask("POST", "/login", urlencode({"token": token}))
    browser.cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]
    return browser


def changes() -> list[str]:
    """Each route that changes something, with a value for every part of its path."""
    paths = [path for path in POSTS if path.startswith("/api/")]
    assert len(paths) > 12
    return paths


@pytest.mark.parametrize("path", changes())
def test_a_spectator_changes_nothing(spectator: Browser, private_state: Hive, path: str) -> None:
    before = events.last_seq(private_state.db)
    for body in ({}, "a=b"):
        assert spectator.ask("POST", path, body).status == 403
    assert events.last_seq(private_state.db) == before


def everything(hive: Hive) -> dict[str, list[object]]:
    """All rows of all tables."""
    tables = [row[0] for row in hive.db.all("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {table: hive.db.all(f"SELECT * FROM {table}") for table in tables}


def test_no_look_of_a_spectator_changes_anything(spectator: Browser, private_state: Hive) -> None:
    add(private_state, "alice")
    mailing.send(private_state, mailing.SHELL, "alice", "a word")
    looks = [filled(path) for method, path in TABLE if method == "GET"]
    looks = [path for path in looks if not path.endswith("/events")]
    assert len(looks) > 15
    assert (
        spectator.ask("GET", "/search?q=word").status == 200
    )  # whoever searches first has the index made
    before = everything(private_state)
    for path in [*looks, "/api/events", "/search?q=word"]:
        for method in ("GET", "HEAD"):
            assert spectator.ask(method, path).status in (200, 401, 404, 409), path
    assert everything(private_state) == before


def test_a_spectator_cannot_become_more(spectator: Browser, private_state: Hive) -> None:
    own = admitting.sessions(private_state)[0]
    for path, given in (
        ("/api/links", {"role": "operator"}),
        (f"/api/sessions/{own.id}/end", {}),
        ("/api/approvals/spawn", {"name": "bob"}),
    ):
        assert spectator.ask("POST", path, given).status == 403
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS"):
        assert spectator.ask(method, "/api/send", {"to": "alice", "body": "x"}).status == 403
    over = {"x_http_method_override": "POST"}
    assert spectator.ask("GET", "/api/send?_method=POST", **over).status in (404, 405)
    again = spectator.ask(
        "POST", "/login", urlencode({"token": admitting.invite(private_state, admitting.SPECTATOR)})
    )
    assert again.status == 303, "another link may be used, for what it is"
    assert {one.role for one in admitting.sessions(private_state)} == {admitting.SPECTATOR}


def test_spectators_cannot_fill_all_threads_with_what_is_costly() -> None:
    web, held, inside = Web(None, None, 7000), threading.Event(), threading.Semaphore(0)  # type: ignore[arg-type]

    def ask(role: str, route: Callable[[], str]) -> str:
        bottle.request.bind({"hive.caller": Caller(role, role, "web")})
        return str(web.spared(route)())

    def hold() -> str:
        inside.release()
        assert held.wait(20)
        return "drawn"

    with ThreadPoolExecutor(SPECTATING) as pool:
        slow = [pool.submit(ask, admitting.SPECTATOR, hold) for _ in range(SPECTATING)]
        for _ in slow:
            assert inside.acquire(timeout=20)
        with pytest.raises(TooMany, match="too many look"):
            ask(admitting.SPECTATOR, lambda: "drawn")
        assert ask("operator", lambda: "drawn") == "drawn", "who decides is never kept waiting"
        held.set()
        assert [one.result() for one in slow] == ["drawn"] * SPECTATING
    assert ask(admitting.SPECTATOR, lambda: "drawn") == "drawn"


def test_whatever_starts_a_program_or_searches_is_spared() -> None:
    table = [route for module in ROUTES for route in module.routes(Web(None, None, 7000))]  # type: ignore[arg-type]
    spared = {
        filled(path) for _, path, route in table if getattr(route, "__name__", "") == "spared"
    }
    folds = {"config", "charts", "log"}
    assert spared == {
        *(f"/agent/alice/{fold}" for fold in folds),
        *("/approval/1", "/approval/1/look", "/approval/1/tags"),
        *("/system/log/hive-mcp", "/system/tombstone/alice", "/search", "/api/search"),
    }


def test_a_spectator_reads_every_page_and_leaves(spectator: Browser) -> None:
    for path in ("/", "/history", "/statistics", "/system", "/search?q=x", "/api/state"):
        answer = spectator.ask("GET", path)
        assert answer.status == 200
        assert path.startswith("/api/") or '<body class="spectator">' in answer.text
    assert "read only" in spectator.ask("GET", "/").text
    assert spectator.ask("POST", "/logout", "").status == 303
    assert spectator.ask("GET", "/").status == 401


def test_a_link_for_a_spectator_can_be_made_on_the_page(
    inside: Browser, private_state: Hive
) -> None:
    url = inside.ask("POST", "/api/links", {}).json["url"]
    shown = inside.ask("POST", "/api/links", "").text
    assert url.startswith("http://127.0.0.1:7000/login?token=") and "only read" in shown
    roles = [row[0] for row in private_state.db.all("SELECT role FROM web_logins")]
    assert roles == [admitting.SPECTATOR] * 2


def test_sessions_are_listed_and_ended(inside: Browser, private_state: Hive) -> None:
    other = admitting.admit(private_state, admitting.invite(private_state), "127.0.0.1")
    newest, own = admitting.sessions(private_state)
    shown = inside.ask("GET", "/system").text
    assert newest.id in shown and own.id in shown
    assert admitting.digest(other) not in shown, "only its beginning"
    assert inside.ask("POST", f"/api/sessions/{newest.id}/end", {}).json == {"already": False}
    assert inside.ask("POST", f"/api/sessions/{newest.id}/end", {}).json == {"already": True}
    assert admitting.admitted(private_state, other) is None
    assert inside.ask("POST", "/api/sessions/%25/end", {}).status == 404
    refused = inside.ask("POST", f"/api/sessions/{own.id}/end", {})
    assert refused.status == 409 and refused.json["hint"] == "log out instead"
    assert inside.ask("GET", "/").status == 200
    assert events.latest(private_state.db, 1)[0].kind == "session_ended"
