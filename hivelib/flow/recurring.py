"""When what recurs comes: the first times of a schedule, the next of a reminder that fires, the one after the clock
went back.

A due time is the truth of a recurring reminder. The next is counted from it: so one that was late keeps its rhythm,
what passed meanwhile is counted and not made up for, and no time comes twice when the clock goes back a little.
"""

from hivelib.base.errors import HiveError, Refused
from hivelib.flow.opening import Hive
from hivelib.host import calendar
from hivelib.model import schedules
from hivelib.model.records import Reminder
from hivelib.model.schedules import Schedule


def upcoming(schedule: Schedule, now: float, count: int) -> list[float]:
    """The first times of a schedule that is added at `now`, UTC seconds: of a period after a whole one, of a calendar
    expression fewer than `count` where it ends. Raises NotNow when systemd takes too long to say."""
    if schedule.every is not None:
        return [now + schedule.every * (one + 1) for one in range(count)]
    return calendar.elapses(schedule.calendar, now, count)


def refuse_unfit(hive: Hive, schedule: Schedule, now: float) -> None:
    """Raises Refused, with a reason and a way out, for what cannot be a schedule: also for a calendar expression that
    systemd does not know, that never comes after `now`, or that comes too often."""
    limits = hive.settings.reminders
    if wrong := schedules.why_not(schedule, limits):
        raise Refused(*wrong)
    if schedule.calendar:
        calendar.check(schedule.calendar, now, limits.every_least)


def next_time(reminder: Reminder, now: float) -> tuple[float | None, int]:
    """The next time of a recurring reminder that fires at `now`, UTC seconds, and how many times it has missed; None
    when it never comes again.

    Raises NotNow when systemd takes too long to say, HiveError when it cannot.
    """
    if reminder.every is not None:
        return schedules.after(reminder.due_at, reminder.every, now)
    skipped = calendar.elapsed(reminder.calendar, reminder.due_at, now)
    return calendar.next_elapse(reminder.calendar, max(reminder.due_at, now)), skipped


def brought_back(reminder: Reminder, now: float) -> float | None:
    """The next time of a recurring reminder that would be silent because the clock went back by more than a period;
    None when its time stands. A calendar expression that cannot be asked about leaves it as it is."""
    if reminder.every is not None:
        begins = not reminder.fired and reminder.due_at - reminder.created_at > reminder.every + 1
        far = reminder.due_at - now > reminder.every
        return now + reminder.every if far and not begins else None
    try:
        found = calendar.elapses(reminder.calendar, now, 2)
    except HiveError:
        return None
    # One time before its next may be the one that was fired; two mean that the clock went back by more than a period.
    return found[0] if len(found) == 2 and found[1] < reminder.due_at else None
