"""When what recurs comes: the first times of a schedule, the next one of a reminder that fires, and what a clock that
went back does to it.

A due time is the truth of a recurring reminder. The next is counted from it: so one that was late keeps its rhythm,
what passed meanwhile is counted and not made up for, and no time comes twice when the clock goes back a little.
"""

from typing import Any

from hivelib.base import bell
from hivelib.base.errors import HiveError
from hivelib.flow.opening import Hive
from hivelib.host import calendar
from hivelib.model import schedules
from hivelib.model.records import Reminder
from hivelib.model.schedules import Schedule
from hivelib.model.timely import ScheduleChanged
from hivelib.store import events, reminders

_CLOCK_WENT_BACK = "the clock went back by more than a period"


def upcoming(schedule: Schedule, now: float, count: int) -> list[float]:
    """The first times of a schedule that is added at `now`, UTC seconds: of a period after a whole one, of a calendar
    expression fewer than `count` where it ends. Raises NotNow when systemd takes too long to say."""
    if schedule.every is not None:
        return [now + schedule.every * (one + 1) for one in range(count)]
    return calendar.elapses(schedule.calendar, now, count)


def next_time(reminder: Reminder, now: float) -> tuple[float | None, int]:
    """The next time of a recurring reminder that fires at `now`, UTC seconds, and how many times it has missed; None
    when it never comes again.

    Raises NotNow when systemd takes too long to say, HiveError when it cannot.
    """
    if reminder.every is not None:
        return schedules.after(reminder.due_at, reminder.every, now)
    skipped = calendar.elapsed(reminder.calendar, reminder.due_at, now)
    return calendar.next_elapse(reminder.calendar, max(reminder.due_at, now)), skipped


def mend(hive: Hive, now: float) -> list[int]:
    """Sets recurring reminders anew that would be silent because the clock went back by more than their period; gives
    back which. Called at start and when the clock was set.

    One whose expression cannot be asked about stays as it is.
    """
    changed = []
    for one in reminders.recurring(hive.db):
        again = _brought_back(one, now)
        if again is None:
            continue
        with hive.db.write() as db:
            if reminders.get(db, one.id) != one:
                continue
            reminders.change(db, one.id, due_at=again)
            about: dict[str, Any] = {"id": one.id, "owner": one.owner}
            told = ScheduleChanged(one.owner, next_at=again, why=_CLOCK_WENT_BACK, **about)
            events.record(db, told, at=now)
        changed.append(one.id)
    if changed:
        bell.ring(hive.paths.bell, "reminder", "events")
    return changed


def _brought_back(reminder: Reminder, now: float) -> float | None:
    """Its next time, where the one that it has is more than a period away."""
    if reminder.every is not None:
        silent = schedules.silenced(reminder.due_at, reminder.every, now)
        return now + reminder.every if silent else None
    try:
        found = calendar.elapses(reminder.calendar, now, 2)
    except HiveError:
        return None
    # One time before its next may have been fired; two mean that the clock went back by more than a period.
    return found[0] if len(found) == 2 and found[1] < reminder.due_at else None
