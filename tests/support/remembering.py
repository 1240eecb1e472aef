"""Reminders of alice, and what became of them."""

from hivelib.base import clock
from hivelib.flow import reminding
from hivelib.flow.opening import Hive
from hivelib.model.records import Message, Reminder
from hivelib.store import events, mail
from tests.support.residents import voice

ALICE = voice("alice")


def soon(hive: Hive, words: str = "tea", seconds: float = -1.0, **more: object) -> Reminder:
    """A reminder of alice's own, due in `seconds`."""
    due = clock.now() + seconds
    return reminding.remind(hive, ALICE, "alice", words, due_at=due, **more)  # type: ignore[arg-type]


def inbox(hive: Hive, name: str = "alice") -> list[Message]:
    """What waits for somebody."""
    return mail.peek(hive.db, name, 99)


def now(hive: Hive, reminder: Reminder) -> Reminder:
    """The reminder as it is now."""
    return reminding.get(hive, reminder.id)


def kinds(hive: Hive, reminder: Reminder) -> list[str]:
    """The events of a reminder, oldest first."""
    found = events.latest(hive.db, 99, subject=reminding.subject(reminder.id))
    return [event.kind for event in found]
