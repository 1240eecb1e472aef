"""The page as an application: who gets in, what is refused, what is done."""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from hivelib.base import bell, clock
from hivelib.face.web import guard
from hivelib.flow import admitting, asking, mailing, reminding, submitting
from hivelib.flow.opening import Hive
from hivelib.store import agents, approvals, events, jobs, mail, turns
from tests.support.browser import Browser, add
from tests.support.page import Answer


def log_in(browser: Browser, token: str) -> Answer:
    return browser.ask("POST", "/login", urlencode({"token": token}))


def test_a_link_works_once_and_looking_ahead_does_not_use_it_up(
    browser: Browser, private_state: Hive
) -> None:
    token = admitting.link(private_state).partition("token=")[2]
    for method in ("GET", "HEAD", "GET"):
        assert browser.ask(method, f"/login?token={token}").status == 200
    answer = log_in(browser, token)
    cookie = str(answer.headers["Set-Cookie"])
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    for attribute in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=2592000"):
        assert attribute in cookie
    assert cookie.startswith("hive-7000=") and token not in cookie
    assert log_in(browser, token).status == 409
    assert events.latest(private_state.db, 1)[0].kind == "operator_logged_in"
    browser.cookie = cookie.partition(";")[0]
    assert browser.ask("GET", "/").status == 200


def test_neither_links_nor_sessions_are_kept_in_plain(
    browser: Browser, private_state: Hive
) -> None:
    token = admitting.invite(private_state)
    assert token not in str(private_state.db.all("SELECT * FROM web_logins"))
    secret = admitting.admit(private_state, token, "127.0.0.1")
    assert secret not in str(private_state.db.all("SELECT * FROM web_sessions"))


def test_an_old_link_and_an_old_session_let_nobody_in(
    browser: Browser, private_state: Hive
) -> None:
    token = admitting.invite(private_state)
    with private_state.db.write() as db:
        db.execute("UPDATE web_logins SET expires_at = ?", (clock.now() - 1,))
    assert log_in(browser, token).status == 409
    secret = admitting.admit(private_state, admitting.invite(private_state), "127.0.0.1")
    browser.cookie = f"hive-7000={secret}"
    assert browser.ask("GET", "/").status == 200
    with private_state.db.write() as db:
        db.execute("UPDATE web_sessions SET expires_at = ?", (clock.now() - 1,))
    assert browser.ask("GET", "/").status == 401


@pytest.mark.parametrize("path", ["/", "/agent/alice", "/api/state", "/api/events", "/nothing"])
@pytest.mark.parametrize("cookie", ["", "hive-7000=x", "hive-7000=", "hive-7001=x", "\xff=;;;"])
def test_without_a_session_nothing_is_shown(browser: Browser, path: str, cookie: str) -> None:
    browser.cookie = cookie
    assert browser.ask("GET", path).status == 401


@pytest.mark.parametrize(
    "path", ["/api/send", "/api/read", "/api/agents/alice/interrupt", "/logout"]
)
def test_without_a_session_nothing_is_done(
    browser: Browser, private_state: Hive, path: str
) -> None:
    add(private_state, "alice")
    assert browser.ask("POST", path, {"to": "alice", "body": "x"}).status == 401
    assert mail.latest(private_state.db, 1) == []


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "evil.test:7000",
        "127.0.0.1",
        "127.0.0.1:7001",
        "127.0.0.1:7000.evil.test",
        "",
        None,
    ],
)
def test_another_host_is_refused(inside: Browser, host: str | None) -> None:
    for path in ("/", "/login", "/static/style.css", "/events"):
        assert inside.ask("GET", path, host=host).status == 403


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.test",
        "http://127.0.0.1:7001",
        "http://localhost:7000",
        "https://127.0.0.1:7000",
        "null",
        None,
    ],
)
def test_a_change_from_another_page_is_refused(
    inside: Browser, private_state: Hive, origin: str | None
) -> None:
    add(private_state, "alice")
    for path in ("/api/send", "/login", "/logout", "/api/agents/alice/interrupt"):
        asked = inside.ask("POST", path, {"to": "alice", "body": "x"}, origin=origin)
        assert asked.status == 403
    assert mail.latest(private_state.db, 1) == []
    assert inside.ask("GET", "/").status == 200


def test_wrong_links_are_heard_ten_times_a_minute(browser: Browser, private_state: Hive) -> None:
    got = [log_in(browser, f"guess {n}").status for n in range(guard.TRIES + 2)]
    assert got == [409] * guard.TRIES + [429] * 2
    assert log_in(browser, admitting.invite(private_state)).status == 429


