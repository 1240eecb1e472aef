"""The operator's yes and no (SPEC section 6; DESIGN, rules 4 and 5; docs/approvals.md).

A decision is a file; the row only follows it. So of two deciders one wins whoever they are, and who is killed between
file and row has decided: the worker finds the file (`catch_up`) and finishes. The worker believes the file, the uid
that the kernel names as its owner and the tags of applied, and a row never alone.
"""

import os

from hivelib.base import bell, clock, users
from hivelib.base.errors import HiveError, Refused
from hivelib.flow import jobs, mailing, resolving, trusting, warning
from hivelib.flow.opening import Hive
from hivelib.host import decisions, git, repositories
from hivelib.model import deciding, locks, names, schedules
from hivelib.model.changes import ApprovalDecided, DecisionRefused
from hivelib.model.deciding import Found
from hivelib.model.names import MANAGER
from hivelib.model.records import Approval, Caller, Decision
from hivelib.store import approvals, events, reminders

_DONE = {"approve": "approved", "deny": "denied"}


def approve(
    hive: Hive,
    caller: Caller,
    number: int,
    *,
    sha: str = "",
    base: str | None = None,
    note: str = "",
) -> bool:
    """The operator says yes to approval `number`, as it was shown last; False when that was said before.

    `sha` is the beginning of the commit that it must be; `base` the commit that it must be compared with, for somebody
    else may have looked since this operator did (None: any). Raises Refused in words when it cannot be decided.
    """
    if wrong := deciding.why_not_words(note, "the note"):
        raise Refused(*wrong)
    return _decide(hive, caller, number, "approve", sha, note, base)


def deny(hive: Hive, caller: Caller, number: int, note: str) -> bool:
    """The operator says no, and why; False when that was said before. Raises Refused as `approve` does."""
    if wrong := deciding.why_not_note(note):
        raise Refused(*wrong)
    return _decide(hive, caller, number, "deny", "", note)


def _decide(
    hive: Hive,
    caller: Caller,
    number: int,
    verdict: str,
    sha: str,
    note: str,
    base: str | None = None,
) -> bool:
    if caller.role != "operator":
        raise Refused("only the operator decides", "ask for it by message")
    approval = resolving.known(hive, number)
    if why := deciding.why_not_decider(trusting.decider(hive, os.geteuid())):
        raise Refused(f"{why}: you are {users.current().name}", "run it as an operator")
    if why := trusting.why_not_places(hive):
        raise Refused(why, trusting.MEND)
    if not hive.settings.operator.group:
        decisions.prepare(hive.paths)
    if (said := decisions.read(hive.paths, number)) is None:
        _refuse_unfit(hive, approval, sha, verdict)
        if base is not None and base != approval.base:
            words = f"{approval.agent} was deployed anew since this was shown"
            raise Refused(words, f"look again: hive-show {number}")
        decision = _decision(approval, verdict, note, caller.surface)
        if decisions.write(hive.paths, decision):
            _enact(hive, decision, os.geteuid())
            return True
        said = decisions.read(hive.paths, number)  # somebody else was faster
    return _said_before(hive, number, verdict, said)


def _refuse_unfit(hive: Hive, approval: Approval, sha: str, verdict: str) -> None:
    """Raises Refused when what would be decided is not what is there."""
    if wrong := deciding.why_not_open(approval, clock.now()):
        raise Refused(*wrong)
    if not names.is_name(approval.agent) or not _is_ours(hive, approval.kind, approval.agent):
        raise Refused(f"the repository of {approval.agent} is not the deploying user's own")
    if not deciding.is_commit(approval.fetched_sha):  # it is going to be a word of git's
        raise Refused(f"approval {approval.id} names no commit: its row was tampered with")
    found = _found(hive, approval.kind, approval.agent, approval.id, approval.fetched_sha)
    if wrong := deciding.why_not_found(approval, found, sha, verdict):
        raise Refused(*wrong)


def _decision(approval: Approval, verdict: str, note: str, surface: str) -> Decision:
    return Decision(
        approval=approval.id,
        verdict=verdict,
        kind=approval.kind,
        agent=approval.agent,
        incarnation=approval.incarnation or 0,
        commit=approval.fetched_sha,
        lock=approval.lock_hash,
        base=approval.base,
        note=note,
        login=users.current().name,
        surface=surface,
        at=clock.now(),
    )


def _said_before(hive: Hive, number: int, verdict: str, said: tuple[Decision, int] | None) -> bool:
    if said is None:
        raise HiveError(f"decisions/{number} has gone", "look who removes files there")
    before, uid = said
    if why := deciding.why_not_decider(trusting.decider(hive, uid)):
        raise Refused(
            f"decisions/{number} was made by {users.name_of(uid)}: {why}",
            "look how it came there, remove it and decide again",
        )
    if before.verdict != verdict:
        when = clock.iso(before.at)
        raise Refused(
            f"approval {number} was {_DONE[before.verdict]} by {users.name_of(uid)} at {when}",
            "have it proposed again",
        )
    if resolving.known(hive, number).status == "pending":  # whoever said it may have died over it
        _enact(hive, believed(hive, number), uid)
    return False


