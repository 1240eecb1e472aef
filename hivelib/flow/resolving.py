"""The end of an approval: its row, its events, and the manager told, in one transaction and once."""

from collections.abc import Sequence

from hivelib.base import bell, clock
from hivelib.base.db import Database
from hivelib.base.errors import HiveError, NotNow, Refused
from hivelib.flow import informing, mailing, warning
from hivelib.flow.opening import Hive
from hivelib.model import schedules, states
from hivelib.model.changes import ApprovalExpired, ApprovalResolved, ApprovalSuperseded
from hivelib.model.events import Event
from hivelib.model.names import MANAGER, OPERATOR
from hivelib.model.records import Approval
from hivelib.store import agents, approvals, events

_LOOK_SECONDS = 60.0  # the safety net for a ring that was lost


def subject(approval: int) -> str:
    """How events name an approval."""
    return f"approval:{approval}"


def known(hive: Hive, number: int) -> Approval:
    """The approval with that number; raises Refused when there is none."""
    if found := approvals.get(hive.db, number):
        return found
    raise Refused(f"there is no approval {number}", "`hive-pending` lists what waits")


def resolve(
    hive: Hive,
    approval: Approval,
    after: str,
    note: str,
    *,
    tag: str = "",
) -> bool:
    """Takes an approval to its last status `after` and tells the manager of it; False when it was over.

    Raises HiveError when it cannot come to that status from the one it is in (states.APPROVAL).
    """
    with hive.db.write() as db:
        done = end(hive, db, approval.id, after, note, tag=tag)
    if done:
        mailing.ring_inboxes(hive, told_of(approval))
    return done


def end(
    hive: Hive,
    db: Database,
    number: int,
    after: str,
    note: str,
    *,
    tag: str = "",
    told: Sequence[Event] = (),
    first: Sequence[Event] = (),
) -> bool:
    """As `resolve`, inside the caller's write transaction; `first` are events that only the operator sees.

    A spawn that the operator asked for is the operator's own doing: the manager is not woken for it.
    """
    found = approvals.get(db, number)
    if found is None or found.resolved_at is not None:
        return False
    if after != found.status and after not in states.APPROVAL[found.status]:
        raise HiveError(f"approval {number} is {found.status} and cannot become {after}")
    columns = {"note": note} if note else {}
    approvals.move(
        db, number, found.status, after, resolved_at=clock.now(), tag=tag or found.tag, **columns
    )
    over = ApprovalResolved(
        subject(number),
        id=number,
        agent=found.agent,
        kind=found.kind,
        commit_ref=found.commit_ref,
        status=after,
        note=note or found.note,
        sha=found.fetched_sha,
        tag=tag or found.tag,
    )
    events.record(db, *first, *warning.cleared(db, subject(number), refusal(number)))
    if found.kind == schedules.KIND and found.agent != MANAGER:
        _tell_owner(hive, db, found, over)
    if found.kind == "spawn" and found.requested_by == OPERATOR:
        events.record(db, over, *told)  # `hive-spawn`: each mail would be a turn that costs money
    else:
        informing.tell(hive, over, *told)
    return True


def _tell_owner(hive: Hive, db: Database, found: Approval, over: Event) -> None:
    """Whom a schedule would have reminded hears what came of it, unless it has gone meanwhile."""
    owner = agents.live(db, found.agent)
    if owner and owner.incarnation == found.incarnation:
        mailing.notify(hive, owner.name, informing.body(over))


def told_of(approval: Approval) -> list[str]:
    """Whose inboxes the end of an approval is in."""
    return sorted({MANAGER, approval.agent} if approval.kind == schedules.KIND else {MANAGER})


def supersede(hive: Hive, db: Database, newer: Approval) -> None:
    """Ends the older pending approvals of the same agent, inside the caller's write transaction; a schedule neither
    ends another nor is ended."""
    if newer.kind == schedules.KIND:
        return
    for old in approvals.unresolved(db, newer.agent):
        if old.id < newer.id and old.status == "pending" and old.kind != schedules.KIND:
            why = f"approval {newer.id} was approved instead"
            gone = ApprovalSuperseded(subject(old.id), id=old.id, by=newer.id)
            end(hive, db, old.id, "superseded", why, first=[gone])


def expire(hive: Hive, now: float) -> None:
    """Ends the pending approvals whose time is over at `now`, and tells the manager of each once.

    A decision that was written but not carried into its row until then is late, and is refused.
    """
    for found in approvals.expired(hive.db, now):
        with hive.db.write() as db:
            why = "nobody decided in time"
            gone = ApprovalExpired(subject(found.id), id=found.id)
            current = approvals.get(db, found.id)
            if current and current.status == "pending":
                end(hive, db, found.id, "expired", why, first=[gone])
        mailing.ring_inboxes(hive, told_of(found))


def refusal(number: int | str) -> str:
    """The name of the warning that stands while a decision is not believed; of all of them the beginning, for ""."""
    return f"decision:{number}"


def wait(hive: Hive, number: int, statuses: frozenset[str], seconds: float) -> Approval:
    """The approval once its status is one of these, or it is over. Raises NotNow when that takes longer."""
    until = clock.monotonic() + seconds
    with bell.Listener(hive.paths.bell, "events") as listener:
        while True:
            found = known(hive, number)
            if found.status in statuses or found.resolved_at is not None:
                return found
            left = until - clock.monotonic()
            if left <= 0:
                why = f"approval {number} is still {found.status}"
                raise NotNow(why, "it goes on; `hive-pending` shows it")
            listener.wait(min(left, _LOOK_SECONDS))