def test_every_answer_has_the_headers_that_bind_a_browser(inside: Browser) -> None:
    for path in ("/", "/login", "/static/live.js", "/nothing", "/api/state"):
        headers = inside.ask("GET", path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "*" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] in ("no-store", "no-cache")


def test_an_agents_log_is_its_own_whatever_it_is_called(
    inside: Browser, private_state: Hive
) -> None:
    add(private_state, "hive-mcp")
    for unit in ("hive-turn@hive-mcp", "hive-mcp"):
        Path(private_state.paths.unit_log(unit)).write_text(f"of {unit}!\n")
    assert "of hive-turn@hive-mcp!" in inside.ask("GET", "/agent/hive-mcp/log").text
    assert "of hive-mcp!" in inside.ask("GET", "/system/log/hive-mcp").text


@pytest.mark.parametrize(
    "path",
    ["/static/../app.py", "/static/..%2fapp.py", "/static//etc/passwd", "/static/x.py", "/static/"],
)
def test_static_files_are_those_and_no_others(browser: Browser, path: str) -> None:
    assert browser.ask("GET", path.replace("%2f", "/")).status in (401, 404)


def test_a_message_is_sent_by_form_and_by_json_and_a_key_sends_it_once(
    inside: Browser, private_state: Hive
) -> None:
    add(private_state, "alice")
    form = urlencode({"to": "alice", "body": "one\r\ntwo", "key": "k1", "in_reply_to": ""})
    assert inside.ask("POST", "/api/send", form).status == 303
    first = mail.latest(private_state.db, 1)[0]
    assert (first.sender, first.body, first.lane) == ("operator", "one\ntwo", "urgent")
    told = inside.ask("POST", "/api/send", {"to": "alice", "body": "again", "key": "k1"})
    assert told.json["already"] and told.json["id"] == first.id
    reply = {"to": "*", "body": "all", "in_reply_to": first.id, "lane": "normal"}
    assert inside.ask("POST", "/api/send", reply).json["recipients"] == ["alice"]
    assert len(mail.latest(private_state.db, 9)) == 2


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, 400),
        ({"to": "alice"}, 400),
        ({"to": ["alice"], "body": "x"}, 400),
        ({"to": "alice", "body": "a\0b"}, 400),
        ({"to": "alice", "body": "\ud800"}, 400),
        ({"to": "\ud800", "body": "x"}, 400),
        ({"to": "alice", "body": "x", "in_reply_to": "x"}, 400),
        ({"to": "alice", "body": "x", "in_reply_to": 2**70}, 400),
        ({"to": "alice", "body": "x", "in_reply_to": True}, 400),
        ({"to": "alice", "body": "x", "lane": "fast"}, 400),
        ({"to": "alcie", "body": "x"}, 409),
        ({"to": "alice", "body": " "}, 409),
        ({"to": "alice", "body": "x" * 4097}, 409),
        ({"to": "operator", "body": "x"}, 409),
    ],
)
def test_bad_requests_are_told_in_one_line(
    inside: Browser, private_state: Hive, given: dict[str, Any], status: int
) -> None:
    add(private_state, "alice")
    answer = inside.ask("POST", "/api/send", given)
    assert answer.status == status
    assert answer.json["error"] and "\n" not in answer.json["error"]
    assert mail.latest(private_state.db, 1) == []


@pytest.mark.parametrize("body", ["", "[]", "{", "[" * 5000, '"x"', "\xff\xfe"])
def test_a_body_that_is_no_object_is_refused(inside: Browser, body: str) -> None:
    assert inside.ask("POST", "/api/send", body, kind="application/json").status == 400


def test_only_the_operators_own_unread_mail_can_be_marked_read(
    inside: Browser, private_state: Hive
) -> None:
    add(private_state, "alice")
    theirs = mailing.send(private_state, mailing.SHELL, "alice", "not yours").id
    with private_state.db.write():
        mailing.notify(private_state, "operator", "yours")
    own = theirs + 1
    for number, read in ((theirs, []), (own, [own]), (own, []), (99, [])):
        assert inside.ask("POST", "/api/read", {"id": number}).json == {"read": read}
    states = {row.id: row.state for row in mail.latest(private_state.db, 9)}
    assert states == {theirs: "queued", own: "acked"}


