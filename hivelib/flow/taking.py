"""What may be taken out of an inbox. Mail that cannot be read is set aside, for it must not keep the rest waiting."""

from hivelib.base.db import Database
from hivelib.flow import warning
from hivelib.model.events import Died
from hivelib.model.records import Message
from hivelib.model.soundness import parted
from hivelib.store import events, mail


def readable(
    db: Database, name: str, now: float, most: int, lane: str | None = None
) -> list[Message]:
    """Up to `most` messages of an inbox that are due and can be read, inside the caller's write transaction.

    One that cannot (only a program that is broken into writes it) becomes a dead letter, and a warning says so.
    """
    while due := mail.ready(db, name, now, most, lane):
        sound, odd = parted(due)
        for one in odd:
            number = int(one.name)
            mail.bury(db, number, 0)
            why = f"message {number} to {name} cannot be read: {one.why}"
            told = warning.raised(db, name, f"dead:{number}", why, f"hive-thread {number}")
            events.record(db, Died(name, id=number, deliveries=0, why=one.why), *told, at=now)
        if sound:
            return sound
    return []
