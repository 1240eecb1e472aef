"""What hive-reconcile does at each start of the hive, and hive-up: makes what runs agree with the rows.

What only a lane's worker may do (make the manager, build an agent anew) is queued for it.
"""

from hivelib.base import bell
from hivelib.base.errors import HiveError, NotNow
from hivelib.flow import informing, jobs, lifecycle, mailing
from hivelib.flow.opening import Hive
from hivelib.flow.rendering import revision
from hivelib.host import boxes
from hivelib.model import names, states
from hivelib.model.changes import NeedsUpdate
from hivelib.model.names import MANAGER
from hivelib.model.records import Agent
from hivelib.store import agents, events, looks

MANAGER_SECONDS = 60.0
"""How long a start waits for the manager to be made."""


def reconcile(hive: Hive) -> list[str]:
    """The manager exists, running agents run, stopped ones do not, jobs are done, and none is of an older program.

    Gives back one sentence for each thing that it had to do. One agent that fails does not keep the others down; then
    NotNow names those that failed.
    """
    done, failed = [], []
    for lane in {job.lane for job in jobs.unfinished(hive)}:
        bell.ring(hive.paths.bell, jobs.topic(lane))
    if make_manager(hive):
        done.append(f"made {MANAGER}")
    for name in agents.live_names(hive.db):
        try:
            with lifecycle.alone(hive, name):
                done += _agree(hive, agents.live(hive.db, name))
        except HiveError as error:
            failed.append(f"{name}: {error.message}")
    done += renew(hive)
    if failed:
        raise NotNow("; ".join(failed), "`hive-doctor` says more")
    return done


def make_manager(hive: Hive) -> bool:
    """Has the manager made (job `seed`) where it is missing, and waits for it; False when it is there.

    Raises HiveError when that failed, NotNow when it takes too long or nobody does jobs.
    """
    if agents.is_live(hive.db, MANAGER):
        return False
    job = jobs.ask(hive, "seed", MANAGER, names.SYSTEM)
    ended = jobs.wait(hive, job, MANAGER_SECONDS)
    if ended.state == "failed":
        raise HiveError(f"{MANAGER} could not be made: {ended.note}", "`hive-doctor` says more")
    return True


def renew(hive: Hive) -> list[str]:
    """Queues a job for each agent that an older program built (`rebuild`), or that has no config repository yet since
    it comes from a hive before there were any (`seed`): the manager first. Gives back sentences."""
    done = []
    for agent in agents.all_of(hive.db):
        if agent.revision == revision():
            continue
        kind = "rebuild" if agent.deployed_sha else "seed"
        if any((job.kind, job.agent) == (kind, agent.name) for job in jobs.unfinished(hive)):
            continue
        with hive.db.write() as db:
            stale = NeedsUpdate(agent.name, agent=agent.name)
            if looks.told_stale(db, agent.name):
                informing.tell_about(hive, agent.name, stale)
            else:
                events.record(db, stale)
            jobs.queue(db, kind, agent.name, names.SYSTEM)
        jobs.ring(hive, kind)
        mailing.ring_inboxes(hive, [MANAGER])
        done.append(f"has {agent.name} built anew: an older program built it")
    return done


def _agree(hive: Hive, agent: Agent | None) -> list[str]:
    """Starts or stops the box of an agent as its row says; leaves it to its job when there is one."""
    if agent is None or _will_change(hive, agent.name):
        return []
    box, up = boxes.backend(agent.backend), lifecycle.is_up(hive, agent)
    if agent.state == "running" and not up:
        box.start(hive.settings, agent.name)
        mailing.ring_inboxes(hive, [agent.name])
        return [f"started {agent.name}"]
    if agent.state == "stopped" and up:
        box.stop(hive.settings, agent.name)
        return [f"stopped {agent.name}"]
    return []


def _will_change(hive: Hive, name: str) -> bool:
    mine = (job for job in jobs.unfinished(hive) if job.agent == name)
    return any(states.LANES[job.kind] == "lifecycle" for job in mine)
