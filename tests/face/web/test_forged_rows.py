"""A row that holds what its record does not allow: every page is there, with all the others, and shows it as it is."""

import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from hivelib.base import bell, clock
from hivelib.base.config import load_settings
from hivelib.face.web.app import make_app
from hivelib.face.web.hub import Hub
from hivelib.flow import admitting, mailing
from hivelib.flow.opening import Hive, open_hive
from tests.support import scene
from tests.support.browser import PORT, Browser
from tests.support.page import open_page
from tests.support.residents import settle_in
from tests.support.state import make_state, short_directory

VALUES = ("'x' || char(0) || '<b>'", "x'fffe'", "CAST(x'ff41' AS TEXT)", "9e999", "1e300", "-1e17")
"""Text, a blob, text that is not UTF-8, infinity, a time that no calendar has."""
ROWS = {
    "agents": (
        "name = 'alice'",
        ["/", "/agent/alice", "/system", "/api/state", "/agent/alice/config"],
    ),
    "messages": (
        "id = 40",
        ["/", "/agent/alice", "/thread/40", "/search?q=build", "/api/state", "/api/threads/40"],
    ),
    "turns": (
        "id = (SELECT max(id) FROM turns)",
        ["/", "/agent/alice", "/statistics", "/api/state"],
    ),
    "approvals": (
        "id = 4",
        ["/", "/history", "/approval/4", "/approval/4/look", "/approval/4/tags", "/api/approvals"],
    ),
    "jobs": ("id = (SELECT max(id) FROM jobs)", ["/", "/system", "/approval/4"]),
    "reminders": ("id = 1", ["/agent/alice", "/system", "/api/reminders"]),
    "questions": ("id = 1", ["/", "/history", "/agent/alice", "/api/questions"]),
    "warnings": ("name = 'disk'", ["/", "/system", "/api/state"]),
    "web_sessions": ("role = 'spectator'", ["/", "/system"]),
    "events": ("seq = (SELECT max(seq) FROM events)", ["/api/events?after=90"]),
}
"""Of each table a row, and where it is shown."""
GONE = (404, 409)
"""What the page of the very thing may answer."""


@pytest.fixture(scope="module")
def filled() -> Iterator[tuple[Hive, Browser]]:
    with short_directory() as where:
        hive = make_state(where)
        for place in ("applied", "meta", "proposed", "decisions", "transcripts", "agents"):
            os.makedirs(f"{hive.paths.state}/{place}", exist_ok=True)
        scene.fill(hive)
        settings = load_settings(str(where / "hive.toml"))
        opened: list[Hive] = []

        def opener() -> Hive:
            opened.append(open_hive(settings))
            return opened[-1]

        browser = Browser(make_app(opener, Hub(opener), PORT))
        for role in (admitting.SPECTATOR, "operator"):
            token = urlencode({"token": admitting.invite(hive, role)})
            answer = browser.ask("POST", "/login", token)
            browser.cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]
        for trigger in ("messages", "events"):
            hive.db.execute(f"DROP TRIGGER {trigger}_keep_newest")
        yield hive, browser
        for one in (hive, *opened):
            one.db.close()


@pytest.mark.parametrize("table", ROWS)
def test_no_row_takes_a_page_away(
    filled: tuple[Hive, Browser], table: str, capfd: pytest.CaptureFixture[str]
) -> None:
    hive, browser = filled
    which, pages = ROWS[table]
    wrong = []
    for column, *_ in hive.db.all(f"SELECT name FROM pragma_table_info('{table}')"):
        for value in VALUES:
            if not forged(hive, table, which, column, value):
                continue
            for page in pages:
                answer = browser.ask("GET", page)
                if answer.status != 200 and not (
                    answer.status in GONE and re.search(r"/(alice|4|40)\b", page)
                ):
                    wrong.append((column, value, page, answer.status))
    assert not wrong
    assert "Traceback" not in capfd.readouterr().err


def forged(hive: Hive, table: str, which: str, column: str, value: str) -> bool:
    """Puts the value there, all else as it was at first; False when the table does not take it."""
    db, kept = hive.db.connection, f"kept_{table}"
    db.execute(f"CREATE TEMP TABLE IF NOT EXISTS {kept} AS SELECT * FROM main.{table}")
    db.execute("BEGIN IMMEDIATE")
    db.execute(f"DELETE FROM main.{table}")
    db.execute(f"INSERT INTO main.{table} SELECT * FROM {kept}")
    try:
        done = db.execute(f"UPDATE main.{table} SET {column} = {value} WHERE {which}").rowcount == 1
    except sqlite3.IntegrityError:
        done = False
    db.execute("COMMIT")
    return done


def test_it_is_shown_as_it_is_beside_the_others(filled: tuple[Hive, Browser]) -> None:
    hive, browser = filled
    for table, column, page, there in (
        ("messages", "body", "/", 'id="message-39"'),
        ("approvals", "description", "/", 'id="approval-5"'),
        ("jobs", "by", "/system", 'id="job-1"'),
        ("reminders", "body", "/system", 'id="reminder-2"'),
        ("agents", "model", "/", 'id="agent-bob"'),
        ("turns", "outcome", "/agent/alice", 'id="turn-1'),
    ):
        assert forged(hive, table, ROWS[table][0], column, "x'f09f92'")
        shown = browser.ask("GET", page).text
        assert "cannot be read" in shown and "\\xf0\\x9f\\x92" in shown and there in shown, table
        assert forged(hive, table, ROWS[table][0], column, f"{column}")


def test_an_event_that_cannot_be_read_stops_no_stream(
    private_state: Hive, short_path: Path
) -> None:
    settle_in(private_state, "alice")
    forgeries: list[tuple[object, object]] = [
        ("sent", "x"),
        ("sent", "{}"),
        ("claimed", '{"ids": 7}'),
        ("question_asked", '{"id": []}'),
        ("approval_pending", '{"id": "x"}'),
        ("turn_ended", "[1]"),
        ("sent", b"\xff"),
        (b"\xff", "{}"),
    ]
    with open_page(private_state, short_path / "hive.toml") as page:
        follower = page.follow("/events")
        follower.until(lambda frame: frame.kind == "reset")
        for kind, payload in forgeries:
            with private_state.db.write() as db:
                row = (clock.now(), kind, "alice", payload)
                db.execute("INSERT INTO events(at, kind, subject, payload) VALUES(?, ?, ?, ?)", row)
            bell.ring(private_state.paths.bell, "events")
        sent = mailing.send(private_state, mailing.SHELL, "alice", "after all").id
        got = follower.until(
            lambda one: one.data.get("kind") == "sent" and one.data["payload"].get("id") == sent
        )
        assert len(got) == len(forgeries) + 1, "each once"
        follower.close()
