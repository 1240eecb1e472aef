"""Leaving a box: what an agent may reach, and the events that tell where it went and where it was refused."""

import functools
import json

from hivelib.base import bell
from hivelib.base.errors import HiveError
from hivelib.flow.opening import Hive
from hivelib.model.egress import DEFAULT, Entry, parse_entries
from hivelib.model.events import EgressAllowed, EgressRefused, Event
from hivelib.store import agents, events

MINUTE = 60
HOSTS_EACH = 50
"""Hosts of one agent that a minute's events name; the rest are counted together, or a box could fill the log."""

OTHERS = "(others)"


def allowed(hive: Hive, agent: str) -> tuple[Entry, ...]:
    """The allow-list of an agent's deployed config, read anew each time (one indexed read) so that a change counts
    at once; nothing for an agent that is not there. HiveError when the config cannot be read: then nothing is open."""
    config = agents.config(hive.db, agent)
    if config is None:
        return ()
    try:
        return _entries(config)
    except (ValueError, TypeError) as error:
        raise HiveError(f"the egress list of {agent} cannot be read: {error}") from None


def record(hive: Hive, told: list[Event]) -> None:
    """Writes events of the way out and rings for them; they are sums, so the commit need not wait for the disk."""
    if told:
        with hive.db.write(durable=False) as db:
            events.record(db, *told)
        bell.ring(hive.paths.bell, "events")


class Tally:
    """Counts connections by agent, host and minute between two writes; not for several threads."""

    def __init__(self) -> None:
        self._minute = 0
        self._hosts: dict[str, set[str]] = {}  # of this minute: what each agent tried
        self._told: set[tuple[str, str]] = set()  # of this minute: refusals told at once
        self._counts: dict[tuple[int, str, str], int] = {}  # let through
        self._refusals: dict[tuple[int, str, str], tuple[int, str]] = {}

    def note(self, agent: str, host: str, why: str | None, now: float) -> EgressRefused | None:
        """Counts one connection at UTC seconds `now`, refused if there is a `why`; gives back the event when the
        operator should see it at once: a host's first refusal of a minute. What is given back is not counted again."""
        minute = int(now) // MINUTE * MINUTE
        if minute != self._minute:
            self._minute = minute
            self._hosts.clear()
            self._told.clear()
        hosts = self._hosts.setdefault(agent, set())
        if host not in hosts and len(hosts) >= HOSTS_EACH:
            host, why = OTHERS, why and "different reasons"
        hosts.add(host)
        key = (minute, agent, host)
        if why is None:
            self._counts[key] = self._counts.get(key, 0) + 1
        elif (agent, host) in self._told:
            self._refusals[key] = (self._refusals.get(key, (0, ""))[0] + 1, why)
        else:
            self._told.add((agent, host))
            return EgressRefused(agent, host=host, count=1, minute=minute, why=why)
        return None

    def take(self) -> list[Event]:
        """The sums since the last time, as events; counting starts anew."""
        taken: list[Event] = [
            EgressAllowed(agent, host=host, count=count, minute=minute)
            for (minute, agent, host), count in self._counts.items()
        ]
        taken += [
            EgressRefused(agent, host=host, count=count, minute=minute, why=why)
            for (minute, agent, host), (count, why) in self._refusals.items()
        ]
        self._counts.clear()
        self._refusals.clear()
        return taken

    def __bool__(self) -> bool:
        return bool(self._counts or self._refusals)


@functools.lru_cache(maxsize=256)
def _entries(config: str) -> tuple[Entry, ...]:
    """The list in an agent.json, read once for each text it ever had."""
    table = json.loads(config or "{}")
    listed = table.get("egress") if isinstance(table, dict) else 0
    if listed is None:
        listed = DEFAULT
    if not isinstance(listed, (list, tuple)):
        raise ValueError("egress must be a list of texts")
    return parse_entries(listed)
