"""Reminders: who may set which, that each comes once, and what becomes of those that cannot be delivered."""

import math
import os

import pytest

from hivelib.base import bell, clock
from hivelib.base.errors import Misuse, Refused
from hivelib.flow import firing, reminding, tombstones, watching
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.model.records import Caller, Job, Reminder
from hivelib.store import agents, events, reminders
from tests.support.remembering import ALICE, inbox, kinds, now, soon
from tests.support.residents import asked, begin_turn, in_turn, settle_in, voice


@pytest.fixture(autouse=True)
def places(hive: Hive) -> None:
    """The directories that agents' boxes are made with."""
    for name in ("manager", "alice", "bob"):
        os.makedirs(hive.paths.agent_state(name))


def test_what_is_due_becomes_a_message_once_and_what_is_not_waits(hive: Hive) -> None:
    due, later = soon(hive), soon(hive, "coffee", 50)
    assert firing.next_due(hive) == due.due_at
    with bell.listening(hive.paths.bell, "turn.alice", "mail.alice") as listeners:
        assert (firing.fire_due(hive), firing.fire_due(hive)) == (1, 0)
        assert all(listener.wait(0) for listener in listeners)
    [message] = inbox(hive)
    assert (message.sender, message.body, message.lane) == ("reminder", "tea", "normal")
    assert (now(hive, due).state, now(hive, due).fired) == ("fired", 1)
    assert kinds(hive, due) == ["reminder_added", "reminder_fired"]
    assert firing.next_due(hive) == later.due_at
    sent = events.latest(hive.db, 9, kind="sent")
    assert len(sent) == 1 and f'"id":{message.id}' in sent[0].payload


def test_a_new_reminder_rings_and_one_that_nobody_heard_of_is_found_by_the_broker(
    hive: Hive,
) -> None:
    with bell.listening(hive.paths.bell, "reminder") as (listener,):
        watching.look_around(hive)
        assert not listener.wait(0), "nothing is overdue"
        soon(hive, seconds=50)
        assert listener.wait(0)
        watching.look_around(hive)
        assert not listener.wait(0), "it is not due"
        with hive.db.write() as db:
            reminders.change(db, 1, due_at=clock.now() - 1)
        watching.look_around(hive)
        assert listener.wait(0)


def test_a_late_one_and_one_of_the_operator_say_so(hive: Hive) -> None:
    soon(hive, "late", -61)
    soon(hive, "not very", -59)
    reminding.remind(hive, SHELL, "alice", "theirs", due_at=0)
    firing.fire_due(hive)
    theirs, late, on_time = (message.body for message in inbox(hive))
    assert (
        theirs == "(reminder 3, set by operator; late: it was due 1970-01-01T00:00:00Z)\n\ntheirs"
    )
    assert late.startswith("(reminder 1, late: it was due 2") and late.endswith("\n\nlate")
    assert on_time == "not very"


def test_a_recurring_one_comes_once_for_all_times_that_it_missed(hive: Hive) -> None:
    made = reminding.remind(hive, SHELL, "alice", "again", every=100.0)
    assert made.due_at == pytest.approx(clock.now() + 100, abs=10)
    with hive.db.write() as db:
        reminders.change(db, made.id, due_at=made.due_at - 450)
    assert firing.fire_due(hive) == 1
    again = now(hive, made)
    assert (again.state, again.fired, again.skipped) == ("pending", 1, 3)
    assert again.due_at == made.due_at - 50 and "missed 3 times" in inbox(hive)[0].body
    assert firing.fire_due(hive) == 0


def test_an_agent_sets_no_recurring_one_by_itself(hive: Hive) -> None:
    with pytest.raises(Refused, match="operator's to approve"):
        reminding.remind(hive, ALICE, "alice", "x", every=100.0)


