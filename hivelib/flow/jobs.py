"""Work for the lanes' workers: queued with its cause, waited for by whoever wants to know, done by flow/working.py."""

from collections.abc import Callable

from hivelib.base import bell, clock
from hivelib.base.db import Database
from hivelib.base.errors import NotNow
from hivelib.flow.opening import Hive
from hivelib.model import states
from hivelib.model.changes import JobQueued
from hivelib.model.records import Job
from hivelib.store import events, jobs

LANES = ("submissions", "approvals", "lifecycle")
_LOOK_SECONDS = 60.0  # the safety net for a ring that was lost


def queue(db: Database, kind: str, agent: str, by: str, approval: int | None = None) -> int:
    """Queues a job inside the caller's write transaction, which calls `ring` afterwards; gives back its number.

    One that waits already is not queued twice.
    """
    newest = jobs.newest(db)
    lane = states.LANES[kind]
    job = jobs.add(db, lane, kind, agent, approval, by, clock.now())
    if job > newest:
        told = JobQueued(agent, job=job, lane=lane, kind=kind, approval=approval, by=by)
        events.record(db, told)
    return job


def ring(hive: Hive, kind: str) -> None:
    """Wakes the worker of this kind of job, and who follows events."""
    bell.ring(hive.paths.bell, topic(states.LANES[kind]), "events")


def topic(lane: str) -> str:
    """The bell of a lane's worker."""
    return f"work.{lane}"


def ask(hive: Hive, kind: str, agent: str, by: str) -> int:
    """Queues a job and wakes its worker; gives back its number."""
    with hive.db.write() as db:
        job = queue(db, kind, agent, by)
    ring(hive, kind)
    return job


def wait(hive: Hive, job: int, seconds: float, tell: Callable[[str], None] | None = None) -> Job:
    """The job once it is over; `tell` is given its steps as they come.

    Raises NotNow when it is not over after `seconds`; it goes on then.
    """
    until, told = clock.monotonic() + seconds, ""
    with bell.Listener(hive.paths.bell, "events") as listener:
        while True:
            found = jobs.get(hive.db, job)
            assert found
            if found.ended_at is not None:
                return found
            if tell and found.progress not in ("", told):
                tell(told := found.progress)
            left = until - clock.monotonic()
            if left <= 0:
                step = f" ({found.progress})" if found.progress else ""
                raise NotNow(
                    f"job {job} to {found.kind} {found.agent} is still {found.state}{step}",
                    "it goes on; `hive-status` shows it",
                )
            listener.wait(min(left, _LOOK_SECONDS))


def unfinished(hive: Hive) -> list[Job]:
    """All jobs that wait or run, in order."""
    return jobs.unfinished(hive.db)


def transients(hive: Hive) -> dict[str, str]:
    """What agents are becoming, by their names: derived from the jobs, so it cannot stick."""
    return states.becoming(jobs.unfinished(hive.db))
