"""Proposals (SPEC section 6): a row `submitting` and a job; the job fetches what was asked for, then it is `pending`.

What is shown to the operator is a commit in applied under the tag proposal/ID: from then on the manager may amend or
delete what it likes. Every step of the job may be done again after a kill.
"""

import os
import shutil
from collections.abc import Callable
from typing import Any

from hivelib.base import bell, clock
from hivelib.base.errors import HiveError, NotNow, Refused
from hivelib.flow import eligible, jobs, mailing, resolving
from hivelib.flow.opening import Hive
from hivelib.model import deciding
from hivelib.model.changes import ApprovalAdded, ApprovalPending
from hivelib.model.names import MANAGER, is_name
from hivelib.model.records import Approval, Caller, Job, Request
from hivelib.store import agents, answers, approvals, events

PENDING = frozenset({"pending"})
_PATIENCE = 600.0  # seconds for which the sandbox may be away before a proposal fails of it


def request_init_config(
    hive: Hive,
    caller: Caller,
    name: str,
    description: str = "",
    *,
    request: Request | None = None,
) -> int:
    """Asks for the config repository of a new agent; gives back the approval's number.

    The same `request` again gives the same number. Raises Refused, with a reason and a way out.
    """
    return _submit(hive, caller, "init_config", name, "", description, "", request)


def request_spawn(
    hive: Hive,
    caller: Caller,
    name: str,
    description: str = "",
    config: str = "",
    *,
    request: Request | None = None,
) -> int:
    """Asks for a new agent made of the template; `config` is its agent.json (empty: the template's).

    Gives and raises as `request_init_config` does.
    """
    return _submit(hive, caller, "spawn", name, "", description, config, request)


def request_apply_commit(
    hive: Hive,
    caller: Caller,
    agent: str,
    ref: str,
    description: str = "",
    *,
    request: Request | None = None,
) -> int:
    """Asks that a commit of an agent's config (a branch's name, or 7 to 40 digits) be deployed.

    Gives and raises as `request_init_config` does.
    """
    return _submit(hive, caller, "apply_commit", agent, ref, description, "", request)


def _submit(
    hive: Hive,
    caller: Caller,
    kind: str,
    agent: str,
    ref: str,
    description: str,
    config: str,
    request: Request | None,
) -> int:
    if caller.role not in (MANAGER, "operator"):
        raise Refused("only the manager and the operator propose", "ask the manager by message")
    if request and (known := answers.known(hive.db, request)) is not None:
        return int(known["id"])
    if wrong := deciding.why_not_words(description, "the description"):
        raise Refused(*wrong)
    if kind == "apply_commit" and (wrong := deciding.why_not_ref(ref)):
        raise Refused(*wrong)
    now = clock.now()
    with hive.db.write() as db:
        if request and (known := answers.known(db, request)) is not None:
            return int(known["id"])
        mailing.refuse_stray_turn(hive, caller)
        if wrong := eligible.why_not_agent(hive, db, kind, agent):
            raise Refused(*wrong)
        eligible.refuse_crowd(hive, db, agent)
        there = agents.live(db, agent)
        number = approvals.add(
            db,
            kind,
            agent,
            ref,
            incarnation=there.incarnation if there else None,
            description=description,
            by=caller.name,
            at=now,
            expires_at=now + hive.settings.approvals.expire_seconds,
            config=config,
        )
        added = ApprovalAdded(
            resolving.subject(number),
            id=number,
            kind=kind,
            agent=agent,
            commit_ref=ref,
            by=caller.name,
        )
        events.record(db, added, at=now)
        jobs.queue(db, "fetch", agent, caller.name, number)
        if request:
            answers.fill(db, answers.reserve(db, request, now), {"id": number})
    jobs.ring(hive, "fetch")
    return number


def outcome(
    hive: Hive, number: int, seconds: float, request: Request | None = None
) -> dict[str, Any]:
    """What a proposal came to, waiting at most `seconds` for its fetch: `{"id", "status", "note"}`.

    `status` is pending, failed, or submitting when it takes longer; what it was is kept under the `request`.
    """
    if request and "status" in (known := answers.known(hive.db, request) or {}):
        return dict(known)
    try:
        found = resolving.wait(hive, number, frozenset({*PENDING, "approved", "denied"}), seconds)
    except NotNow:
        found = resolving.known(hive, number)
    told = {"id": number, "status": found.status, "note": found.note}
    if request:
        with hive.db.write() as db:
            answers.amend(db, request, told)
    return told


