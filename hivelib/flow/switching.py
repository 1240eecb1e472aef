"""What comes after a deploy's commit point: box, row, repositories, in this order and each step such that it may be
done again. Whoever is killed anywhere in here is finished by the next worker.

applied/main moves once the box runs with the new config: where it has moved, the box is not touched again.
"""

import os
import shutil
from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

from hivelib.base import clock
from hivelib.base.errors import HiveError, NotNow
from hivelib.flow import building, mailing
from hivelib.flow.opening import Hive
from hivelib.flow.rendering import revision
from hivelib.host import boxes, flake, git, meta, repositories
from hivelib.model import wording
from hivelib.model.events import AgentAdded, AgentChanged, AgentRemoved, Event, Spawned, Started
from hivelib.model.names import MANAGER
from hivelib.model.records import Agent
from hivelib.store import agents, events

Tell = Callable[[str], None]


class Plan(NamedTuple):
    """What shall be: agent `name` at `commit`, where main was at `base` (empty: nowhere), by the word of approval
    `number` (0: the seed). `box`: it has a box; `opens`: the manager gets a repository to edit. `at` in UTC seconds."""

    name: str
    commit: str
    base: str
    number: int
    box: bool
    opens: bool
    by: str
    why: str
    at: float


def backend_of(agent: Agent | None) -> ModuleType:
    """The kind of box that an agent has, or a new one gets."""
    return boxes.backend(agent.backend if agent else boxes.DEFAULT)


def lifecycle_lock(hive: Hive, name: str) -> str:
    """The lock file of whoever starts, stops or switches that agent."""
    os.makedirs(hive.paths.slots, mode=0o770, exist_ok=True)
    return f"{hive.paths.slots}/{name}.lifecycle"


def carry_out(hive: Hive, plan: Plan, tell: Tell) -> None:
    """Makes it so. Raises HiveError when the box does not start, and then all is as it was; NotNow when it is to be
    done again, because the hive's systemd is away or git could not write."""
    moved = repositories.main(hive.settings, plan.name) == plan.commit != plan.base
    if plan.opens and not moved:
        _archive_proposed(hive, plan.name)
    if plan.box and not moved:
        tell("switching the box")
        _switch(hive, plan)
    tell("recording it")
    try:
        _record(hive, plan)
    except HiveError as error:  # the box has it already
        raise NotNow(error.message, error.hint) from None
    if plan.box and (agent := agents.live(hive.db, plan.name)):
        backend_of(agent).prune(hive.settings, plan.name, {plan.commit, plan.base})
        if agent.state == "running":
            mailing.ring_inboxes(hive, [plan.name])


def _record(hive: Hive, plan: Plan) -> None:
    settings, name = hive.settings, plan.name
    why = plan.why or "approved"
    with meta.locked(settings):
        repositories.advance(settings, name, plan.commit, plan.base)
        if plan.box:
            declare(hive, name, plan.commit, plan.number, plan.at)
        if plan.opens:
            repositories.open_proposed(settings, name)
        numbers = {plan.number}
        if plan.opens and not repositories.tagged(settings, name, 0):
            numbers.add(0)
        for number in sorted(numbers):
            repositories.tag(settings, name, "deployed", number, plan.commit, plan.by, why, plan.at)
        meta.drop(settings, plan.number)


def declare(hive: Hive, name: str, commit: str, number: int, at: float) -> None:
    """Commits to meta that the agent is deployed; what was prepared is what is committed, unless others were deployed
    or retired while this deploy waited after its commit point: they stay as they are. The caller holds meta's lock."""
    settings = hive.settings
    now = meta.lock(settings)
    files = meta.prepared(settings, number)
    # Without files it is committed already, or there was nothing to prepare.
    if files is None or _others(files.lock, name) != _others(now, name):
        lock = now if _pinned(now, name) == commit else flake.locked(settings, now, name, commit)
        files = flake.Files(flake.text(settings, list(flake.agents_of(lock))), lock)
    meta.commit(settings, files, f"deploy {name} deployed/{number} {commit[:12]}", at)


def _others(lock: str, name: str) -> dict[str, str]:
    """What a lock pins beside that agent."""
    return {other: commit for other, commit in flake.agents_of(lock).items() if other != name}


def back(hive: Hive, agent: Agent, commit: str) -> str:
    """Lets the agent have `commit` again after another one failed; gives what went wrong, or nothing."""
    box = backend_of(agent)
    try:
        building.build(hive, box, agent.name, commit)
        box.activate(hive.settings, agent.name, commit, run=agent.state == "running")
    except HiveError as error:
        return f"; and {commit[:12]} does not come back: {error.message}"
    if agent.state == "running":
        mailing.ring_inboxes(hive, [agent.name])
    return ""


