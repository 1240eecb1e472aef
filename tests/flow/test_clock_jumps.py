"""hive-reminder on a clock of the tests' own that jumps ahead and back, and through a month of downtime: each reminder
comes once, and not before its time."""

import json
import signal
from collections.abc import Iterator

import pytest

from hivelib.flow import reminding
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.model.records import Reminder
from hivelib.store import events, mail
from tests.support.false_clock import FalseClock, Sleeper
from tests.support.waiting import until_value

HOUR, DAY = 3600.0, 86400.0


@pytest.fixture
def clock(hive: Hive) -> FalseClock:
    return FalseClock(hive)


@pytest.fixture
def reminder(clock: FalseClock) -> Iterator[Sleeper]:
    with Sleeper(clock, "reminder") as started:
        yield started


def remind(hive: Hive, clock: FalseClock, seconds: float, every: float | None = None) -> Reminder:
    due = clock.now() + seconds
    return reminding.remind(hive, SHELL, "alice", "x", due_at=due, every=every)


def fired(hive: Hive) -> list[dict[str, float]]:
    return [json.loads(row.payload) for row in events.latest(hive.db, 99, kind="reminder_fired")]


def comes(hive: Hive, count: int) -> None:
    """Waits until so many have been delivered in all, and no more."""
    sql = "SELECT count(*) >= ? FROM events WHERE kind = 'reminder_fired'"
    until_value(hive.db, sql, count)
    assert len(fired(hive)) == len(mail.peek(hive.db, "alice", 99)) == count


def settled(hive: Hive, clock: FalseClock, sleeper: Sleeper) -> None:
    """Waits until the sleeper has seen the clock as it is: it has delivered one that is due now."""
    before = len(fired(hive))
    remind(hive, clock, 0)
    comes(hive, before + 1)


def test_the_clock_jumps_ahead_and_back(hive: Hive, clock: FalseClock, reminder: Sleeper) -> None:
    settled(hive, clock, reminder)
    remind(hive, clock, HOUR)
    clock.jump(HOUR - 60)
    settled(hive, clock, reminder)
    assert [one["id"] for one in fired(hive)] == [1, 3], "it is not due yet"
    clock.jump(61)
    comes(hive, 3)
    assert 0 <= fired(hive)[-1]["late"] < 50
    remind(hive, clock, HOUR)
    clock.jump(-30 * DAY)
    settled(hive, clock, reminder)
    clock.jump(30 * DAY)
    settled(hive, clock, reminder)
    assert len(fired(hive)) == 5, "what had come does not come again, what is not due waits"
    clock.jump(HOUR)
    comes(hive, 6)


def test_after_a_month_of_downtime_each_late_one_comes_once(
    hive: Hive, clock: FalseClock, reminder: Sleeper
) -> None:
    settled(hive, clock, reminder)
    reminder.kill()
    for hours in range(1, 21):
        remind(hive, clock, hours * HOUR)
    daily = remind(hive, clock, DAY, every=DAY)
    clock.jump(30 * DAY)
    reminder.start()
    comes(hive, 1 + 21)
    late = fired(hive)[1:]
    assert all(one["late"] >= 29 * DAY for one in late)
    assert {one["skipped"] for one in late if one["id"] == daily.id} == {29}
    bodies = [message.body for message in mail.peek(hive.db, "alice", 99)][1:]
    assert all("late: it was due" in body for body in bodies)
    assert sum("missed 29 times" in body for body in bodies) == 1
    assert reminding.get(hive, daily.id).due_at == pytest.approx(clock.now() + DAY, abs=60)
    reminder.kill()
    reminder.start()
    settled(hive, clock, reminder)
    assert len(fired(hive)) == 23


def test_what_fell_due_while_the_machine_slept_comes_when_it_wakes(
    hive: Hive, clock: FalseClock, reminder: Sleeper
) -> None:
    settled(hive, clock, reminder)
    remind(hive, clock, HOUR)
    settled(hive, clock, reminder)
    reminder.signal(signal.SIGSTOP)
    clock.jump(8 * HOUR)
    assert len(fired(hive)) == 2
    reminder.signal(signal.SIGCONT)  # the ring of the jump is what the kernel's timer would say now
    comes(hive, 3)
    assert 7 * HOUR <= fired(hive)[-1]["late"] < 8 * HOUR


def test_a_sleeper_wakes_by_its_timer_without_any_ring(
    hive: Hive, clock: FalseClock, reminder: Sleeper
) -> None:
    clock.jump(30 * DAY)
    settled(hive, clock, reminder)
    remind(hive, clock, 0.5)
    comes(hive, 2)
    assert 0 <= fired(hive)[-1]["late"] < 30
