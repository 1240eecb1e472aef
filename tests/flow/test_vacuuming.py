"""What is old goes; what waits, what is young and what is for ever stays."""

import os
import re
from pathlib import Path

import pytest

from hivelib.base import clock
from hivelib.flow import mailing, vacuuming
from hivelib.flow.opening import Hive, open_transcript
from hivelib.model.events import WarningRaised
from hivelib.store import answers, events, mail, retention, schema, search, transcripts, turns
from tests.support.aged import DAY, numbers, put, swept, whole
from tests.support.residents import asked, begin_turn, settle_in

OLD = 400 * DAY


@pytest.fixture
def hive(private_state: Hive) -> Hive:
    settle_in(private_state, "alice", "bob")
    return private_state


def test_only_acked_mail_that_is_old_goes_and_never_the_newest(hive: Hive) -> None:
    kept = [put(hive, state, 400) for state in ("queued", "claimed", "dead")]
    gone = put(hive, "acked", 31)
    search.catch_up(hive.db)
    late = put(hive, "acked", 31)  # not in the index yet
    kept.append(put(hive, "acked", 29))
    kept.append(put(hive, "acked", 400))  # the newest
    assert numbers(hive) == sorted([*kept, gone, late])
    assert swept(hive, dry_run=True) == {"messages": 2}
    assert numbers(hive) == sorted([*kept, gone, late]), "a dry run lets all stay"
    assert swept(hive) == {"messages": 2}
    assert numbers(hive) == kept
    assert swept(hive) == {}
    assert whole(hive.db)
    assert len(search.search(hive.db, "word", 99)) == len(kept)
    assert mailing.send(hive, mailing.SHELL, "alice", "next").id == kept[-1] + 1


def test_an_answer_whose_question_went_is_still_in_its_thread(hive: Hive) -> None:
    first = put(hive, "acked", 40)
    both = [put(hive, "acked", 1, in_reply_to=first) for _ in range(2)]
    last = put(hive, "queued", 1, in_reply_to=both[0])
    assert [one.id for one in mail.thread(hive.db, both[1])] == [first, *both, last]
    swept(hive)
    for number in (*both, last):
        assert [one.id for one in mail.thread(hive.db, number)] == [*both, last]


def test_of_a_broadcast_those_that_wait_stay_and_know_what_they_are(hive: Hive) -> None:
    first, second = put(hive, "acked", 40), put(hive, "queued", 40)
    with hive.db.write() as db:
        mail.mark_broadcast(db, [first, second])
        answers.keep_key(db, "operator", "once", first, clock.now() - 40 * DAY)
    swept(hive)
    left = mail.get(hive.db, second)
    assert left and left.broadcast_id == first
    assert mail.recipients(hive.db, first) == ["bob"]


def test_a_key_is_known_as_long_as_its_message_is(hive: Hive) -> None:
    old = clock.now() - 40 * DAY
    waits, gone = put(hive, "queued", 40), put(hive, "acked", 40)
    put(hive, "acked", 1)
    with hive.db.write() as db:
        answers.keep_key(db, "operator", "waits", waits, old)
        answers.keep_key(db, "operator", "gone", gone, old)
        answers.keep_key(db, "operator", "young", gone, clock.now())
    assert swept(hive) == {"messages": 1, "keys": 1}
    known = [answers.known_key(hive.db, "operator", key) for key in ("waits", "gone", "young")]
    assert known == [waits, None, gone]


def test_what_a_running_turn_was_answered_stays(hive: Hive) -> None:
    over, runs = begin_turn(hive, "alice"), begin_turn(hive, "bob")
    old = clock.now() - 3 * DAY
    with hive.db.write() as db:
        for turn in (over, runs, over):
            answers.reserve(db, asked(turn, str(db.value("SELECT count(*) FROM answers"))), old)
        turns.end(db, over.id, "ok", "", clock.now())
    assert swept(hive) == {"answers": 1}
    assert hive.db.all("SELECT turn FROM answers ORDER BY id") == [(runs.id,), (over.id,)]


def test_turns_go_but_the_newest_of_each_agent_and_those_that_run(hive: Hive) -> None:
    past = clock.now() - OLD
    with hive.db.write() as db:
        for name in ("alice", "alice", "bob", "bob"):
            number = turns.begin(db, name, 1, "sonnet", past)
            turns.end(db, number, "ok", "", past)
        runs = turns.begin(db, "bob", 1, "sonnet", past)
    assert swept(hive) == {"turns": 3}
    assert hive.db.all("SELECT agent, id FROM turns ORDER BY id") == [("alice", 2), ("bob", runs)]


