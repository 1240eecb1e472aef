"""hive-work LANE: does the jobs of a lane, in order, until none is left (docs/internals.md, "Jobs and lanes").

Rung awake by the lane's bell, which is drained before each look: whatever rings after the last look finds the fifo
undrained, and the unit is started again. A job that is found running was left by a worker that died in it, and is
done again: each job looks first what is done already. One that cannot be done now waits, and so do the later ones of
the same agent, for their order is kept; those of other agents go on.
"""

import importlib
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hivelib.base import bell, clock, journal, sd
from hivelib.base.errors import HiveError, Misuse, NotNow, Refused, explained
from hivelib.base.slots import locked
from hivelib.flow.jobs import LANES, topic
from hivelib.flow.opening import Hive
from hivelib.model import names, rules
from hivelib.model.changes import JobEnded, JobStarted
from hivelib.model.records import Job
from hivelib.store import events, jobs

DOES = {
    "fetch": "hivelib.flow.submitting:fetch",
    "deploy": "hivelib.flow.deploying:deploy",
    "deny": "hivelib.flow.denying:carry_out",
    "rebuild": "hivelib.flow.deploying:rebuild",
    "seed": "hivelib.flow.deploying:seed",
    "retire": "hivelib.flow.deploying:retire",
    "schedule": "hivelib.flow.scheduling:carry_out",
    "start": "hivelib.flow.lifecycle:start",
    "stop": "hivelib.flow.lifecycle:stop",
    "restart": "hivelib.flow.lifecycle:restart",
    "destroy": "hivelib.flow.lifecycle:destroy",
    "revive": "hivelib.flow.tombstones:revive",
    "purge": "hivelib.flow.tombstones:purge",
}
"""Who does which kind of job: a function (hive, job, tell) that gives words, imported when it is needed."""

BEGINS = {"approvals": ("hivelib.flow.deciding:catch_up", "hivelib.flow.deploying:recover")}
"""What a lane's worker does before anything else: finishes or undoes what a dead one left half done."""

PAUSE_FIRST, PAUSE_MOST = 1.0, 60.0
"""Seconds until a job that could not be done is tried again; a ring makes it earlier."""


def run(hive: Hive, lane: str) -> None:
    """Does jobs until none is left; returns also when jobs failed.

    Raises Misuse for an unknown lane, NotNow when another process works in it, or when what a dead worker left cannot
    be mended now.
    """
    if lane not in LANES:
        raise Misuse(f"no lane {lane!r}", f"lanes are {', '.join(LANES)}")
    inherited = sd.inherited()
    for (
        fd
    ) in inherited:  # systemd hands it over blocking: an empty bell would hold the drain for ever
        os.set_blocking(fd, False)
    os.makedirs(hive.paths.slots, mode=0o770, exist_ok=True)
    # A unit waits for whoever runs it by hand: ending would start it again and again.
    with locked(f"{hive.paths.slots}/{lane}.worker", wait=bool(inherited)) as mine:
        if not mine:
            raise NotNow(f"another process works in the lane {lane}", "leave it to that one")
        with _bell(hive, lane, inherited) as fifo:
            bell.drain(fifo)
            for begin in BEGINS.get(lane, ()):
                _found(begin)(hive)
            _do_all(hive, lane, fifo)


def _do_all(hive: Hive, lane: str, fifo: int) -> None:
    put_off: set[str] = set()  # agents whose next job waits
    tries = 0
    while True:
        bell.drain(fifo)
        waiting = jobs.unfinished(hive.db, lane)
        job = next((job for job in waiting if job.agent not in put_off), None)
        if job:
            if _do(hive, job):
                tries = 0
            else:
                put_off.add(job.agent)
        elif waiting:
            tries += 1
            bell.wait(fifo, rules.pause(min(tries, 10), PAUSE_FIRST, PAUSE_MOST))
            put_off.clear()
        else:
            return


def _do(hive: Hive, job: Job) -> bool:
    """Does one job to its end; False when it waits again."""
    with hive.db.write(durable=False) as db:
        jobs.begin(db, job.id, clock.now())
        events.record(db, JobStarted(job.agent, job=job.id, kind=job.kind))
    bell.ring(hive.paths.bell, "events")

    def tell(step: str) -> None:
        with hive.db.write(durable=False) as db:
            jobs.progress(db, job.id, step)
        bell.ring(hive.paths.bell, "events")

    try:
        note, state = _done(hive, job, tell), "done"
    except NotNow as why:
        with hive.db.write(durable=False) as db:
            jobs.put_back(db, job.id, str(why))
        bell.ring(hive.paths.bell, "events")
        return False
    except HiveError as error:
        note, state = str(error), "failed"
    except Exception as bug:  # noqa: BLE001 - one job's bug must not hold up all that come after it
        traceback.print_exc(file=journal.ERRORS)
        what = " ".join(f"{type(bug).__name__}: {bug}".split())
        note, state = f"a bug: {what}; `hive-logs hive-{job.lane}` shows where", "failed"
    with hive.db.write() as db:
        jobs.end(db, job.id, state, note, clock.now())
        told = JobEnded(job.agent, job=job.id, kind=job.kind, ok=state == "done", note=note)
        events.record(db, told)
    bell.ring(hive.paths.bell, "events")
    return True


def _done(hive: Hive, job: Job, tell: Callable[[str], None]) -> str:
    if not names.is_name(job.agent):  # paths are made of it, and a row can be forged
        raise Refused(f"job {job.id} is about no agent")
    try:
        return str(_found(DOES[job.kind])(hive, job, tell))
    except (
        OSError
    ) as error:  # a full disk is no bug of ours, and the job may be done once there is room
        if isinstance(why := explained(error), NotNow):
            raise why from None
        raise


def _found(where: str) -> Callable[..., Any]:
    """The function that `module:name` names."""
    module, _, name = where.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


@contextmanager
def _bell(hive: Hive, lane: str, inherited: list[int]) -> Iterator[int]:
    if inherited:
        yield inherited[0]
    else:
        with bell.Listener(hive.paths.bell, topic(lane)) as listener:
            yield listener.fileno()