def note_restarted(hive: Hive, agent: Agent, commit: str) -> None:
    """The row knows what runs now, and a running agent that it was restarted; in the caller's write transaction."""
    config = git.show(hive.paths.applied(agent.name), commit, "agent.json") or agent.config
    now = clock.now()
    agents.set_config(hive.db, agent.name, config, now)
    agents.set_deployed(hive.db, agent.name, commit, revision(), now)
    if agent.state == "running":
        mailing.notify(hive, agent.name, wording.RESTARTED)


def _switch(hive: Hive, plan: Plan) -> None:
    name, agent = plan.name, agents.live(hive.db, plan.name)
    box = backend_of(agent)
    if agent is None:
        make_room(hive, name)
    try:
        building.build(hive, box, name, plan.commit)
        run = agent is None or agent.state == "running"
        box.activate(hive.settings, name, plan.commit, run=run)
    except NotNow:
        raise
    except HiveError as error:
        if agent is None:
            box.destroy(hive.settings, name)
            _give_back(hive, name)
            raise
        more = back(hive, agent, plan.base)
        raise HiveError(f"{error.message}{more}", error.hint) from None
    if agent is None:
        _add(hive, plan)
    elif agent.deployed_sha != plan.commit or plan.commit == plan.base:
        with hive.db.write() as db:
            note_restarted(hive, agent, plan.commit)
            events.record(db, AgentChanged(name, by=plan.by, what="config"))


def _add(hive: Hive, plan: Plan) -> None:
    """The row of a new agent, whose box runs."""
    name, now = plan.name, clock.now()
    role = "manager" if name == MANAGER else "agent"
    config = git.show(hive.paths.applied(name), plan.commit, "agent.json") or "{}"
    with hive.db.write() as db:
        told: list[Event] = []
        if agents.get(db, name) is not None:
            agents.remove(db, name)
            told.append(AgentRemoved(name, by=plan.by))
        incarnation = agents.add(db, name, role, boxes.DEFAULT, config, now)
        agents.set_state(db, name, "running", now)
        agents.set_deployed(db, name, plan.commit, revision(), now)
        added = AgentAdded(
            name, role=role, backend=boxes.DEFAULT, incarnation=incarnation, by=plan.by
        )
        told += [added, Started(name, agent=name, by=plan.by)]
        if not plan.number:  # else the end of the approval tells the manager
            told.append(Spawned(name, agent=name, note=f"{name} has {plan.commit[:12]}"))
        events.record(db, *told)


def _aside(hive: Hive, name: str) -> str:
    """Where the files of a tombstone go when its name is used again; empty when there is no tombstone."""
    old = agents.get(hive.db, name)
    return f"{hive.paths.state}/agents/.{name}.{old.incarnation}" if old else ""


def make_room(hive: Hive, name: str) -> None:
    """What a tombstone of that name left makes room: its files and transcript go to agents/.NAME.INCARNATION."""
    aside = _aside(hive, name)
    if not aside or os.path.isdir(aside):
        return
    for suffix in ("", "-wal", "-shm"):
        transcript = f"{hive.paths.transcript(name)}{suffix}"
        if os.path.exists(transcript):
            os.makedirs(hive.paths.agent(name), mode=0o700, exist_ok=True)
            os.rename(transcript, f"{hive.paths.agent(name)}/transcript.sqlite{suffix}")
    if os.path.isdir(hive.paths.agent(name)):  # last, and in one step
        os.rename(hive.paths.agent(name), aside)


def _give_back(hive: Hive, name: str) -> None:
    """Undoes `make_room`, and takes away what was made of the new agent."""
    aside = _aside(hive, name)
    if aside and not os.path.isdir(aside):
        return
    shutil.rmtree(hive.paths.agent(name), ignore_errors=True)
    if aside:
        os.rename(aside, hive.paths.agent(name))
        for suffix in ("", "-wal", "-shm"):
            transcript = f"{hive.paths.agent(name)}/transcript.sqlite{suffix}"
            if os.path.exists(transcript):
                os.rename(transcript, f"{hive.paths.transcript(name)}{suffix}")


def _archive_proposed(hive: Hive, name: str) -> None:
    """What the manager edited for a tombstone of that name is kept beside; it gets a new clone."""
    old = agents.get(hive.db, name)
    place = hive.paths.proposed(name)
    if old is None or old.state != "destroyed" or not os.path.lexists(place):
        return
    aside = f"{os.path.dirname(place)}/.{name}.{old.incarnation}"
    if not os.path.lexists(aside):
        os.rename(place, aside)


def _pinned(lock: str, name: str) -> str:
    return flake.agents_of(lock).get(name, "")
