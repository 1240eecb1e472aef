"""What keeps the hive going, as rows and files tell it at once: its health, jobs, tombstones, units."""

import os
from typing import NamedTuple

import hivelib
from hivelib.base import bootstrap, slots
from hivelib.flow.opening import Hive
from hivelib.host import disk
from hivelib.model.records import Agent, Job
from hivelib.store import agents, jobs, turns, warnings


class Health(NamedTuple):
    """How the hive is: bytes `free` on its disk, turns `running` of at `most`, units that `failed`, how many `warnings`
    stand, the program's version, whether this is a `demo`."""

    free: int
    running: int
    most: int
    failed: list[str]
    warnings: int
    version: str
    demo: bool


def jobs_shown(hive: Hive, past: int) -> list[Job]:
    """The workers' jobs: what waits and runs first, then the newest `past` that are over."""
    waiting = jobs.unfinished(hive.db)
    over = [job for job in reversed(jobs.latest(hive.db, past)) if job.ended_at is not None]
    return waiting + over


def tombstones(hive: Hive) -> list[Agent]:
    """The destroyed agents that left something, by name."""
    return agents.all_of(hive.db, destroyed=True)


def health(hive: Hive) -> Health:
    """How the hive is, as far as rows and the disk tell."""
    standing = [name for name, *_ in warnings.standing(hive.db)]
    named = [name for name in standing if isinstance(name, str)]
    failed = [name.removeprefix("failed:") for name in named if name.startswith("failed:")]
    return Health(
        disk.free_bytes(hive.paths.state),
        len(turns.running(hive.db)),
        slots.most(hive.settings.turns.at_once),
        failed,
        len(standing),
        hivelib.__version__,
        hive.settings.claude.demo,
    )


def units() -> list[str]:
    """The hive's services that are not an agent's, as `hive-logs` names them."""
    names = os.listdir(f"{bootstrap.ROOT}/systemd")
    services = [name for name in names if name.endswith(".service") and "@" not in name]
    return sorted(name.removesuffix(".service") for name in services)
