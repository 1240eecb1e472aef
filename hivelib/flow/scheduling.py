"""An agent's schedule is asked for, decided about (docs/approvals.md), and added as a recurring reminder.

A schedule is an approval without a repository: its text stands in the row, the digest of the text is what the operator
decides about, and the worker compares it with the decision again before it adds the reminder. Nothing is built, so
adding it and ending the approval are one transaction: killed before it nothing was done, after it all.
"""

from collections.abc import Callable
from typing import Any

from hivelib.base import bell, clock
from hivelib.base.db import Database
from hivelib.base.errors import HiveError, NotNow, Refused
from hivelib.flow import eligible, lifecycle, mailing, recurring, reminding, resolving
from hivelib.flow.opening import Hive
from hivelib.model import schedules, states
from hivelib.model.changes import ApprovalAdded, ApprovalPending
from hivelib.model.names import MANAGER
from hivelib.model.records import Agent, Approval, Caller, Decision, Job, Request
from hivelib.model.schedules import Schedule
from hivelib.store import agents, answers, approvals, events

SHOWN = 3
"""Of how many of its times the operator is told before deciding."""


def request(
    hive: Hive,
    caller: Caller,
    owner: str,
    message: str,
    *,
    every: float | None = None,
    calendar: str = "",
    file_path: str = "",
    description: str = "",
    request: Request | None = None,
) -> int:
    """Asks that `owner` be reminded every so many seconds, or at the times of a calendar expression; gives back the
    approval's number. An agent asks for itself, the manager for any.

    The same `request` again gives the same number, and so does the same schedule while it waits for the operator.
    Raises Refused, with a reason and a way out.
    """
    if request and (known := answers.known(hive.db, request)) is not None:
        return int(known["id"])
    period = None if every is None else float(every)
    schedule = Schedule(message, period, calendar, file_path)
    _refuse_unfit(hive, caller, owner, schedule, description)
    text, now = schedules.text(schedule), clock.now()
    with hive.db.write() as db:
        if request and (known := answers.known(db, request)) is not None:
            return int(known["id"])
        mailing.refuse_stray_turn(hive, caller)
        there = lifecycle.known(hive, owner)
        number = _waiting(db, there, text)
        if number is None:
            eligible.refuse_crowd(hive, db, owner)
            number = _add(hive, db, caller, there, schedule, description, now)
        if request:
            told = {"id": number, "status": "pending", "note": ""}
            answers.fill(db, answers.reserve(db, request, now), told)
    bell.ring(hive.paths.bell, "events")
    return number


def _refuse_unfit(
    hive: Hive, caller: Caller, owner: str, schedule: Schedule, description: str
) -> None:
    from hivelib.model import deciding

    if caller.role == "operator":
        raise Refused("the operator needs no approval", "hive-remind does it at once")
    if caller.name != owner and caller.role != MANAGER:
        raise Refused("an agent schedules only for itself", "ask the manager by message")
    if wrong := deciding.why_not_words(description, "the description"):
        raise Refused(*wrong)
    recurring.refuse_unfit(hive, schedule, clock.now())


def _waiting(db: Database, owner: Agent, text: str) -> int | None:
    """The approval that asks for the very same and is not decided yet."""
    for one in approvals.unresolved(db, owner.name):
        same = (schedules.KIND, text, owner.incarnation) == (one.kind, one.config, one.incarnation)
        if same and one.status == "pending":
            return one.id
    return None


def _add(
    hive: Hive,
    db: Database,
    caller: Caller,
    owner: Agent,
    schedule: Schedule,
    description: str,
    now: float,
) -> int:
    """The row is pending from its first instant: there is nothing to fetch."""
    text, often = schedules.text(schedule), schedules.recurrence(schedule)
    number = approvals.add(
        db,
        schedules.KIND,
        owner.name,
        often,
        incarnation=owner.incarnation,
        description=description,
        by=caller.name,
        at=now,
        expires_at=now + hive.settings.approvals.expire_seconds,
        config=text,
    )
    sha, subject = schedules.digest(text), resolving.subject(number)
    approvals.move(db, number, "submitting", "pending", fetched_sha=sha)
    about: dict[str, Any] = {"id": number, "agent": owner.name}
    added = ApprovalAdded(subject, kind=schedules.KIND, commit_ref=often, by=caller.name, **about)
    events.record(db, added, ApprovalPending(subject, sha=sha, **about), at=now)
    return number


