"""Agents run, stop and go (SPEC section 7): the jobs of the lane `lifecycle`, which hive-work does one by one.

Each changes the box first and then, in one transaction, the row, its event and what others are told of it. So it may be
killed anywhere: done again, it finds what is left to do, and nothing is told twice. What is asked for already is so:
then its note is ALREADY and nothing was changed.

The manager is told of agents that the operator stopped or destroyed, but not of what it did itself, nor of itself: it
has the answer of its own tool, and a stopped manager finds the notice that it was restarted.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hivelib.base import bell, clock
from hivelib.base.errors import Misuse, Refused
from hivelib.base.slots import locked
from hivelib.flow import asking, informing, jobs, mailing, settling
from hivelib.flow.opening import Hive
from hivelib.host import boxes
from hivelib.model import names, states, wording
from hivelib.model.events import (
    Destroyed,
    Died,
    Event,
    Killed,
    TombstonesChanged,
)
from hivelib.model.events import Started as StartedEvent
from hivelib.model.names import MANAGER
from hivelib.model.records import Agent, Job
from hivelib.store import agents, approvals, events, mail, turns

ALREADY = "already"
Tell = Callable[[str], None]
"""Says the next step of a job, in words."""


@contextmanager
def alone(hive: Hive, name: str) -> Iterator[None]:
    """One change of an agent's box at a time, whoever makes it: a job of this lane, a deploy, hive-reconcile."""
    os.makedirs(hive.paths.slots, mode=0o770, exist_ok=True)
    with locked(f"{hive.paths.slots}/{name}.lifecycle"):
        yield


def start(hive: Hive, job: Job, tell: Tell) -> str:
    """Starts an agent, ends its parking and tells it that it was restarted."""
    with alone(hive, job.agent):
        agent = known(hive, job.agent)
        settling.unpark(hive, agent.name, job.by)
        if agent.state == "running" and is_up(hive, agent):
            return ALREADY
        tell("starting its box")
        bring_up(hive, agent, StartedEvent(agent.name, agent=agent.name, by=job.by))
    return f"{agent.name} runs"


def stop(hive: Hive, job: Job, tell: Tell) -> str:
    """Stops an agent: its running turn ends, its mail waits."""
    with alone(hive, job.agent):
        agent = known(hive, job.agent)
        if agent.state == "stopped" and not is_up(hive, agent):
            return ALREADY
        tell("stopping its box")
        boxes.backend(agent.backend).stop(hive.settings, agent.name)
        with hive.db.write() as db:
            if agent.state != "stopped":
                _set_state(hive, agent, "stopped")
            killed = Killed(agent.name, agent=agent.name, by=job.by)
            if MANAGER in (agent.name, job.by):
                events.record(db, killed)
            else:
                informing.tell(hive, killed)
    mailing.ring_inboxes(hive, [MANAGER])
    return f"{agent.name} is stopped"


def restart(hive: Hive, job: Job, tell: Tell) -> str:
    """Stops an agent, if it runs, and starts it; the same events as of both, but nobody is told that it was killed."""
    with alone(hive, job.agent):
        agent = known(hive, job.agent)
        settling.unpark(hive, agent.name, job.by)
        told: list[Event] = []
        if is_up(hive, agent):
            tell("stopping its box")
            boxes.backend(agent.backend).stop(hive.settings, agent.name)
            told.append(Killed(agent.name, agent=agent.name, by=job.by))
        tell("starting its box")
        bring_up(hive, agent, *told, StartedEvent(agent.name, agent=agent.name, by=job.by))
    return f"{agent.name} was restarted"