def fetch(hive: Hive, job: Job, tell: Callable[[str], None]) -> str:
    """The worker's part of a proposal: its commit comes into applied under proposal/ID, and it is `pending`; or it is
    `failed` and the manager is told why. Raises NotNow while the sandbox is away."""
    assert job.approval is not None
    approval = resolving.known(hive, job.approval)
    if approval.status != "submitting":
        return f"it is {approval.status} already"
    try:
        commit, lock = _commit(hive, approval, tell)
        base = _base(hive, approval, commit)
        _tag(hive, approval, commit)
    except NotNow as error:
        if clock.now() < approval.requested_at + _PATIENCE:
            raise
        return _fail(hive, approval, error)
    except HiveError as error:
        return _fail(hive, approval, error)
    with hive.db.write() as db:
        moved = approvals.move(
            db, approval.id, "submitting", "pending", fetched_sha=commit, lock_hash=lock, base=base
        )
        if moved:
            subject = resolving.subject(approval.id)
            events.record(
                db, ApprovalPending(subject, id=approval.id, agent=approval.agent, sha=commit)
            )
    bell.ring(hive.paths.bell, "events")
    return commit[:12] if moved else "it was over meanwhile"


def _fail(hive: Hive, approval: Approval, error: HiveError) -> str:
    resolving.resolve(hive, approval, "failed", str(error))
    return f"failed: {error.message}"


def _commit(hive: Hive, approval: Approval, tell: Callable[[str], None]) -> tuple[str, str]:
    """The commit under proposal/ID and the hash of its flake.lock; made, or found when this was killed after it."""
    from hivelib.flow.deciding import lock_hash
    from hivelib.host import repositories

    settings, agent, number = hive.settings, approval.agent, approval.id
    if not is_name(agent):  # paths are made of it, and a row can be forged
        raise Refused("that is no agent's name")
    if found := repositories.tagged(settings, agent, number).get("proposal"):
        return found, lock_hash(hive, agent, found)
    if approval.kind == "apply_commit":
        tell(f"fetches {approval.commit_ref}")
        return _fetched(hive, approval)
    tell("makes the first commit")
    why = approval.description or f"{approval.kind} of {agent}"
    who, at = approval.requested_by, approval.requested_at
    commit = repositories.seed(settings, agent, "agent", approval.config, who, why, at)
    return commit, lock_hash(hive, agent, commit)


def _fetched(hive: Hive, approval: Approval) -> tuple[str, str]:
    from hivelib.host import fetching, repositories

    if wrong := eligible.why_not_agent(hive, hive.db, "apply_commit", approval.agent):
        raise Refused(*wrong)
    into = f"{os.path.dirname(hive.paths.applied(approval.agent))}/.incoming"
    shutil.rmtree(into, ignore_errors=True)  # what a killed one left: there is one worker
    os.makedirs(into, mode=0o700)
    try:
        found = fetching.fetch(hive.settings, approval.agent, approval.commit_ref, into)
        repositories.receive(hive.settings, approval.agent, found.pack, found.commit)
    finally:
        shutil.rmtree(into, ignore_errors=True)
    return found.commit, found.lock_hash


def _base(hive: Hive, approval: Approval, commit: str) -> str:
    """What is deployed now; raises Refused for a commit that does not go on from there, or is running already."""
    from hivelib.host import git, repositories

    agent = approval.agent
    main = repositories.main(hive.settings, agent)
    if commit == main and agents.is_live(hive.db, agent):
        raise Refused(f"{commit[:12]} is what is deployed already", "commit a change first")
    if main and not git.is_ancestor(hive.paths.applied(agent), main, commit):
        raise Refused(
            f"{commit[:12]} does not descend from {main[:12]}, which is deployed",
            "git fetch applied && git merge applied/main, then propose again",
        )
    return main


def _tag(hive: Hive, approval: Approval, commit: str) -> None:
    from hivelib.host import repositories

    who, at, why = approval.requested_by, approval.requested_at, approval.description
    repositories.tag(hive.settings, approval.agent, "proposal", approval.id, commit, who, why, at)
