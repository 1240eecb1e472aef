"""What recurs: its next time."""

from hivelib.base.errors import Refused
from hivelib.model import schedules
from hivelib.model.records import Reminder


def next_time(reminder: Reminder, now: float) -> tuple[float, int]:
    """The next time of a recurring reminder that fires at `now`, UTC seconds, and how many times it has missed.

    Raises Refused when it has no period.
    """
    if reminder.every is None:
        raise Refused("only periods in seconds are known here", "give `every`")
    return schedules.after(reminder.due_at, reminder.every, now)
