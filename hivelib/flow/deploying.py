"""An approved commit becomes what an agent runs with (SPEC section 6, DESIGN "One approval"; docs/internals.md).

    approved → building → activating → deployed         killed before `activating`: undone, and `failed`
        failed ←────┴──────────┘                        killed after it: finished

What counts is the decision file and the tags of applied, never a row alone: a row only says how far this has come.
"""

from hivelib.base import bell, text
from hivelib.base.errors import HiveError, NotNow, Refused
from hivelib.base.slots import locked
from hivelib.flow import building, deciding, mailing, resolving, switching
from hivelib.flow.opening import Hive
from hivelib.flow.seeding import rebuild, retire, seed
from hivelib.flow.switching import Plan, Tell
from hivelib.host import decisions, flake, meta, repositories
from hivelib.model import names, schedules, states
from hivelib.model.changes import (
    ConfigReady,
    DeployEnded,
    DeployProgressed,
    DeployStarted,
    Rebuilt,
)
from hivelib.model.events import Event, Spawned
from hivelib.model.names import MANAGER
from hivelib.model.records import Approval, Decision, Job
from hivelib.store import agents, approvals, events

__all__ = ["deploy", "rebuild", "recover", "retire", "seed"]

HIVE = "hyperhive"
"""Who makes the tags that no person's word is in."""

KILLED = "the hive was killed while this was built: nothing was changed, propose it again"
NOTE_MOST = 500


def deploy(hive: Hive, job: Job, tell: Tell) -> str:
    """The job of deploying an approval; gives the note.

    Raises HiveError when it came to nothing (the approval is `failed` then, unless its decision is not to be believed),
    NotNow when it waits for something.
    """
    approval = resolving.known(hive, job.approval or 0)
    if approval.kind == schedules.KIND:
        raise Refused(f"approval {approval.id} is a schedule: nothing of it is deployed")
    if approval.status in states.RESOLVED:
        if approval.status != "deployed":
            raise HiveError(approval.note or f"it is {approval.status}")
        return approval.note
    return _carry_out(hive, approval, tell)


def recover(hive: Hive) -> None:
    """What a dead worker left: building is undone, activating is finished, meta is tidied. Done at a worker's start."""
    waiting = [one for one in approvals.unresolved(hive.db) if one.kind != schedules.KIND]
    going = {one.id for one in waiting if one.status == "activating"}
    with meta.locked(hive.settings):
        meta.tidy(hive.settings, going)
        repositories.unlock(hive.settings)
    for approval in waiting:
        try:
            if approval.status == "building":
                _fail(hive, approval, KILLED)
            elif approval.status == "activating":
                _carry_out(hive, approval, lambda step: None)
        except HiveError:
            continue  # told; or not now, and its job is tried again


def _carry_out(hive: Hive, approval: Approval, tell: Tell) -> str:
    if not names.is_name(approval.agent):  # it is going to be part of a path
        raise Refused(f"approval {approval.id} is about no agent")
    tags = repositories.tagged(hive.settings, approval.agent, approval.id)
    if "deployed" in tags:
        with meta.locked(hive.settings):
            meta.drop(hive.settings, approval.id)  # all that comes after the tag, in meta
        return _succeed(hive, approval, tags["deployed"])
    if "failed" in tags:
        raise _fail(hive, approval, "")
    if approval.status == "approved" and "proposal" in tags:
        now = repositories.main(hive.settings, approval.agent)
        if now not in (approval.base, approval.fetched_sha):
            raise _fail(hive, approval, f"{approval.agent} was deployed anew since the decision")
    decision = deciding.believed(hive, approval.id)
    if decision.verdict != "approve":
        raise Refused(f"approval {approval.id} was denied")
    if (approval.agent, approval.kind) != (decision.agent, decision.kind):  # the row has changed
        raise Refused(f"approval {approval.id} was about {approval.agent} a moment ago")
    try:
        _go(hive, approval, decision, tell)
    except NotNow:
        raise
    except HiveError as error:
        raise _fail(hive, approval, str(error)) from None
    return _succeed(hive, approval, decision.commit)


def _go(hive: Hive, approval: Approval, decision: Decision, tell: Tell) -> None:
    number, plan = approval.id, _plan(hive, decision)

    def step(words: str) -> None:
        with hive.db.write(durable=False) as db:
            told = DeployProgressed(resolving.subject(number), id=number, step=words)
            events.record(db, told)
        tell(words)

    head = ""
    if approval.status != "activating":
        _begin(hive, approval, decision, plan.by)
        step("building")
        head = _prepare(hive, plan)
        box = switching.backend_of(agents.live(hive.db, plan.name))
        building.build(hive, box, plan.name, plan.commit, number)
    with locked(switching.lifecycle_lock(hive, plan.name)):
        if approval.status != "activating":
            _commit(hive, approval, decision, head)
        elif _is_destroyed(hive, decision):
            raise HiveError(f"{plan.name} was destroyed meanwhile")
        switching.carry_out(hive, plan, step)


def _plan(hive: Hive, decision: Decision) -> Plan:
    found = decisions.read(hive.paths, decision.approval)
    uid = found[1] if found else -1
    return Plan(
        name=decision.agent,
        commit=decision.commit,
        base=decision.base,
        number=decision.approval,
        box=decision.kind != "init_config",
        opens=decision.kind != "apply_commit",
        by=f"{decision.login} (uid {uid})",
        why=decision.note,
        at=decision.at,
    )