def destroy(hive: Hive, job: Job, tell: Tell) -> str:
    """Stops an agent for good and keeps its files as a tombstone; its unread mail becomes dead letters, and the
    questions that it asked or was asked are cancelled.

    What it had proposed and nobody has decided is superseded. Its place in the meta flake is taken away by the lane
    of deploys (job `retire`).
    """
    refuse_manager(job.agent)
    told = [MANAGER]
    with alone(hive, job.agent):
        agent = agents.get(hive.db, job.agent) or known(hive, job.agent)
        if agent.state != "destroyed":
            tell("stopping its box")
            boxes.backend(agent.backend).destroy(hive.settings, agent.name)
            for turn in turns.running(hive.db, agent.name):
                lost = settling.Outcome("lost", "the agent was destroyed")
                settling.end_turn(hive, turn, lost)
            told += _bury(hive, agent, job.by)
    _drop_proposals(hive, agent)  # also when one died just before it
    mailing.ring_inboxes(hive, told)
    jobs.ring(hive, "retire")
    return f"{agent.name} is a tombstone"


def known(hive: Hive, name: str) -> Agent:
    """The live agent of that name; raises Refused with the nearest names when there is none."""
    agent = agents.live(hive.db, name)
    if agent is None:
        raise mailing.no_agent(hive, name)
    return agent


def refuse_manager(name: str) -> None:
    """Raises Refused for the manager: a hive always has one."""
    if name == MANAGER:
        raise Refused("the manager cannot be destroyed", f"to stop it: hive-stop {MANAGER}")


def is_up(hive: Hive, agent: Agent) -> bool:
    """Whether an agent's box is started, whatever its row says."""
    return bool(boxes.backend(agent.backend).status(hive.settings, agent.name).started)


def bring_up(hive: Hive, agent: Agent, *told: Event) -> None:
    """Starts an agent's box; then, in one transaction, its row says so, with these events and its own notice."""
    boxes.backend(agent.backend).start(hive.settings, agent.name)
    with hive.db.write() as db:
        _set_state(hive, agent, "running")
        events.record(db, *told)
        kick(hive, agent.name)
    # A stopped agent had no fifo: what came meanwhile rang nobody.
    mailing.ring_inboxes(hive, [agent.name])


def kick(hive: Hive, name: str) -> None:
    """Tells an agent that it was restarted, inside the caller's write transaction; once, until it has read it."""
    waiting = mail.peek(hive.db, name, 100)
    if not any(m.sender == names.SYSTEM and m.body == wording.RESTARTED for m in waiting):
        mailing.notify(hive, name, wording.RESTARTED)


def _set_state(hive: Hive, agent: Agent, state: str) -> None:
    if agent.state != state and state not in states.AGENT[agent.state]:
        raise Misuse(f"{agent.name} is {agent.state} and cannot become {state}")
    agents.set_state(hive.db, agent.name, state, clock.now())


def _bury(hive: Hive, agent: Agent, by: str) -> list[str]:
    """Makes an agent a tombstone; gives back whose questions to it ended with that."""
    name, now = agent.name, clock.now()
    with hive.db.write() as db:
        _set_state(hive, agent, "destroyed")
        informing.tell(hive, Destroyed(name, agent=name, by=by))
        asked = asking.end_for(hive, db, name, by)
        told: list[Event] = []
        while waiting := mail.peek(db, name, 100):
            for message in waiting:
                mail.bury(db, message.id, message.deliveries)
                why = f"{name} was destroyed"
                told.append(Died(name, id=message.id, deliveries=message.deliveries, why=why))
        left = [tombstone.name for tombstone in agents.all_of(db, destroyed=True)]
        events.record(db, *told, TombstonesChanged(name, names=left), at=now)
        jobs.queue(db, "retire", name, by)
    bell.ring(hive.paths.bell, "events")
    return asked


def _drop_proposals(hive: Hive, agent: Agent) -> None:
    """Ends what waits for a decision; what was decided already is looked after by its deploy."""
    for one in approvals.unresolved(hive.db, agent.name):
        if one.incarnation == agent.incarnation and one.status in ("submitting", "pending"):
            from hivelib.flow import resolving  # it knows of git, which few destroys need

            over = "superseded" if one.status == "pending" else "failed"
            resolving.resolve(hive, one, over, f"{agent.name} was destroyed")
