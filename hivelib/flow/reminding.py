"""Reminders: messages to come (SPEC section 5). Set, cancelled and tried again here; flow/firing.py delivers them."""

import math
from typing import Any

from hivelib.base import bell, clock
from hivelib.base.db import Database
from hivelib.base.errors import Misuse, Refused
from hivelib.flow import lifecycle, mailing, recurring, warning
from hivelib.flow.opening import Hive
from hivelib.model import rules
from hivelib.model.names import OPERATOR
from hivelib.model.records import Agent, Caller, Reminder, Request
from hivelib.model.schedules import Schedule
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


def span(text: str) -> float:
    """The seconds of a span that a person wrote; raises Misuse when it is none."""
    from hivelib.host import moments

    return moments.span(text)


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
) -> Reminder:
    """Sets a reminder for `owner`, due at `due_at` (UTC seconds; what is past is delivered at once); returns once it is
    on the disk.

    An agent reminds itself only. A recurring one is the operator's to set (flow/scheduling.py: an agent asks for it):
    `every` so many seconds, at first after so many or at `due_at`, or at the times of `calendar`. The same `request`
    sets nothing again. Raises Refused or Misuse, with a way out.
    """
    now = clock.now()
    schedule = Schedule(message, None if every is None else float(every), calendar, file_path)
    if every is not None or calendar:
        _check_recurring(hive, caller, schedule, due_at, now)
    due = _first(schedule, now) if due_at is None else due_at
    _check(hive, caller, owner, message, due, now, file_path)
    with hive.db.write() as db:
        if request and (known := answers.known(db, request)) is not None:
            return _known(db, known["id"])
        mailing.refuse_stray_turn(hive, caller)
        agent = lifecycle.known(hive, owner)
        refuse_too_many(hive, db, agent)
        number = add(db, agent, schedule, due, by=caller.name, at=now)
        if request:
            answers.fill(db, answers.reserve(db, request, now), {"id": number})
        made = _known(db, number)
    bell.ring(hive.paths.bell, "reminder", "events")
    return made


def add(
    db: Database,
    agent: Agent,
    schedule: Schedule,
    due: float,
    *,
    by: str,
    at: float,
    approval: int | None = None,
) -> int:
    """Adds a reminder, and its event, inside the caller's write transaction; gives back its number."""
    number = reminders.add(
        db,
        agent.name,
        agent.incarnation,
        schedule.message,
        due_at=due,
        by=by,
        at=at,
        file_path=schedule.file_path,
        every=schedule.every,
        calendar=schedule.calendar,
        approval=approval,
    )
    about: dict[str, Any] = {"id": number, "owner": agent.name, "due_at": due, "by": by}
    recurs = {"every": schedule.every, "calendar": schedule.calendar}
    events.record(db, ReminderAdded(subject(number), **about, **recurs), at=at)
    return number


def _first(schedule: Schedule, now: float) -> float:
    """The first time of a reminder for which none was named."""
    if schedule.every is None and not schedule.calendar:
        raise Misuse("a reminder needs a time", "say when it is due")
    return recurring.upcoming(schedule, now, 1)[0]


def _check_recurring(
    hive: Hive, caller: Caller, schedule: Schedule, due_at: float | None, now: float
) -> None:
    if caller.role != OPERATOR:
        raise Refused("what recurs is the operator's to approve", "ask for a schedule")
    if schedule.calendar and due_at is not None:
        raise Misuse("a calendar expression says itself when it begins", "leave the time out")
    recurring.refuse_unfit(hive, schedule, now)


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


def refuse_too_many(hive: Hive, db: Database, agent: Agent) -> None:
    """Raises Refused when as many reminders of an agent wait as the settings allow."""
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


def cancel(hive: Hive, caller: Caller, number: int, *, request: Request | None = None) -> bool:
    """Takes a reminder back: its owner's right, the manager's and the operator's. False when that was done before, and
    for the same `request` again. Raises Refused when it was delivered, and when the caller has none of that number.
    """
    with hive.db.write() as db:
        if request and answers.known(db, request) is not None:
            return False
        mailing.refuse_stray_turn(hive, caller)
        found = _theirs(db, caller, number)
        if found.state == "cancelled":
            return False
        if found.state == "fired":
            raise Refused(f"reminder {number} has been delivered", "it cannot be taken back")
        _end(db, found, caller.name)
        if request:
            answers.fill(db, answers.reserve(db, request, clock.now()), {"id": number})
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
