"""Jobs of the approvals' worker that no approval stands behind: the manager's first config, rebuild, retire.

None of them brings an agent anything that the operator has not approved or installed.
"""

import os

from hivelib.base.errors import HiveError, NotNow, Refused
from hivelib.base.slots import locked
from hivelib.flow import building, informing, mailing, switching
from hivelib.flow.opening import Hive
from hivelib.flow.switching import Plan, Tell
from hivelib.host import flake, meta, repositories
from hivelib.model import names
from hivelib.model.changes import Rebuilt
from hivelib.model.names import MANAGER
from hivelib.model.records import Agent, Job
from hivelib.store import agents, events


def seed(hive: Hive, job: Job, tell: Tell) -> str:
    """Makes the manager, which exists by installation; or the repositories of an agent from before there were any.

    Raises Refused for any other agent: those need the operator's word.
    """
    name, settings = job.agent, hive.settings
    if not names.is_name(name):
        raise Refused("that is no agent's name")
    agent = agents.live(hive.db, name)
    if agent and repositories.tagged(settings, name, 0):  # the tag is the last of its steps
        return f"{name} is there already"
    if agent is None and name != MANAGER:
        raise Refused(f"{name} is made by an approval", f"hive-request-spawn {name}")
    commit = repositories.main(settings, name)
    if agent and not commit:
        # What its row says anybody could have written who is the hive's own user.
        if os.stat(hive.paths.state).st_uid != os.geteuid():
            raise Refused(
                f"{name} has no repository", "only a hive of one user makes it of what runs"
            )
        commit = agent.deployed_sha or ""  # one that a dead worker began
    role = "manager" if name == MANAGER else "agent"
    why = "what it ran with before it had a repository" if agent else "by installation"
    if not commit:
        config = agent.config if agent else ""
        commit = repositories.seed(settings, name, role, config, job.by, why, job.queued_at)
    plan = Plan(
        name=name,
        commit=commit,
        base="",
        number=0,
        box=True,
        opens=True,
        by=job.by,
        why=why,
        at=job.queued_at,
    )
    with locked(switching.lifecycle_lock(hive, name)):
        switching.carry_out(hive, plan, tell)
    return f"{name} has {commit[:12]}"


def rebuild(hive: Hive, job: Job, tell: Tell) -> str:
    """Builds what is deployed once more, by this program, and restarts the agent; meta declares it (again).

    Raises HiveError when it cannot: the agent goes on with what it had.
    """
    name, settings = job.agent, hive.settings
    agent = agents.live(hive.db, name)
    if agent is None:
        raise mailing.no_agent(hive, name)
    if not repositories.main(settings, name):
        seed(hive, job, tell)
    commit = repositories.main(settings, name)
    note = f"rebuilt as {job.by} asked (job {job.id})"
    tell("building")
    with locked(switching.lifecycle_lock(hive, name)):
        agent = agents.live(hive.db, name)
        if agent is None:
            raise Refused(f"{name} was destroyed meanwhile")
        try:
            _activate(hive, agent, commit)
        except NotNow:
            raise
        except HiveError as error:
            _declare(hive, job, commit)  # it was revived, and lives
            _tell(hive, agent, commit, error.message, ok=False)
            raise
        _declare(hive, job, commit)
        _tell(hive, agent, commit, note, ok=True)
    return note


def retire(hive: Hive, job: Job, tell: Tell) -> str:
    """Takes a destroyed agent out of meta; nothing when it was revived meanwhile."""
    name = job.agent
    if agents.is_live(hive.db, name):
        return f"{name} is alive"
    tell("taking it out of meta")
    with meta.locked(hive.settings):
        lock = meta.lock(hive.settings)
        if name not in flake.agents_of(lock):
            return f"{name} is in meta no more"
        _write_meta(hive, flake.unlocked(lock, name), f"retire {name}", job.queued_at)
    return f"{name} was taken out of meta"


def _activate(hive: Hive, agent: Agent, commit: str) -> None:
    box = switching.backend_of(agent)
    box.prune(
        hive.settings, agent.name, ()
    )  # build anew: the machine's programs may be others by now
    building.build(hive, box, agent.name, commit)
    try:
        box.activate(hive.settings, agent.name, commit, run=agent.state == "running")
    except NotNow:
        raise
    except HiveError as error:
        more = ""
        before = agent.deployed_sha or ""
        if before != commit and repositories.was_deployed(hive.settings, agent.name, before):
            more = switching.back(hive, agent, before)
        raise HiveError(f"{error.message}{more}", error.hint) from None


def _declare(hive: Hive, job: Job, commit: str) -> None:
    """Meta has the agent at what is deployed, if it had not."""
    with meta.locked(hive.settings):
        lock = meta.lock(hive.settings)
        if flake.agents_of(lock).get(job.agent) != commit:
            changed = flake.locked(hive.settings, lock, job.agent, commit)
            _write_meta(hive, changed, f"rebuild {job.agent} {commit[:12]}", job.queued_at)


def _tell(hive: Hive, agent: Agent, commit: str, note: str, *, ok: bool) -> None:
    """Row, agent and manager hear of it, once."""
    name = agent.name
    said = [one for one in repositories.history(hive.settings, name) if one.commit == commit]
    tags = [f"deployed/{one.approval}" for one in said if one.kind == "deployed"]
    tag = tags[-1] if tags else ""
    with hive.db.write() as db:
        for one in events.latest(db, 20, subject=name, kind=Rebuilt.kind):
            if ok and note in one.payload:
                return  # killed after this
        if ok:
            switching.note_restarted(hive, agent, commit)
        informing.tell(hive, Rebuilt(name, agent=name, ok=ok, note=note, sha=commit, tag=tag))
    mailing.ring_inboxes(hive, [name, MANAGER])


def _write_meta(hive: Hive, lock: str, words: str, at: float) -> None:
    everyone = list(flake.agents_of(lock))
    files = flake.Files(flake.text(hive.settings, everyone), lock)
    meta.commit(hive.settings, files, words, at)