def test_interrupting_needs_a_running_turn(inside: Browser, private_state: Hive) -> None:
    add(private_state, "alice")
    assert inside.ask("POST", "/api/agents/alice/interrupt", {}).status == 409
    assert inside.ask("POST", "/api/agents/nobody/interrupt", {}).status == 409
    with private_state.db.write() as db:
        number = turns.begin(db, "alice", 1, "sonnet", clock.now())
    for already in (False, True):
        told = inside.ask("POST", "/api/agents/alice/interrupt", {}).json
        assert told == {"turn": number, "already": already}
    found = turns.get(private_state.db, number)
    assert found and found.cancel_requested_at


def test_wrong_methods_and_pages_are_said_so(inside: Browser) -> None:
    assert inside.ask("GET", "/nothing").status == 404
    assert inside.ask("DELETE", "/api/send").status == 405
    assert inside.ask("GET", "/agent/nobody").status == 404
    assert inside.ask("GET", "/agent/..").status == 404
    assert inside.ask("GET", "/api/events?after=x").status == 400
    assert [row["seq"] for row in inside.ask("GET", "/api/events?after=-5").json["events"]] == [1]


def test_the_snapshot_has_all_that_is_not_over(inside: Browser, private_state: Hive) -> None:
    add(private_state, "alice")
    add(private_state, "bob", "destroyed")
    asked = asking.ask(private_state, mailing.SHELL, "which?", to="alice").id
    due = reminding.remind(private_state, mailing.SHELL, "alice", "look", due_at=2e9).id
    number = submitting.request_spawn(private_state, mailing.SHELL, "carol", "we need her")
    told = inside.ask("GET", "/api/state").json
    assert [one["id"] for one in told["questions"]] == [asked]
    assert [one["id"] for one in told["reminders"]] == [due]
    assert [one["id"] for one in told["approvals"]] == [number]
    assert [one["approval"] for one in told["jobs"]] == [number]
    assert [one["name"] for one in told["tombstones"]] == ["bob"]


def test_proposals_and_updates_are_asked_for_like_by_the_tools(
    inside: Browser, private_state: Hive
) -> None:
    add(private_state, "alice")
    asked = inside.ask("POST", "/api/approvals/init-config", {"name": "bob"}).json["id"]
    given = {"agent": "alice", "ref": "main", "description": "more"}
    more = inside.ask("POST", "/api/approvals/apply-commit", given).json["id"]
    kinds = [(one.id, one.kind) for one in approvals.latest(private_state.db, 9)]
    assert kinds == [(asked, "init_config"), (more, "apply_commit")]
    assert inside.ask("POST", "/api/update-all", {}).status == 503, "the hive is down"
    with bell.listening(private_state.paths.bell, "work.approvals"):
        told = inside.ask("POST", "/api/update-all", {}).json
    assert told == {"agents": ["alice"], "already": False}
    assert [job.kind for job in jobs.unfinished(private_state.db, "approvals")] == ["rebuild"]


def test_the_head_of_an_agents_page_says_since_when_and_how_its_last_turn_was(
    inside: Browser, private_state: Hive
) -> None:
    add(private_state, "alice")
    with private_state.db.write() as db:
        db.execute("UPDATE agents SET changed_at = 1000000000.0")
        turn = turns.begin(db, "alice", 1, "sonnet", 1000000100.0)
        turns.end(db, turn, "failed", "", 1000000130.0, cost_usd=0.25)
    shown = inside.ask("GET", "/agent/alice").text
    head = shown[shown.index('id="agent-head"') : shown.index("</section>")]
    assert f'since <time datetime="{clock.iso(1000000130.0)}">' in head
    assert f'<a href="#turn-{turn}">{turn}</a>: failed, 30 s, $0.2500' in head
    with private_state.db.write() as db:
        agents.park(db, "alice", "operator", None, "told to", 1000000200.0)
    assert (
        f'since <time datetime="{clock.iso(1000000200.0)}">'
        in inside.ask("GET", "/agent/alice").text
    )


def test_what_a_program_in_a_box_wrote_is_answered_to_its_agent(
    inside: Browser, private_state: Hive
) -> None:
    add(private_state, "alice")
    with private_state.db.write() as db:
        sent = mail.add(db, "alice/build", "operator", "red", lane="normal", at=clock.now())
    told = inside.ask("GET", f"/thread/{sent}").text
    assert '<input type="hidden" name="to" value="alice">' in told
    assert f'value="{sent}"' in told and "Reply to alice, in this thread" in told
