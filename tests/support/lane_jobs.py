"""Jobs for a lane's worker that tests steer by files in the runtime directory; a test puts them into working.DOES."""

import os

from hivelib.base.errors import NotNow, Refused
from hivelib.flow.lifecycle import Tell
from hivelib.flow.opening import Hive
from hivelib.model.records import Job
from tests.support.waiting import until

WORKER = """
import sys
from hivelib.base import bell
from hivelib.flow import jobs, working
from hivelib.flow.opening import open_hive
working.BEGINS.clear()
working.DOES.update(dict.fromkeys(working.DOES, "tests.support.lane_jobs:" + sys.argv[2]))
hive, lane = open_hive(), sys.argv[1]
if sys.argv[3:]:
    with bell.Listener(hive.paths.bell, jobs.topic(lane)) as listener:
        print("listens", flush=True)
        while listener.wait(60):
            working.run(hive, lane)
else:
    working.run(hive, lane)
"""
"""A worker of the lane argv[1] that does every job by the function argv[2]; with a third word, whenever it is rung."""


def log(hive: Hive) -> str:
    """Where the jobs write that they were done."""
    return f"{hive.paths.runtime}/done"


def gate(hive: Hive, agent: str) -> str:
    """What must be there before jobs of an agent go on."""
    return f"{hive.paths.runtime}/gate.{agent}"


def done(hive: Hive) -> list[str]:
    """What was done, in order."""
    if not os.path.exists(log(hive)):
        return []
    with open(log(hive), encoding="utf-8") as file:
        return file.read().split()


def quick(hive: Hive, job: Job, tell: Tell) -> str:
    """Done at once."""
    tell("writes it down")
    with open(log(hive), "a", encoding="utf-8") as file:
        file.write(f"{job.kind}-{job.agent}\n")
    return f"did {job.kind}"


def slow(hive: Hive, job: Job, tell: Tell) -> str:
    """Done when its gate is open; until then the worker is held up."""
    tell("waits at the gate")
    until(lambda: os.path.exists(gate(hive, job.agent)), "the gate opens", seconds=60)
    return quick(hive, job, tell)


def later(hive: Hive, job: Job, tell: Tell) -> str:
    """Not now while its gate is closed."""
    if not os.path.exists(gate(hive, job.agent)):
        raise NotNow("the gate is closed", "open it")
    return quick(hive, job, tell)


def refused(hive: Hive, job: Job, tell: Tell) -> str:
    """Never."""
    del hive, job, tell
    raise Refused("that is not done", "ask for another thing")


def broken(hive: Hive, job: Job, tell: Tell) -> str:
    """A bug for bob, quick for all others."""
    return quick(hive, job, tell) if job.agent != "bob" else str({}["no such key"])
