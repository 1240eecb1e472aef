"""hive-reminder: delivers reminders when their time has come, each once.

A reminder's message, its row and its events are one transaction: whoever dies, it was delivered or it was not. Its
file, if it has one, is written before that, and again after a kill, to the same effect. It sleeps to the next time or
to its bell; nothing wakes it without a reason but the watchdog.
"""

import math
import traceback

from hivelib.base import alarm, bell, clock, journal
from hivelib.base.bell import Listener
from hivelib.base.errors import HiveError, NotNow
from hivelib.base.sd import notify
from hivelib.flow import mailing, recurring, reminding, spilling, warning
from hivelib.flow.opening import Hive
from hivelib.model import names, rules, wording
from hivelib.model.events import Event
from hivelib.model.events import Sent as SentEvent
from hivelib.model.names import OPERATOR
from hivelib.model.records import Reminder
from hivelib.model.soundness import parted, why_not
from hivelib.model.timely import ReminderFailed, ReminderFired, ScheduleChanged
from hivelib.store import events, mail, reminders

LATE = 60.0
"""A reminder that comes so many seconds after its time says so."""

_AT_ONCE = 100  # delivered before it looks at its bell and the watchdog again
_PAUSE = 60.0  # seconds until a database that could not be written is tried again
_PAUSE_MOST = 86400.0
_STEP = 1.0  # seconds by which a clock that is only trimmed does not jump


def serve(hive: Hive) -> None:
    """Runs until it is stopped."""
    with Listener(hive.paths.bell, "reminder") as listener, alarm.Alarm(listener) as waker:
        notify("READY=1")
        # How far the wall clock was ahead of the monotonic one. At start it may have been set meanwhile.
        ahead = math.inf
        while True:
            hive.db.still_there()  # else it would deliver from a database that nobody sees
            try:
                if (lead := clock.now() - clock.monotonic()) < ahead - _STEP:
                    mend(hive)
                ahead = lead
                fire_due(hive)
                following = reminders.next_due(hive.db)
            except NotNow as error:  # a full disk
                notify(f"STATUS=waits for the disk: {error.message}")
                waker.wait(alarm.NEVER, _PAUSE)
                continue
            if following is None:
                notify("STATUS=nothing is due")
                waker.wait(alarm.NEVER)
            else:
                number, at = following
                notify(f"STATUS=waits for reminder {number} at {clock.iso(at)}")
                waker.wait(at)


def mend(hive: Hive) -> list[int]:
    """Sets anew what recurs and would be silent because the clock went back; gives back which.

    Raises NotNow when the database cannot be written.
    """
    changed, now = [], clock.now()
    for one in parted(reminders.recurring(hive.db))[0]:
        again = recurring.brought_back(one, now)
        if again is None:
            continue
        with hive.db.write() as db:
            if reminders.get(db, one.id) != one:  # cancelled meanwhile
                continue
            reminders.change(db, one.id, due_at=again)
            subject, why = reminding.subject(one.id), "the clock went back by more than a period"
            told = ScheduleChanged(subject, id=one.id, owner=one.owner, next_at=again, why=why)
            events.record(db, told, at=now)
        changed.append(one.id)
    if changed:
        bell.ring(hive.paths.bell, "events")
    return changed


def next_due(hive: Hive) -> float | None:
    """When the next reminder is due, UTC seconds; None when none is pending of an agent that is there."""
    following = reminders.next_due(hive.db)
    return following[1] if following else None


def fire_due(hive: Hive) -> int:
    """Delivers what is due, some hundred at most; gives back how many. What cannot be delivered is tried again later.

    Raises NotNow when the database cannot be written.
    """
    fired = 0
    for reminder in reminders.due(hive.db, clock.now(), _AT_ONCE):
        try:
            fired += _fire(hive, reminder)
        except NotNow as error:  # the disk, not the reminder: it does not count
            _postpone(hive, reminder, str(error))
        except HiveError as error:
            _fail(hive, reminder, str(error))
        except Exception as error:  # noqa: BLE001 - one reminder's bug must not keep the others
            traceback.print_exc(file=journal.ERRORS)
            _fail(hive, reminder, f"a bug: {type(error).__name__}: {error}")
    if fired:  # once for all, and after the rings: until then a power failure forgets message and delivery alike
        hive.db.sync()
    return fired


