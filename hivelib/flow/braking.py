"""Whether an agent may have a turn now; the brakes that park it when not: too many turns, no room on the disk."""

import os

from hivelib.base import bell, clock, journal
from hivelib.flow import settling, warning
from hivelib.flow.opening import Hive
from hivelib.host import disk
from hivelib.model.events import AgentParked
from hivelib.model.names import MANAGER, OPERATOR
from hivelib.model.records import Agent
from hivelib.store import agents, events, mail, turns, warnings

HOUR = 3600.0
LOOK_MOST = 0.5
"""Seconds that counting an agent's files may take, before a turn and in it; some 60,000 files are counted by then."""
DISK_AGAIN = 300.0
"""Seconds after which an agent that is parked for want of room looks again."""


def ready(hive: Hive, name: str) -> Agent | None:
    """The agent, when it runs, is not parked and has due mail; else None.

    Ends a parking whose time is over; parks the agent when a brake says so, and then tells the operator.
    """
    agent = agents.get(hive.db, name)
    if agent is None or agent.state != "running":
        return None
    now = clock.now()
    if agent.parked:
        if agent.parked_until is None or agent.parked_until > now:
            return None
        settling.unpark(hive, name, "time")
    if not mail.any_due(hive.db, name, now):
        return None
    return None if _too_many(hive, name, now) or _no_room(hive, name) else agent


def _too_many(hive: Hive, name: str, now: float) -> bool:
    most = hive.settings.turns.per_hour
    begun = turns.started_since(hive.db, name, now - HOUR)
    if len(begun) < most:
        return False
    until = begun[len(begun) - most] + HOUR
    why = f"it had {len(begun)} turns within an hour, {most} are allowed ([turns] per_hour)"
    with hive.db.write(durable=False):
        settling.park(hive, name, "brake", until, why)
    _tell(hive, name, until, why)
    return True


def full(hive: Hive, name: str) -> str:
    """Why there is no room for the agent's turn, in words; empty when there is."""
    limits, paths = hive.settings.box, hive.paths
    try:
        if (free := disk.free_bytes(paths.state)) < limits.free_bytes:
            least = _mebibytes(limits.free_bytes)
            return f"the disk has only {_mebibytes(free)} left, {least} are kept free ([box] free_bytes)"
        places = [paths.agent_state(name), paths.agent_claude(name)]
        if name == MANAGER:  # it writes every agent's config
            places.append(os.path.dirname(paths.proposed(name)))
        used = disk.used_bytes(tuple(places), LOOK_MOST)
    except disk.TooDeep:
        return f"its directories are nested deeper than {disk.DEPTH_MOST}, so what they hold cannot be counted"
    except disk.Closed:
        return "a directory of its own is closed (chmod u+rx), so what it holds cannot be counted"
    except OSError as error:  # an agent whose files cannot even be looked at
        return f"its disk answers with an error: {error.strerror}"
    if used > limits.disk_bytes:
        most = _mebibytes(limits.disk_bytes)
        return f"its files take {_mebibytes(used)}, {most} are allowed ([box] disk_bytes)"
    return ""


def _mebibytes(count: int) -> str:
    return f"{count / 1048576:.0f} MiB"


def _no_room(hive: Hive, name: str) -> bool:
    why, stands, now = full(hive, name), f"disk:{name}", clock.now()
    if not why:
        if any(standing[0] == stands for standing in warnings.standing(hive.db)):
            with hive.db.write(durable=False) as db:
                events.record(db, *warning.cleared(db, name, stands), at=now)
            _ring(hive)
        return False
    until, mend = now + DISK_AGAIN, f"make room (below {hive.paths.agent(name)}), hive-start {name}"
    with hive.db.write(durable=False) as db:
        if told := warning.raised(db, name, stands, why, mend):
            events.record(db, *told, at=now)
            settling.park(hive, name, "disk", until, why)
        else:  # the operator has been told; looking again is no news
            agents.park(db, name, "disk", until, why, now)
            events.record(db, AgentParked(name, reason="disk", until=until, why=why), at=now)
    _tell(hive, name, until, why if told else "")
    return True


def _tell(hive: Hive, name: str, until: float, why: str) -> None:
    """Rings, and leaves a line in the journal if there is a `why` that is news."""
    if why:
        journal.note("hive-turn", f"{name}: parked until {clock.iso(until)}: {why}; its mail waits")
    _ring(hive)


def _ring(hive: Hive) -> None:
    bell.ring(hive.paths.bell, "broker", "events", f"mail.{OPERATOR}")
