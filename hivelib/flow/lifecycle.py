"""Agents come, run, stop and go (SPEC section 7): the row says what should be, systemd makes it so.

The row is written first: whoever is killed in between, `reconcile` (at each start of the hive, and `hive-up`) makes
what runs agree with the rows. Only `destroy` stops first: half a destroy is undone, not finished. A new agent gets a
new incarnation number; what an older one left is moved aside.
"""

import os

from hivelib.base import bell, clock
from hivelib.base.errors import HiveError, Misuse, NotNow, Refused
from hivelib.flow import mailing, settling
from hivelib.flow.opening import Hive
from hivelib.host import boxes
from hivelib.model import names, states, wording
from hivelib.model.events import (
    AgentAdded,
    AgentRemoved,
    Destroyed,
    Died,
    Event,
    Killed,
    Spawned,
    TombstonesChanged,
)
from hivelib.model.events import Started as StartedEvent
from hivelib.model.names import MANAGER, OPERATOR
from hivelib.model.records import Agent
from hivelib.store import agents, events, mail, turns

BACKEND = "bwrap"


def spawn(hive: Hive, name: str, *, by: str = OPERATOR, config: str = "{}") -> bool:
    """Makes a new agent (`manager`: the manager) and starts it; False when it is there already.

    `config` is its agent.json as text. Raises Refused when the name is not allowed, HiveError when its box cannot start
    (the agent exists then).
    """
    role = "manager" if name == MANAGER else "agent"
    if role == "agent" and (why := names.why_not_agent_name(name)):
        raise Refused(why, "choose another name")
    if _live(hive, name):
        return False
    _move_aside(hive, name)
    boxes.backend(BACKEND).create(hive.settings, name)
    _write_config(hive.paths.agent_config(name), config)
    with hive.db.write() as db:
        told: list[Event] = []
        if (old := agents.get(db, name)) is not None:
            if old.state != "destroyed":
                return False  # somebody else was faster
            agents.remove(db, name)
            told.append(AgentRemoved(name, by=by))
        incarnation = agents.add(db, name, role, BACKEND, config, clock.now())
        added = AgentAdded(name, role=role, backend=BACKEND, incarnation=incarnation, by=by)
        events.record(db, *told, added, Spawned(name, agent=name, note=f"a {BACKEND} box"))
    start(hive, name, by=by, again=False)
    return True


def start(hive: Hive, name: str, *, by: str = OPERATOR, again: bool = True) -> bool:
    """Starts an agent, ends its parking and rings it once; False when it ran already.

    `again` tells it that it was restarted. Raises Refused for an unknown name, HiveError when its box cannot start;
    it is tried again then at the next start of the hive.
    """
    agent = known(hive, name)
    settling.unpark(hive, name, by)
    if agent.state == "running" and _is_up(hive, agent):
        return False
    _set_state(hive, agent, "running", StartedEvent(name, agent=name, by=by))
    boxes.backend(agent.backend).start(hive.settings, name)
    if again:
        with hive.db.write():
            mailing.notify(hive, name, wording.RESTARTED)
    # A stopped agent had no fifo: what came meanwhile rang nobody.
    mailing.ring_inboxes(hive, [name])
    return True


def stop(hive: Hive, name: str, *, by: str = OPERATOR) -> bool:
    """Stops an agent: its running turn ends, its mail waits; False when it was stopped already."""
    agent = known(hive, name)
    was_up = _is_up(hive, agent)
    if agent.state == "stopped" and not was_up:
        return False
    _set_state(hive, agent, "stopped", Killed(name, agent=name, by=by))
    boxes.backend(agent.backend).stop(hive.settings, name)
    bell.ring(hive.paths.bell, "events")
    return True


