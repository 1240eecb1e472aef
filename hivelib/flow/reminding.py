"""Reminders: messages to come (SPEC section 5). Set, cancelled and tried again here; flow/firing.py delivers them."""

import math

from hivelib.base import bell, clock
from hivelib.base.db import Database
from hivelib.base.errors import Misuse, Refused
from hivelib.flow import lifecycle, mailing, warning
from hivelib.flow.opening import Hive
from hivelib.model import rules
from hivelib.model.names import OPERATOR
from hivelib.model.records import Agent, Caller, Reminder, Request
from hivelib.model.timely import ReminderAdded, ReminderCancelled, ScheduleChanged
from hivelib.store import answers, events, reminders

AHEAD_MOST = 10 * 366 * 86400.0
"""Seconds from now to the latest time of a reminder."""


def subject(number: int) -> str:
    """How events name a reminder, and the warning that it waits for the operator."""
    return f"reminder:{number}"


def when(text: str) -> float:
    """The moment that a person wrote, UTC seconds; raises Misuse when it is none."""
    from hivelib.host import moments

    return moments.timestamp(text)


def remind(
    hive: Hive,
    caller: Caller,
    owner: str,
    message: str,
    *,
    due_at: float | None = None,
    every: float | None = None,
    calendar: str = "",
    file_path: str = "",
    request: Request | None = None,
    approval: int | None = None,
) -> Reminder:
    """Sets a reminder for `owner`, due at `due_at` (UTC seconds; what is past is delivered at once); returns once it is
    on the disk.

    An agent reminds itself only. A recurring one (`every` seconds, or `calendar`) may begin at `due_at`, and needs the
    `approval` that asked for it unless the operator sets it. The same `request` sets nothing again. Raises Refused or
    Misuse, with a way out.
    """
    now = clock.now()
    due = _first(owner, now, due_at, every, calendar)
    _check(hive, caller, owner, message, due, now, file_path)
    if (every is not None or calendar) and caller.name != OPERATOR and approval is None:
        raise Refused("what recurs is the operator's to approve", "ask for a schedule")
    with hive.db.write() as db:
        if request and (known := answers.known(db, request)) is not None:
            return _known(db, known["id"])
        mailing.refuse_stray_turn(hive, caller)
        agent = lifecycle.known(hive, owner)
        _refuse_too_many(hive, db, agent)
        number = reminders.add(
            db,
            owner,
            agent.incarnation,
            message,
            due_at=due,
            by=caller.name,
            at=now,
            file_path=file_path,
            every=every,
            calendar=calendar,
            approval=approval,
        )
        if request:
            answers.fill(db, answers.reserve(db, request, now), {"id": number})
        added = ReminderAdded(
            subject(number),
            id=number,
            owner=owner,
            due_at=due,
            every=every,
            calendar=calendar,
            by=caller.name,
        )
        events.record(db, added, at=now)
        made = _known(db, number)
    bell.ring(hive.paths.bell, "reminder", "events")
    return made


def _first(
    owner: str, now: float, due_at: float | None, every: float | None, calendar: str
) -> float:
    """The first time of a reminder."""
    if due_at is not None:
        return due_at
    if every is None and not calendar:
        raise Misuse("a reminder needs a time", "say when it is due")
    from hivelib.flow import scheduling

    begin = Reminder(
        0, owner, 0, "", "", now, every, calendar, "pending", 0, 0.0, "", now, "", None, None, 0, 0
    )
    return scheduling.next_time(begin, now)[0]


def _check(
    hive: Hive,
    caller: Caller,
    owner: str,
    message: str,
    due: float,
    now: float,
    file_path: str,
) -> None:
    if caller.name not in (owner, OPERATOR):
        raise Refused("you can remind yourself only", "send a message to others")
    if wrong := rules.why_not_body(message, hive.settings.reminders.body_limit):
        raise Refused(*wrong)
    if not math.isfinite(due) or not 0 <= due <= now + AHEAD_MOST:
        raise Refused("that is no time within the next ten years", "name an earlier one")
    if file_path and (wrong := rules.why_not_file_path(file_path)):
        raise Refused(*wrong)


def _refuse_too_many(hive: Hive, db: Database, agent: Agent) -> None:
    most = hive.settings.reminders.pending_most
    if reminders.count_waiting(db, agent.name, agent.incarnation) >= most:
        raise Refused(f"{most} reminders of {agent.name} wait already", "cancel one first")


def _known(db: Database, number: int) -> Reminder:
    if found := reminders.get(db, number):
        return found
    raise Refused(f"there is no reminder {number}", "`hive-reminders` lists them")


def _theirs(db: Database, caller: Caller, number: int) -> Reminder:
    """A reminder that the caller may change: its own; the operator and the manager may change everybody's."""
    if caller.role == "agent":
        found = reminders.get(db, number)
        if found is None or found.owner != caller.name:
            raise Refused(f"you have no reminder {number}", "`loose_ends` lists yours")
    return _known(db, number)


def cancel(hive: Hive, caller: Caller, number: int) -> bool:
    """Takes a reminder back: its owner's right, the manager's and the operator's. False when that was done before.

    Raises Refused when it has been delivered, and when the caller has none of that number.
    """
    with hive.db.write() as db:
        mailing.refuse_stray_turn(hive, caller)
        found = _theirs(db, caller, number)
        if found.state == "cancelled":
            return False
        if found.state == "fired":
            raise Refused(f"reminder {number} has been delivered", "it cannot be taken back")
        _end(db, found, caller.name)
    bell.ring(hive.paths.bell, "reminder", "events")
    return True


def _end(db: Database, reminder: Reminder, by: str) -> None:
    reminders.change(db, reminder.id, state="cancelled")
    events.record(
        db,
        ReminderCancelled(subject(reminder.id), id=reminder.id, owner=reminder.owner, by=by),
        *warning.cleared(db, reminder.owner, subject(reminder.id)),
    )


def end_for(hive: Hive, db: Database, name: str, by: str) -> None:
    """Cancels all that waits for an agent of that name, inside the caller's write transaction.

    For a purge. A destroyed agent's reminders wait: when it is revived it gets them, late.
    """
    for reminder in reminders.waiting(db, name):
        _end(db, reminder, by)


def retry(hive: Hive, caller: Caller, number: int) -> bool:
    """Lets a reminder that failed, or waits for its next attempt, be tried at once; False when it waits for its time.

    Raises Refused when it is over, or the caller is not the operator.
    """
    if caller.role != "operator":
        raise Refused("only the operator can do that", "ask for it by message")
    with hive.db.write() as db:
        found = _known(db, number)
        if found.state in ("fired", "cancelled"):
            raise Refused(f"reminder {number} is over: {found.state}", "set a new one")
        if found.state == "pending" and found.not_before <= found.due_at:
            return False
        reminders.change(db, number, state="pending", attempts=0, not_before=0.0, error="")
        again = ScheduleChanged(
            subject(number), id=number, owner=found.owner, next_at=found.due_at, why="retried"
        )
        events.record(db, again, *warning.cleared(db, found.owner, subject(number)))
    bell.ring(hive.paths.bell, "reminder", "events")
    return True


def listed(hive: Hive, *, over: bool = False) -> list[Reminder]:
    """What is pending or waits for the operator, in the order in which it is due; with `over` the newest 50 of all."""
    return reminders.latest(hive.db, 50) if over else reminders.waiting(hive.db)


def get(hive: Hive, number: int) -> Reminder:
    """The reminder of that number; raises Refused when there is none."""
    return _known(hive.db, number)