def _begin(hive: Hive, approval: Approval, decision: Decision, by: str) -> None:
    """The tags and the row say that it is being built."""
    number, name, commit = approval.id, decision.agent, decision.commit
    repositories.tag(
        hive.settings, name, "approved", number, commit, by, decision.note, decision.at
    )
    with hive.db.write() as db:
        if approvals.move(db, number, "approved", "building"):
            told = DeployStarted(resolving.subject(number), id=number, agent=name, sha=commit)
            events.record(db, told)
    bell.ring(hive.paths.bell, "events")
    repositories.tag(hive.settings, name, "building", number, commit, HIVE, "", decision.at)


def _prepare(hive: Hive, plan: Plan) -> str:
    """Writes what meta will be beside it; gives the head of meta that this was made for."""
    settings, box = hive.settings, switching.backend_of(agents.live(hive.db, plan.name))
    with meta.locked(settings):
        if not plan.box:
            return meta.head(settings)
        lock = meta.lock(settings)
        everyone = sorted({*flake.agents_of(lock), plan.name})
        words = flake.text(settings, everyone)
        if box.BY_NIX:
            meta.prepare(settings, plan.number, flake.Files(words, lock))
            place = meta.candidate(settings, plan.number)
            lock = flake.update(settings, place, plan.name, plan.commit)
        else:
            lock = flake.locked(settings, lock, plan.name, plan.commit)
        return meta.prepare(settings, plan.number, flake.Files(words, lock))


def _commit(hive: Hive, approval: Approval, decision: Decision, head: str) -> None:
    """The commit point: everything is still as it was at the beginning, so from here on it is finished."""
    with meta.locked(hive.settings):
        if meta.head(hive.settings) != head:
            raise HiveError("the meta repository was changed meanwhile", "approve it again")
        if why := _why_not(hive, decision):
            raise HiveError(why)
        with hive.db.write() as db:
            if not approvals.move(db, approval.id, "building", "activating"):
                raise HiveError(f"approval {approval.id} is not being built any more")


def _why_not(hive: Hive, decision: Decision) -> str:
    name, agent = decision.agent, agents.live(hive.db, decision.agent)
    if repositories.main(hive.settings, name) != decision.base:
        return f"{name} was deployed anew meanwhile"
    if decision.kind != "apply_commit":
        return f"there is an agent {name} by now" if agent else ""
    if decision.incarnation and (agent is None or agent.incarnation != decision.incarnation):
        return f"{name} was destroyed meanwhile"
    return ""


def _is_destroyed(hive: Hive, decision: Decision) -> bool:
    """Whether a deploy that waited after its commit point comes too late: the agent is destroyed (also the one that it
    had made itself), which is the later word. What main has already is recorded to its end; then meta lets it go."""
    name, agent = decision.agent, agents.get(hive.db, decision.agent)
    if repositories.main(hive.settings, name) == decision.commit != decision.base:
        return False
    if agent is None:
        return bool(decision.incarnation)
    if decision.incarnation:
        return agent.state == "destroyed" or agent.incarnation != decision.incarnation
    return agent.state == "destroyed" and agent.deployed_sha == decision.commit


def _succeed(hive: Hive, approval: Approval, commit: str) -> str:
    name, tag = approval.agent, f"deployed/{approval.id}"
    note = f"{name} has {commit[:12]}"
    about = {"agent": name, "sha": commit}
    told: Event = Rebuilt(name, ok=True, note=note, tag=tag, **about)
    if approval.kind == "init_config":
        told = ConfigReady(name, **about)
    elif approval.kind == "spawn" or approval.incarnation is None:
        told = Spawned(name, agent=name, note=note)
    _end(hive, approval, "deployed", note, commit, told)
    return note


def _fail(hive: Hive, approval: Approval, why: str) -> HiveError:
    """Undoes what was begun, tags and tells; gives the error to raise. A tag failed/ID has the reason."""
    number, name, settings = approval.id, approval.agent, hive.settings
    tags = repositories.tagged(settings, name, number) if names.is_name(name) else {}
    with meta.locked(settings):
        meta.drop(settings, number)
    commit = tags.get("failed") or tags.get("proposal", "")
    if "failed" in tags:
        said = [one for one in repositories.history(settings, name) if one.approval == number]
        why = next(one.why for one in said if one.kind == "failed").partition("\n\n")[0]
    elif commit:
        log = building.end_of_log(hive, number)
        repositories.tag(settings, name, "failed", number, commit, HIVE, f"{why}\n\n{log}".strip())
    note = text.shortened(why, NOTE_MOST)
    agent = agents.live(hive.db, name)
    about = {"agent": name, "sha": (agent.deployed_sha if agent else None) or ""}
    tag = f"failed/{number}" if commit else ""
    told = Rebuilt(name, ok=False, note=note, tag=tag, **about) if agent else None
    _end(hive, approval, "failed", note, commit, told)
    return HiveError(note)


def _end(
    hive: Hive, approval: Approval, after: str, note: str, commit: str, told: Event | None
) -> None:
    number, tag = approval.id, f"{after}/{approval.id}" if commit else ""
    ended = DeployEnded(
        resolving.subject(number),
        id=number,
        agent=approval.agent,
        ok=after == "deployed",
        note=note,
        sha=commit,
        tag=tag,
    )
    with hive.db.write() as db:
        also = [told] if told else []
        resolving.end(hive, db, number, after, note, tag=tag, told=also, first=[ended])
    mailing.ring_inboxes(hive, [MANAGER])
