"""Reminders that become files, and what becomes of those that cannot be delivered."""

import os
from pathlib import Path

import pytest

from hivelib.base import clock
from hivelib.base.errors import Refused
from hivelib.flow import firing, reminding
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.model.records import Reminder
from hivelib.store import reminders, warnings
from tests.support.remembering import ALICE, inbox, kinds, now, soon
from tests.support.residents import settle_in
from tests.support.state import make_state


@pytest.fixture(autouse=True)
def places(hive: Hive) -> None:
    """What alice's box is made with."""
    os.makedirs(hive.paths.agent_state("alice"))


def fail(hive: Hive, reminder: Reminder) -> None:
    """Lets the next attempt's time come, and attempts."""
    with hive.db.write() as db:
        reminders.change(db, reminder.id, not_before=0.0)
    firing.fire_due(hive)


def test_a_long_one_is_a_file_and_the_message_says_which(hive: Hive) -> None:
    made = soon(hive, "long " * 100)
    firing.fire_due(hive)
    file = f"{hive.paths.agent_state('alice')}/reminders/{made.id}.md"
    with open(file, encoding="utf-8") as spilled:
        assert spilled.read() == "long " * 100
    assert os.stat(file).st_mode & 0o777 == 0o600
    want = f"/state/reminders/{made.id}.md is what you are reminded of (500 bytes)"
    assert inbox(hive)[0].body == want


def test_a_file_of_the_agents_own_is_not_overwritten_but_one_that_it_named_is(hive: Hive) -> None:
    state = hive.paths.agent_state("alice")
    made = soon(hive, "long " * 100)
    os.makedirs(f"{state}/reminders")
    for name in (f"reminders/{made.id}.md", "plan.md"):
        with open(f"{state}/{name}", "w", encoding="utf-8") as own:
            own.write("mine")
    named = soon(hive, "short", file_path="/state/plan.md")
    assert firing.fire_due(hive) == 2
    with open(f"{state}/reminders/{made.id}.md", encoding="utf-8") as own:
        assert own.read() == "mine"
    assert f"/state/reminders/{made.id}-1.md is what" in inbox(hive)[0].body
    with open(f"{state}/plan.md", encoding="utf-8") as theirs:
        assert theirs.read() == "short"
    assert now(hive, named).state == "fired" and sorted(os.listdir(state)) == [
        "plan.md",
        "reminders",
    ]


def test_one_that_cannot_be_delivered_is_tried_five_times_and_then_waits_for_the_operator(
    hive: Hive,
) -> None:
    os.symlink("/etc", f"{hive.paths.agent_state('alice')}/notes")
    bad = soon(hive, "x", file_path="/state/notes/x")
    good = soon(hive, "the next one is delivered all the same")
    assert firing.fire_due(hive) == 1 and now(hive, good).state == "fired"
    pauses = []
    for _ in range(4):
        found = now(hive, bad)
        assert (found.state, "a link" in found.error) == ("pending", True)
        pauses.append(round((found.not_before - clock.now()) / 60))
        assert firing.fire_due(hive) == 0, "not before its pause is over"
        fail(hive, bad)
    assert pauses == [1, 2, 4, 8]
    assert (now(hive, bad).state, now(hive, bad).attempts) == ("failed", 5)
    assert kinds(hive, bad) == ["reminder_added", *["reminder_failed"] * 5]
    [(name, _, why, mend)] = warnings.standing(hive.db)
    assert (name, mend) == ("reminder:1", "hive-reminders retry 1") and "a link" in why
    [told] = inbox(hive, "operator")
    assert told.lane == "urgent" and "hive-reminders retry 1" in told.body
    assert firing.next_due(hive) is None


def test_the_operator_lets_it_be_tried_again(hive: Hive) -> None:
    where = f"{hive.paths.agent_state('alice')}/notes"
    os.symlink("/etc", where)
    bad = soon(hive, "x", file_path="/state/notes/x")
    for _ in range(5):
        fail(hive, bad)
    os.unlink(where)
    with pytest.raises(Refused, match="only the operator"):
        reminding.retry(hive, ALICE, bad.id)
    assert reminding.retry(hive, SHELL, bad.id) and not reminding.retry(hive, SHELL, bad.id)
    assert warnings.standing(hive.db) == []
    assert firing.fire_due(hive) == 1 and now(hive, bad).state == "fired"
    with pytest.raises(Refused, match="is over"):
        reminding.retry(hive, SHELL, bad.id)


def test_a_failed_one_can_be_cancelled(hive: Hive) -> None:
    bad = soon(hive, "x", file_path="/state/notes/x")
    with hive.db.write() as db:
        reminders.change(db, bad.id, state="failed")
        warnings.raise_once(db, "reminder:1", "why", "mend", 0.0)
    assert reminding.cancel(hive, SHELL, bad.id) and warnings.standing(hive.db) == []


def test_a_full_disk_is_not_the_reminders_fault(short_path: Path) -> None:
    where = short_path / "full"
    where.mkdir()
    full = make_state(where, "[box]\nfree_bytes = 1152921504606846976\n")
    settle_in(full, "alice")
    os.makedirs(full.paths.agent_state("alice"))
    with full.db:
        made, short = soon(full, "x", file_path="/state/x"), soon(full, "short")
        assert firing.fire_due(full) == 1 and now(full, short).state == "fired"
        found = now(full, made)
        assert (found.state, found.attempts) == ("pending", 0) and "free" in found.error
        assert found.not_before == pytest.approx(clock.now() + 60, abs=10)
        assert firing.fire_due(full) == 0 and kinds(full, made) == ["reminder_added"]


def test_a_bug_in_one_keeps_no_other(hive: Hive, capsys: pytest.CaptureFixture[str]) -> None:
    bad, good = soon(hive, seconds=-2), soon(hive)
    with hive.db.write() as db:
        db.execute("UPDATE reminders SET every = 0 WHERE id = ?", (bad.id,))
    assert firing.fire_due(hive) == 1 and now(hive, good).state == "fired"
    assert now(hive, bad).error.startswith("a bug: ") and "Traceback" in capsys.readouterr().err
