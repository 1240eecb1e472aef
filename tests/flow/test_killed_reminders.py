"""Killed between any two things that others can see: who sets a reminder, who delivers it, who takes it back."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hivelib.base import clock
from hivelib.flow import firing, reminding
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.model.records import Reminder
from hivelib.store import events, mail
from tests.support import fault_points
from tests.support.fault_points import END
from tests.support.residents import asked, begin_turn, in_turn

LONG = "remember " * 50


@pytest.fixture
def killed(hive: Hive, short_path: Path) -> Callable[[int, Callable[[Hive], object]], list[str]]:
    """Kills a process before its point of that number; gives the points that it came to."""
    for name in ("alice", "bob"):
        os.makedirs(hive.paths.agent_state(name))
    return lambda before, does: fault_points.killed(hive, before, short_path / "points", does)


Killed = Callable[[int, Callable[[Hive], object]], list[str]]


def messages(hive: Hive) -> int:
    return len([one for one in mail.peek(hive.db, "alice", 99) if one.sender == "reminder"])


def told(hive: Hive, reminder: Reminder) -> list[str]:
    found = events.latest(hive.db, 99, subject=reminding.subject(reminder.id))
    return [event.kind for event in found]


@pytest.mark.parametrize(
    ("words", "path", "every"),
    [
        ("short", "", None),
        ("short", "", 60.0),
        (LONG, "", None),
        ("short", "/state/a/plan.md", None),
    ],
)
def test_who_delivers_dies_and_the_next_one_delivers_it_once(
    hive: Hive, killed: Killed, words: str, path: str, every: float | None
) -> None:
    points = [""]
    for before in range(1, 20):
        due, body = clock.now() - 1, f"{words} {before}"
        made = reminding.remind(hive, SHELL, "alice", body, due_at=due, file_path=path, every=every)
        came = messages(hive)
        points = killed(before, firing.fire_due)
        assert messages(hive) - came in (0, 1)
        firing.fire_due(hive)
        assert messages(hive) - came == 1 and told(hive, made).count("reminder_fired") == 1
        state = hive.paths.agent_state("alice")
        if path or words == LONG:
            file = path.removeprefix("/state/") or f"reminders/{made.id}.md"
            with open(f"{state}/{file}", encoding="utf-8") as spilled:
                assert spilled.read() == body
            assert not [name for _, _, names in os.walk(state) for name in names if "new" in name]
        if points[-1] == END:
            break
    spilled_points = [point for point in points if point.startswith("os.")]
    assert points[-1] == END and len(points) >= 3
    assert bool(spilled_points) == bool(path or words == LONG)


def test_who_sets_one_dies_and_asks_again(hive: Hive, killed: Killed) -> None:
    turn = begin_turn(hive, "alice")
    for before in range(1, 9):

        def remind(hive: Hive, before: int = before) -> object:
            request = asked(turn, str(before))
            return reminding.remind(hive, in_turn(turn), "alice", "x", due_at=1.0, request=request)

        points = killed(before, remind)
        remind(hive)
        assert len(reminding.listed(hive)) == before
        if points[-1] == END:
            break
    assert points == ["commit", "ring reminder events", END]


def test_who_takes_one_back_dies_and_it_is_there_or_not(hive: Hive, killed: Killed) -> None:
    for before in range(1, 9):
        made = reminding.remind(hive, SHELL, "alice", "x", due_at=clock.now() + 60)
        points = killed(before, lambda hive, number=made.id: reminding.cancel(hive, SHELL, number))  # type: ignore[misc]
        gone = reminding.get(hive, made.id).state == "cancelled"
        assert told(hive, made) == ["reminder_added", *["reminder_cancelled"] * gone]
        assert gone == (before > 1) and reminding.cancel(hive, SHELL, made.id) != gone
        if points[-1] == END:
            break
    assert points == ["commit", "ring reminder events", END]


def test_who_gives_one_up_dies_and_the_operator_is_told_once(hive: Hive, killed: Killed) -> None:
    os.symlink("/etc", f"{hive.paths.agent_state('alice')}/notes")
    for before in range(1, 9):
        made = reminding.remind(hive, SHELL, "alice", "x", due_at=1, file_path="/state/notes/x")
        for _ in range(4):
            firing.fire_due(hive)
            with hive.db.write() as db:
                db.execute("UPDATE reminders SET not_before = 0")
        points = killed(before, firing.fire_due)
        firing.fire_due(hive)
        assert reminding.get(hive, made.id).state == "failed"
        assert told(hive, made) == ["reminder_added", *["reminder_failed"] * 5]
        assert len(mail.peek(hive.db, "operator", 99)) == before
        if points[-1] == END:
            break
    assert points[-1] == END