def test_what_is_for_ever_and_what_is_to_come_stays(hive: Hive) -> None:
    past, day = clock.now() - OLD, clock.now() - DAY
    reminder = (
        "INSERT INTO reminders(owner, incarnation, body, due_at, state, created_at, created_by, fired_at, approval)"
        " VALUES('alice', 1, 'x', ?, ?, ?, 'alice', ?, ?)"
    )
    with hive.db.write() as db:
        for due, state, fired, approval in (
            (past, "fired", past, None),
            (past, "fired", day, None),  # late: the machine was off
            (past, "cancelled", None, None),
            (past, "failed", None, None),
            (past, "pending", None, None),
            (past, "cancelled", None, 1),
            (clock.now() + OLD, "cancelled", None, None),
        ):
            db.execute(reminder, (due, state, past, fired, approval))
        db.execute(
            "INSERT INTO questions(asker, target, question, asked_at, state) VALUES('a', 'b', '?', ?, 'expired')",
            (past,),
        )
        db.execute(
            "INSERT INTO approvals(kind, agent, requested_by, requested_at, expires_at, resolved_at)"
            " VALUES('spawn', 'alice', 'manager', 1, 2, 3)"
        )
        for state, ended in (("done", past), ("failed", past), ("queued", None), ("running", None)):
            db.execute(
                "INSERT INTO jobs(lane, kind, agent, by, state, queued_at, ended_at)"
                " VALUES('x', 'x', 'a', 'x', ?, ?, ?)",
                (state, past, ended),
            )
        for until in (past, clock.now() + DAY):
            db.execute("INSERT INTO web_logins VALUES(?, 'admin', 1, ?)", (str(until), until))
            db.execute(
                "INSERT INTO web_sessions VALUES(?, 'admin', 1, ?, 1, '')", (str(until), until)
            )
    gone = {"reminders": 2, "jobs": 2, "web_logins": 1, "web_sessions": 1}
    assert swept(hive, dry_run=True) == gone
    assert swept(hive) == gone
    kept = hive.db.all("SELECT state, approval FROM reminders ORDER BY id")
    assert kept == [
        ("fired", None),
        ("failed", None),
        ("pending", None),
        ("cancelled", 1),
        ("cancelled", None),
    ]
    counts = [hive.db.value(f"SELECT count(*) FROM {name}") for name in ("questions", "approvals")]
    assert counts == [1, 1]


def test_events_go_and_their_numbers_never_come_again(hive: Hive) -> None:
    with hive.db.write() as db:
        for days in (100, 91, 89, 95):
            raised = WarningRaised("x", name="x", why="y", mend="z")
            events.record(db, raised, at=clock.now() - days * DAY)
    last = events.last_seq(hive.db)
    assert swept(hive) == {"events": 2}
    assert events.first_seq(hive.db) == last - 1, "the one of day 89, and the newest"
    with hive.db.write() as db:
        assert events.record(db, WarningRaised("x", name="x", why="y", mend="z")) == last + 1


def test_zero_days_still_leave_what_the_brakes_look_at(hive: Hive) -> None:
    ages = hive.settings.retention._replace(acked_days=0.0, events_days=0.0)
    hive = hive._replace(settings=hive.settings._replace(retention=ages))
    put(hive, "acked", 2 / 24)
    young = put(hive, "acked", 0.5 / 24)
    newest = put(hive, "queued", 0)
    assert swept(hive) == {"messages": 1}
    assert numbers(hive) == [young, newest]


def test_rows_from_the_time_of_a_wrong_clock_keep_no_others(hive: Hive) -> None:
    for days in (40, 39, -300, -300, 38, 37, -300, 36, 1):
        put(hive, "acked", days)
    assert swept(hive) == {"messages": 5}
    assert numbers(hive) == [3, 4, 7, 9]


def test_lines_of_every_agent_there_was_go(hive: Hive) -> None:
    os.makedirs(f"{hive.paths.state}/agents/.carol.3")
    for name in ("alice", "orphan", "carol"):
        line = open_transcript(hive, name, create=True)
        assert line
        with line:
            for days in (20, 15, 13, 20):
                transcripts.append(line, 1, clock.now() - days * DAY, "assistant", "{}")
    os.rename(
        hive.paths.transcript("carol"), f"{hive.paths.state}/agents/.carol.3/transcript.sqlite"
    )
    os.symlink(hive.paths.transcript("alice"), hive.paths.transcript("link"))
    Path(hive.paths.transcript("new")).touch()  # who makes it died over it
    Path(hive.paths.transcript("broken")).write_bytes(b"damage" * 1000)
    found = {one.database: one for one in vacuuming.vacuum(hive)}
    assert {name: one.rows for name, one in found.items() if name != "hive.sqlite"} == {
        "transcripts/alice.sqlite": {"lines": 2},
        "transcripts/broken.sqlite": {},
        "transcripts/orphan.sqlite": {"lines": 2},
        "agents/.carol.3/transcript.sqlite": {"lines": 2},
    }
    assert "damaged" in found["transcripts/broken.sqlite"].fault
    line = open_transcript(hive, "alice")
    assert line
    with line:
        assert [one.row for one in transcripts.after(line, 0)] == [3, 4]
        assert transcripts.append(line, 2, clock.now(), "assistant", "{}") == 5


def test_every_table_has_somebody_who_ages_it_or_a_reason() -> None:
    for_ever = {"agents", "approvals", "questions", "warnings", "facts", "looks", "messages_search"}
    aged = {rule.table for rule in (*retention.HIVE, *retention.TRANSCRIPT)}
    text = "".join((*schema.HIVE, *schema.TRANSCRIPT))
    tables = set(re.findall(r"^CREATE (?:VIRTUAL )?TABLE (\w+)", text, re.MULTILINE))
    assert tables == aged | for_ever