def destroy(hive: Hive, name: str, *, by: str = OPERATOR) -> bool:
    """Stops an agent for good and keeps its files as a tombstone; its unread mail becomes dead letters.

    False when it is a tombstone already. Raises Refused for the manager and for unknown names.
    """
    if name == MANAGER:
        raise Refused("the manager cannot be destroyed", f"to stop it: hive-stop {MANAGER}")
    if (agent := agents.get(hive.db, name)) and agent.state == "destroyed":
        return False
    agent = known(hive, name)
    boxes.backend(agent.backend).destroy(hive.settings, name)
    for turn in turns.running(hive.db, name):
        settling.end_turn(hive, turn, settling.Outcome("lost", "the agent was destroyed"))
    now = clock.now()
    with hive.db.write() as db:
        agents.set_state(db, name, "destroyed", now)
        told: list[Event] = [Destroyed(name, agent=name, by=by)]
        while waiting := mail.peek(db, name, 100):
            for message in waiting:
                mail.bury(db, message.id, message.deliveries)
                why = f"{name} was destroyed"
                told.append(Died(name, id=message.id, deliveries=message.deliveries, why=why))
        left = [tombstone.name for tombstone in agents.all_of(db, destroyed=True)]
        events.record(db, *told, TombstonesChanged(name, names=left), at=now)
    bell.ring(hive.paths.bell, "events")
    return True


def reconcile(hive: Hive) -> list[str]:
    """Makes what runs agree with the rows: the manager exists, running agents run, stopped ones do not.

    Gives back one sentence for each thing that it had to do. One agent that fails does not keep the others down; then
    NotNow names those that failed.
    """
    done, failed = [], []
    if spawn(hive, MANAGER, by=names.SYSTEM):
        done.append(f"made {MANAGER}")
    for agent in agents.all_of(hive.db):
        box = boxes.backend(agent.backend)
        try:
            up = _is_up(hive, agent)
            if agent.state == "running" and not up:
                box.start(hive.settings, agent.name)
                mailing.ring_inboxes(hive, [agent.name])
                done.append(f"started {agent.name}")
            elif agent.state == "stopped" and up:
                box.stop(hive.settings, agent.name)
                done.append(f"stopped {agent.name}")
        except HiveError as error:
            failed.append(f"{agent.name}: {error.message}")
    if failed:
        raise NotNow("; ".join(failed), "`hive-doctor` says more")
    return done


def known(hive: Hive, name: str) -> Agent:
    """The live agent of that name; raises Refused with the nearest names when there is none."""
    agent = agents.get(hive.db, name)
    if agent is None or agent.state == "destroyed":
        near = names.nearest(name, agents.live_names(hive.db))
        hint = f"did you mean {' or '.join(near)}?" if near else "`hive-agents` lists them"
        raise Refused(f"no agent {mailing.names_shown(name)}", hint)
    return agent


def _is_up(hive: Hive, agent: Agent) -> bool:
    return bool(boxes.backend(agent.backend).status(hive.settings, agent.name).started)


def _live(hive: Hive, name: str) -> bool:
    agent = agents.get(hive.db, name)
    return agent is not None and agent.state != "destroyed"


def _set_state(hive: Hive, agent: Agent, state: str, event: Event) -> None:
    if agent.state != state and state not in states.AGENT[agent.state]:
        raise Misuse(f"{agent.name} is {agent.state} and cannot become {state}")
    with hive.db.write() as db:
        agents.set_state(db, agent.name, state, clock.now())
        events.record(db, event)
    bell.ring(hive.paths.bell, "events")


def _move_aside(hive: Hive, name: str) -> None:
    """What is left of an older incarnation makes room: its files and transcript go to agents/.NAME.INCARNATION."""
    old = agents.get(hive.db, name)
    if old is None or not os.path.isdir(hive.paths.agent(name)):
        return
    aside = f"{hive.paths.state}/agents/.{name}.{old.incarnation}"
    os.rename(hive.paths.agent(name), aside)
    for suffix in ("", "-wal", "-shm"):
        transcript = f"{hive.paths.transcript(name)}{suffix}"
        if os.path.exists(transcript):
            os.rename(transcript, f"{aside}/transcript.sqlite{suffix}")


def _write_config(path: str, config: str) -> None:
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(config if config.endswith("\n") else f"{config}\n")
    os.replace(f"{path}.new", path)
