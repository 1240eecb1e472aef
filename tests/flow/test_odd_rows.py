"""Rows that hold what no program of ours writes: what keeps promises goes on, and keeps those of all the others."""

import contextlib
import json
import os
import sqlite3

import pytest

from hivelib.base import bell, clock
from hivelib.flow import beginning, continuing, crashes, firing, mailing, reminding, watching
from hivelib.flow.opening import Hive
from hivelib.model.records import Caller
from hivelib.store import mail, reminders, turns
from tests.support import scene
from tests.support.residents import settle_in, voice

VALUES = ("'x'", "x'fffe'", "CAST(x'ff41' AS TEXT)", "9e999", "-9e999", "1e300", "0", "-1", "''")
ROWS = {
    "agents": "name = 'carol'",
    "messages": "id = 40",
    "turns": "ended_at IS NULL",
    "approvals": "id = 4",
    "jobs": "id = (SELECT max(id) FROM jobs)",
    "reminders": "id IN (1, 2)",
    "questions": "id = 1",
    "warnings": "name = 'disk'",
}
MANAGER = Caller("manager", "manager", "mcp")


@pytest.fixture
def hive(private_state: Hive) -> Hive:
    for place in ("applied", "meta", "proposed", "decisions", "transcripts", "agents"):
        os.makedirs(f"{private_state.paths.state}/{place}", exist_ok=True)
    scene.fill(private_state)
    private_state.db.execute("DROP TRIGGER messages_keep_newest")
    return private_state


@pytest.mark.parametrize("table", ROWS)
def test_no_row_ends_what_keeps_promises(hive: Hive, table: str) -> None:
    db = hive.db.connection
    db.execute(f"CREATE TEMP TABLE kept AS SELECT * FROM main.{table}")
    columns = [row[0] for row in hive.db.all(f"SELECT name FROM pragma_table_info('{table}')")]
    for column in columns:
        for value in VALUES:
            db.execute(f"DELETE FROM main.{table}")
            db.execute(f"INSERT INTO main.{table} SELECT * FROM temp.kept")
            try:
                db.execute(f"UPDATE main.{table} SET {column} = {value} WHERE {ROWS[table]}")
            except sqlite3.IntegrityError:
                continue
            kept_all_the_same(hive)


def test_mail_that_cannot_be_read_holds_up_no_other(private_state: Hive) -> None:
    hive, db, alice = private_state, private_state.db, voice("alice")
    settle_in(hive, "alice", "dave")
    hive.db.execute("DROP TRIGGER messages_keep_newest")
    columns = [row[0] for row in db.all("SELECT name FROM pragma_table_info('messages')")]
    for column in columns:
        for value in VALUES:
            db.execute("DELETE FROM messages")
            first, second, odd, last = (
                mailing.send(hive, alice, "dave", str(number)).id for number in range(4)
            )
            for number in (first, odd):
                with contextlib.suppress(sqlite3.IntegrityError):
                    db.execute(f"UPDATE messages SET {column} = {value} WHERE id = {number}")
            begun = beginning.begin(hive, "dave")
            assert begun and json.dumps(begun.message.public())
            dave = voice("dave")._replace(turn=begun.turn.id)
            taken = mailing.take(hive, dave, 9)["messages"]
            got = {begun.message.id, *(one["id"] for one in json.loads(json.dumps(taken)))}
            assert got >= {second, last}
            mailing.send(hive, alice, "dave", "nor does the history of the two hinder anybody")
            continuing.wake(hive, dave, "clock", "nor that of the agent's own programs")
            turns.end(db, begun.turn.id, "ok", "", clock.now())


def test_mail_that_cannot_be_read_is_a_dead_letter_and_said_at_once(private_state: Hive) -> None:
    hive, db = private_state, private_state.db
    settle_in(hive, "alice", "dave")
    number = mailing.send(hive, voice("alice"), "dave", "to be broken").id
    db.execute("UPDATE messages SET body = x'fffe' WHERE id = ?", (number,))
    with bell.listening(hive.paths.bell, "events") as (page,):
        assert beginning.begin(hive, "dave") is None
        assert page.wait(0)
    assert db.value("SELECT state FROM messages WHERE id = ?", number) == "dead"
    assert db.value("SELECT count(*) FROM turns") == 0
    assert "body is no str" in db.value("SELECT why FROM warnings WHERE name = ?", f"dead:{number}")
    last = "SELECT json_extract(payload, '$.why') FROM events WHERE kind = 'died'"
    assert db.value(last) == "body is no str"


def kept_all_the_same(hive: Hive) -> None:
    """What is due now is delivered, expires or is rung for, whatever else there is."""
    due = reminding.remind(hive, mailing.SHELL, "dave", "now", due_at=clock.now() - 1).id
    firing.mend(hive)
    firing.fire_due(hive)
    firing.next_due(hive)
    found = reminders.get(hive.db, due)
    assert found and found.state == "fired"
    now = watching.keep_promises(hive, clock.now() - 1)
    watching.look_around(hive)
    assert watching.next_deadline(hive) > now - 1
    crashes.look(hive)


def test_a_reminder_that_cannot_be_read_waits_for_the_operator(hive: Hive) -> None:
    number = reminding.remind(hive, mailing.SHELL, "alice", "now", due_at=clock.now() - 1).id
    hive.db.execute("UPDATE reminders SET body = x'ff', attempts = 4 WHERE id = ?", (number,))
    firing.fire_due(hive)
    found = reminders.get(hive.db, number)
    assert (
        found
        and found.state == "failed"
        and found.error == "its row cannot be read: body is no str"
    )
    told = [one.body for one in mail.peek(hive.db, "operator", 100)]
    assert any(f"hive-reminders retry {number}" in body for body in told)