def _enact(hive: Hive, decision: Decision, uid: int) -> None:
    """Makes the row follow a decision that is believed, queues what it asks for; does it once.

    Raises Refused when the approval expired or was superseded in the same moment.
    """
    number, after = decision.approval, _DONE[decision.verdict]
    kind = "deny"
    if decision.verdict == "approve":
        kind = "schedule" if decision.kind == schedules.KIND else "deploy"
    who = users.name_of(uid)
    with hive.db.write() as db:
        now = approvals.get(db, number)
        assert now
        if now.decided_at == decision.at and now.decided_uid == uid:
            return  # somebody else carried it over
        moved = now.status in ("pending", "approved") and approvals.move(
            db,
            number,
            now.status,
            after,
            decided_at=decision.at,
            decided_by=who,
            decided_uid=uid,
            surface=decision.surface,
            note=decision.note,
            base=decision.base,
        )
        if not moved:
            raise Refused(f"approval {number} is over: {now.status}", "have it proposed again")
        told = ApprovalDecided(
            resolving.subject(number),
            id=number,
            verdict=decision.verdict,
            by=who,
            uid=uid,
            surface=decision.surface,
        )
        over = warning.cleared(db, resolving.subject(number), resolving.refusal(number))
        events.record(db, told, *over)
        if decision.verdict == "approve":
            resolving.supersede(hive, db, now)
        jobs.queue(db, kind, now.agent, who, number)
    jobs.ring(hive, kind)
    mailing.ring_inboxes(hive, [MANAGER])


def believed(hive: Hive, number: int) -> Decision:
    """The decision about an approval, if everything says that an operator made it about exactly what is there.

    Raises Refused with the reason otherwise; then an event tells of it once, and a warning stands until the approval is
    over or is decided anew. The row stays as it is, so that it can be looked at.
    """
    return judged(hive, number)[0]


def judged(hive: Hive, number: int) -> tuple[Decision, int]:
    """The decision about an approval and the uid of who made it. Raises Refused when it is not believed, and tells."""
    approval = approvals.get(hive.db, number)
    try:
        if why := trusting.why_not_places(hive):
            raise Refused(why)
        said = decisions.read(hive.paths, number)
        if said is None:
            raise Refused(f"nobody decided about approval {number}")
        decision, uid = said
        why = deciding.why_not_decider(trusting.decider(hive, uid))
        if why is None and not names.is_name(decision.agent):
            why = "it names no agent"
        if why is None and not _is_ours(hive, decision.kind, decision.agent):
            why = f"the repository of {decision.agent} is not the deploying user's own"
        if why is None:
            found = _found(hive, decision.kind, decision.agent, number, decision.commit)
            why = deciding.why_not_believed(number, decision, approval, found)
        if why:
            raise Refused(f"decisions/{number} of {users.name_of(uid)} is not believed: {why}")
    except Refused as refused:
        _tell_refused(hive, number, refused.message)
        raise
    return decision, uid


def _tell_refused(hive: Hive, number: int, why: str) -> None:
    subject = resolving.subject(number)
    mend = f"hive-show {number}; look how it came there, remove it and decide again"
    with hive.db.write() as db:
        if raised := warning.raised(db, subject, resolving.refusal(number), why, mend):
            events.record(db, DecisionRefused(subject, id=number, why=why), *raised)
    bell.ring(hive.paths.bell, "events")


def catch_up(hive: Hive) -> None:
    """Finishes what killed deciders began: decision files of approvals whose row does not know them yet.

    One that is not believed is told of once (`believed`) and left alone.
    """
    decisions.sweep(hive.paths)
    for number in undone(hive):
        try:
            decision, uid = judged(hive, number)
            _enact(hive, decision, uid)
        except Refused:
            continue  # told


def undone(hive: Hive) -> list[int]:
    """The pending approvals about which there is a decision file."""
    there = set(decisions.all_ids(hive.paths))
    return [
        one.id
        for one in approvals.unresolved(hive.db)
        if one.status == "pending" and one.id in there
    ]


def newest_at(hive: Hive) -> float:
    """When a decision was last made, in UTC seconds, also for who may not look at them; 0 before the first."""
    return decisions.changed_at(hive.paths)


def _is_ours(hive: Hive, kind: str, agent: str) -> bool:
    return kind == schedules.KIND or trusting.is_ours(hive, agent)


def _found(hive: Hive, kind: str, agent: str, number: int, commit: str) -> Found:
    settings = hive.settings
    if kind == schedules.KIND:
        row = approvals.get(hive.db, number)
        tags = {"proposal": schedules.digest(row.config)} if row else {}
        if reminders.of_approval(hive.db, number):
            tags["deployed"] = commit
        return Found(tags, "", "")
    tags = repositories.tagged(settings, agent, number)
    lock = lock_hash(hive, agent, commit) if tags else ""
    return Found(tags, repositories.main(settings, agent), lock)


def lock_hash(hive: Hive, agent: str, commit: str) -> str:
    """The SHA-256 of the flake.lock of a commit of applied; empty when it has none."""
    text = git.show(hive.paths.applied(agent), commit, "flake.lock") if commit else None
    return locks.lock_hash(text or "")