def carry_out(hive: Hive, job: Job, tell: Callable[[str], None]) -> str:
    """The worker's part: adds the reminder that a believed decision names, and ends its approval; gives the note.

    Raises HiveError when it came to nothing (the approval is `failed` then, unless its decision is not believed),
    NotNow when it waits for something.
    """
    from hivelib.flow import deciding

    approval = resolving.known(hive, job.approval or 0)
    if approval.status in states.RESOLVED:
        if approval.status != "deployed":
            raise HiveError(approval.note or f"it is {approval.status}")
        return approval.note
    decision = deciding.believed(hive, approval.id)
    if decision.verdict != "approve" or decision.kind != schedules.KIND:
        raise Refused(f"the decision about approval {approval.id} is another", "see hive-show")
    tell("adds the reminder")
    try:
        return _schedule(hive, decision)
    except NotNow:
        raise
    except HiveError as error:
        resolving.resolve(hive, resolving.known(hive, approval.id), "failed", str(error))
        raise


def _schedule(hive: Hive, decision: Decision) -> str:
    """The text is read anew and must be what the decision names: its row may have changed since that was believed."""
    number, now = decision.approval, clock.now()
    approval = resolving.known(hive, number)
    schedule = read(approval.config, decision.commit)
    if wrong := schedules.why_not(schedule, hive.settings.reminders):
        raise Refused(*wrong)
    first = next(iter(recurring.upcoming(schedule, now, 1)), None)
    if first is None:
        raise Refused(f"‘{schedule.calendar}’ never comes", "name a time that is still to come")
    with hive.db.write() as db:
        owner = agents.live(db, decision.agent)
        if owner is None or owner.incarnation != decision.incarnation:
            raise Refused(f"{decision.agent} was destroyed meanwhile")
        reminding.refuse_too_many(hive, db, owner)
        by = approval.requested_by
        added = reminding.add(db, owner, schedule, first, by=by, at=now, approval=number)
        note = f"reminder {added}, {schedules.recurrence(schedule)}, first at {clock.iso(first)}"
        if not resolving.end(hive, db, number, "deployed", note):
            raise HiveError(f"approval {number} is over")
        ended = approvals.get(db, number)
    assert ended
    bell.ring(hive.paths.bell, "reminder")
    mailing.ring_inboxes(hive, resolving.told_of(ended))
    return note


def read(text: str, digest: str) -> Schedule:
    """The schedule of this text, which must have this digest; raises Refused."""
    if schedules.digest(text) != digest:
        raise Refused(f"the text is {schedules.digest(text)[:12]}, not {digest[:12]}")
    try:
        return schedules.parsed(text)
    except ValueError as error:
        raise Refused(f"that is no schedule: {error}", "have it asked for again") from None


def words(schedule: Schedule, owner: str, times: list[float]) -> list[str]:
    """What would be scheduled, for people: whom, how often, the next times, and the whole message last."""
    often = schedules.recurrence(schedule)
    kind = "" if schedule.every is not None else ", a calendar expression in the hive's local time"
    return [
        f"whom: {owner}",
        f"how often: {often}{kind}",
        f"the next times, approved now: {', '.join(map(clock.full, times)) or 'none'}",
        *([f"into the file: {schedule.file_path}"] if schedule.file_path else []),
        f"the message, {len(schedule.message.encode())} bytes:\n{schedule.message}",
    ]


def why_not_now(hive: Hive, approval: Approval) -> str:
    """Why a pending schedule could not be added now, in words; empty when it could."""
    owner = agents.live(hive.db, approval.agent)
    if owner is None or owner.incarnation != approval.incarnation:
        return f"{approval.agent} was destroyed meanwhile"
    return ""