@pytest.mark.parametrize(
    ("caller", "owner", "words", "due", "path"),
    [
        (ALICE, "bob", "x", 1.0, ""),
        (voice("manager"), "alice", "x", 1.0, ""),
        (SHELL, "nobody", "x", 1.0, ""),
        (SHELL, "operator", "x", 1.0, ""),
        (ALICE, "alice", " ", 1.0, ""),
        (ALICE, "alice", "x\0", 1.0, ""),
        (ALICE, "alice", "x" * 65537, 1.0, ""),
        (ALICE, "alice", "x", math.nan, ""),
        (ALICE, "alice", "x", math.inf, ""),
        (ALICE, "alice", "x", -1.0, ""),
        (ALICE, "alice", "x", 1e12, ""),
        *((ALICE, "alice", "x", 1.0, path) for path in ("/etc/passwd", "plan.md", "/state", "/state/")),
        *((ALICE, "alice", "x", 1.0, f"/state/{path}") for path in ("../x", "a/./b", "a//b", "a/", "..")),
        *((ALICE, "alice", "x", 1.0, f"/state/{path}") for path in ("a\nb", "\ud800", "a/" * 30 + "b")),
    ],
)  # fmt: skip
def test_what_may_not_be_is_refused_and_leaves_nothing(
    hive: Hive, caller: Caller, owner: str, words: str, due: float, path: str
) -> None:
    with pytest.raises((Refused, Misuse)) as refusal:
        reminding.remind(hive, caller, owner, words, due_at=due, file_path=path)
    assert refusal.value.hint and reminding.listed(hive, over=True) == []
    assert firing.next_due(hive) is None


def test_an_agent_has_so_many_at_most_and_others_have_theirs(hive: Hive) -> None:
    for _ in range(hive.settings.reminders.pending_most):
        soon(hive, seconds=50)
    with pytest.raises(Refused, match="50 reminders of alice"):
        soon(hive)
    reminding.remind(hive, voice("bob"), "bob", "x", due_at=1)
    assert reminding.cancel(hive, ALICE, 1)
    soon(hive)


def test_the_same_call_asked_again_sets_nothing_and_is_answered_the_same(hive: Hive) -> None:
    turn = begin_turn(hive, "alice")

    def call(due: float) -> Reminder:
        return reminding.remind(hive, in_turn(turn), "alice", "x", due_at=due, request=asked(turn))

    first = call(100.0)
    assert (call(200.0).id, call(300.0).due_at) == (first.id, 100.0)
    assert len(reminding.listed(hive, over=True)) == 1
    with hive.db.write() as db:
        db.execute("UPDATE turns SET ended_at = 1.0")
    assert call(100.0).id == first.id, "also when the turn is over"
    with pytest.raises(Refused, match="is not running"):
        reminding.remind(hive, in_turn(turn), "alice", "y", due_at=1.0)


def test_only_who_has_it_or_rules_takes_it_back(hive: Hive) -> None:
    mine = soon(hive, seconds=50)
    with pytest.raises(Refused, match="you have no reminder"):
        reminding.cancel(hive, voice("bob"), mine.id)
    with pytest.raises(Refused, match="you have no reminder 99"):
        reminding.cancel(hive, ALICE, 99)
    assert reminding.cancel(hive, ALICE, mine.id) and not reminding.cancel(hive, SHELL, mine.id)
    assert kinds(hive, mine) == ["reminder_added", "reminder_cancelled"]
    other = soon(hive)
    firing.fire_due(hive)
    with pytest.raises(Refused, match="has been delivered"):
        reminding.cancel(hive, SHELL, other.id)
    third = soon(hive)
    assert reminding.cancel(hive, Caller("manager", "manager", "mcp"), third.id)
    assert firing.fire_due(hive) == 0


def test_a_tombstones_reminders_wait_for_its_return_and_end_with_its_purge(hive: Hive) -> None:
    mine = soon(hive, "still?", -100)
    with hive.db.write() as db:
        agents.set_state(db, "alice", "destroyed", 0.0)
    assert firing.next_due(hive) is None and firing.fire_due(hive) == 0
    with hive.db.write() as db:
        agents.set_state(db, "alice", "stopped", 0.0)
    assert firing.fire_due(hive) == 1
    assert "late: it was due" in inbox(hive)[0].body, "a stopped agent's mail waits"
    other = soon(hive, "too late", 50)
    with hive.db.write() as db:
        agents.set_state(db, "alice", "destroyed", 0.0)
    job = Job(1, "lifecycle", "purge", "alice", None, "running", "operator", 0, 0, None, "", "")
    tombstones.purge(hive, job, lambda _: None)
    assert (now(hive, mine).state, now(hive, other).state) == ("fired", "cancelled")


def test_a_new_incarnation_gets_nothing_of_the_old(hive: Hive) -> None:
    soon(hive)
    with hive.db.write() as db:
        agents.set_state(db, "alice", "destroyed", 0.0)
        agents.remove(db, "alice")
    settle_in(hive, "alice")
    assert firing.next_due(hive) is None and firing.fire_due(hive) == 0
    assert inbox(hive) == []
