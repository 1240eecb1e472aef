"""Tombstones: what a destroyed agent left (SPEC section 7). Looked at, brought back to life, or taken away for good.

A name that is given again makes a new incarnation; what the older one left is moved aside then, to agents/.NAME.N.
"""

import contextlib
import os
import re
from typing import NamedTuple

from hivelib.base import bell, clock
from hivelib.base.errors import Refused
from hivelib.flow import asking, jobs, lifecycle, mailing
from hivelib.flow.diagnosing import keeps_login
from hivelib.flow.lifecycle import ALREADY, Tell
from hivelib.flow.opening import Hive
from hivelib.host import disk
from hivelib.model import names
from hivelib.model.events import AgentRemoved, Started, TombstonesChanged
from hivelib.model.records import Agent, Job
from hivelib.store import agents, approvals, events

LOOK_MOST = 5.0
"""Seconds that counting the files of a tombstone may take; more than half a million are counted by then."""


class Tombstone(NamedTuple):
    """A destroyed agent: the bytes of what it left (None: they cannot be counted), whether a login is among it."""

    agent: Agent
    size: int | None
    login: bool


def listed(hive: Hive) -> list[Tombstone]:
    """All tombstones, by name. No link of theirs is followed, no file opened."""
    return [left_by(hive, agent.name) for agent in agents.all_of(hive.db, destroyed=True)]


def left_by(hive: Hive, name: str) -> Tombstone:
    """One tombstone; counting its files takes seconds at most. Raises Refused when there is none of that name."""
    return Tombstone(known(hive, name), size(hive, name), keeps_login(hive, name))


def revive(hive: Hive, job: Job, tell: Tell) -> str:
    """Brings a tombstone back to life as the same incarnation, with its files; its dead letters stay dead.

    It runs with what it ran with; the lane of deploys then builds it anew (job `rebuild`) and takes it into meta.
    """
    with lifecycle.alone(hive, job.agent):
        agent = agents.get(hive.db, job.agent) or known(hive, job.agent)
        if agent.state == "destroyed":
            with hive.db.write() as db:
                agents.set_state(db, agent.name, "stopped", clock.now())
                events.record(db, _left(hive, agent.name))
                jobs.queue(db, "rebuild", agent.name, job.by)
            jobs.ring(hive, "rebuild")
            agent = lifecycle.known(hive, agent.name)
        elif agent.state == "running" and lifecycle.is_up(hive, agent):
            return ALREADY
        tell("starting its box")
        lifecycle.bring_up(hive, agent, Started(agent.name, agent=agent.name, by=job.by))
    bell.ring(hive.paths.bell, "reminder")  # what fell due meanwhile
    return f"{agent.name} lives again"


def purge(hive: Hive, job: Job, tell: Tell) -> str:
    """Takes a tombstone away for good: its files, those of older incarnations, its transcript and its row.

    Its config repositories are moved aside, never removed: their tags say who decided what. What was proposed for the
    name and is not deployed yet ends with it, for its commit is no longer where it is looked for.
    """
    name = job.agent
    with lifecycle.alone(hive, name):
        if agents.get(hive.db, name) is None:
            return f"{name} is gone"  # a worker that died right after it had done this
        agent = known(hive, name)
        tell("counting its files")
        counted = size(hive, name)
        tell("removing its files")
        for place in _places(hive, name):
            disk.remove(place)
        for path in _transcripts(hive, name):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        from hivelib.flow import reminding, resolving
        from hivelib.host import repositories  # git, which only a purge needs here

        repositories.move_aside(hive.settings, name, agent.incarnation)
        with hive.db.write() as db:
            told = asking.end_for(hive, db, name, job.by)
            agents.remove(db, name)
            events.record(db, AgentRemoved(name, by=job.by), _left(hive, name))
            for one in approvals.unresolved(db, name):
                over = "superseded" if one.status == "pending" else "failed"
                resolving.end(hive, db, one.id, over, f"{name} was purged")
            reminding.end_for(hive, db, name, job.by)
    mailing.ring_inboxes(hive, [names.MANAGER, *told])
    what = "what could not be counted" if counted is None else f"{shown(counted)} of files"
    return f"{name} is gone, and {what} with it"


def known(hive: Hive, name: str) -> Agent:
    """The tombstone of that name. Raises Refused when the name is a live agent's, or with the nearest tombstones."""
    agent = agents.get(hive.db, name)
    if agent and agent.state != "destroyed":
        raise Refused(f"{name} lives", f"only what is destroyed can go: hive-destroy {name}")
    if agent is None:
        near = names.nearest(name, [one.name for one in agents.all_of(hive.db, destroyed=True)])
        hint = f"did you mean {' or '.join(near)}?" if near else "`hive-tombstones` lists them"
        raise Refused(f"no tombstone {mailing.names_shown(name)}", hint)
    return agent


def size(hive: Hive, name: str) -> int | None:
    """Bytes on the disk of all that purge would take away; None when a box left what cannot be counted."""
    try:
        used = disk.used_bytes(tuple(_places(hive, name)), LOOK_MOST)
    except (disk.TooDeep, disk.Closed):
        return None
    for path in _transcripts(hive, name):
        with contextlib.suppress(FileNotFoundError):
            used += os.lstat(path).st_blocks * 512
    return used


def shown(count: int) -> str:
    """Bytes as a person reads them."""
    if count < 1024**2:
        return f"{count / 1024:.0f} KiB"
    return f"{count / 1024**2:.1f} MiB" if count < 1024**3 else f"{count / 1024**3:.1f} GiB"


def _left(hive: Hive, name: str) -> TombstonesChanged:
    left = [tombstone.name for tombstone in agents.all_of(hive.db, destroyed=True)]
    return TombstonesChanged(name, names=left)


def _places(hive: Hive, name: str) -> list[str]:
    """The directories of an agent and of those who had its name before."""
    above = os.path.dirname(hive.paths.agent(name))
    older = re.compile(rf"\.{re.escape(name)}\.[0-9]+")
    found = [one for one in sorted(os.listdir(above)) if one == name or older.fullmatch(one)]
    return [f"{above}/{one}" for one in found]


def _transcripts(hive: Hive, name: str) -> list[str]:
    return [f"{hive.paths.transcript(name)}{suffix}" for suffix in ("", "-wal", "-shm")]