def _fire(hive: Hive, reminder: Reminder) -> bool:
    now = clock.now()
    if why := why_not(reminder):
        raise HiveError(f"its row cannot be read: {why}")
    if not _still(hive, reminder, now):
        return False
    path = spilling.spilled(hive, reminder) if spilling.wants_file(hive, reminder) else ""
    next_at, skipped = recurring.next_time(reminder, now) if reminder.recurring else (None, 0)
    late = max(0.0, now - reminder.due_at)
    body = wording.reminded(
        reminder,
        path=path,
        due=clock.iso(reminder.due_at) if late > LATE else "",
        skipped=skipped,
        last=reminder.recurring and next_at is None,
    )
    with hive.db.write(durable=False) as db:
        if not _still(hive, reminder, now):  # cancelled, or its owner destroyed, meanwhile
            return False
        message = mail.add(db, names.REMINDER, reminder.owner, body, lane="normal", at=now)
        told = _sent(reminder, message), _fired(reminder, message, late, skipped, next_at)
        events.record(db, *told, at=now)
        kept = {"state": "fired"} if next_at is None else {"due_at": next_at}
        reminders.change(
            db,
            reminder.id,
            **kept,
            attempts=0,
            not_before=0.0,
            error="",
            fired_at=now,
            fired=reminder.fired + 1,
            skipped=reminder.skipped + skipped,
        )
    mailing.ring_inboxes(hive, [reminder.owner])
    return True


def _still(hive: Hive, reminder: Reminder, now: float) -> bool:
    """Whether it is as it was, due, and its owner is there."""
    same = reminders.get(hive.db, reminder.id) == reminder
    return same and reminders.is_due(hive.db, reminder.id, now)


def _sent(reminder: Reminder, message: int) -> SentEvent:
    return SentEvent(
        reminder.owner,
        id=message,
        sender=names.REMINDER,
        recipient=reminder.owner,
        lane="normal",
        in_reply_to=None,
        broadcast_id=None,
    )


def _fired(
    reminder: Reminder, message: int, late: float, skipped: int, next_at: float | None
) -> ReminderFired:
    return ReminderFired(
        reminding.subject(reminder.id),
        id=reminder.id,
        owner=reminder.owner,
        message=message,
        late=late,
        skipped=skipped,
        next_at=next_at,
    )


def _postpone(hive: Hive, reminder: Reminder, why: str) -> None:
    """Tries a reminder again a little later; not an attempt."""
    with hive.db.write(durable=False) as db:
        if reminders.get(db, reminder.id) == reminder:
            later = clock.now() + hive.settings.reminders.pause_first
            reminders.change(db, reminder.id, not_before=later, error=why)


def _fail(hive: Hive, reminder: Reminder, why: str) -> None:
    """An attempt was in vain: another one after a pause that doubles, or it waits for the operator from now on."""
    limits, now = hive.settings.reminders, clock.now()
    attempts = reminder.attempts + 1
    pause = rules.pause(attempts, limits.pause_first, _PAUSE_MOST)
    again = None if attempts >= limits.attempts_most else now + pause
    number, owner = reminder.id, reminder.owner
    with hive.db.write() as db:
        if reminders.get(db, number) != reminder:
            return
        told: list[Event] = [
            ReminderFailed(
                reminding.subject(number),
                id=number,
                owner=owner,
                attempts=attempts,
                why=why,
                again_at=again,
            )
        ]
        reminders.change(
            db,
            number,
            state="failed" if again is None else "pending",
            attempts=attempts,
            not_before=again or 0.0,
            error=why,
        )
        if again is None:
            words = f"reminder {number} of {owner} failed {attempts} times: {why}"
            mend = f"hive-reminders retry {number}"
            told += warning.raised(db, owner, reminding.subject(number), words, mend)
            mailing.notify(hive, OPERATOR, f"{words}\n\nwhen it is mended: {mend}", urgent=True)
        events.record(db, *told, at=now)
    if again is None:
        mailing.ring_inboxes(hive, [OPERATOR])
    else:
        bell.ring(hive.paths.bell, "events")
