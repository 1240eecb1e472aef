"""Orders: what the operator's tools and the manager ask of agents' boxes.

Who may not or cannot is told at once, and so is who asks a hive that is down. Else a job is queued and waited for: it
is done by the lane's worker also when the one who asked has gone.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from hivelib.base import bell
from hivelib.base.errors import HiveError, NotNow
from hivelib.flow import jobs, lifecycle, tombstones
from hivelib.flow.lifecycle import ALREADY
from hivelib.flow.opening import Hive
from hivelib.flow.rendering import revision
from hivelib.model import states
from hivelib.model.names import OPERATOR
from hivelib.store import agents

SECONDS = 60.0
"""How long a tool waits for its job; it goes on after that."""
UPDATE_SECONDS = 3600.0
"""How long hive-update-all waits for one agent: what is built may be large."""

Tell = Callable[[str], None] | None


class Outcome(NamedTuple):
    """What came of an order: the job's own words, and whether it was so already."""

    note: str
    already: bool


def order(
    hive: Hive,
    kind: str,
    name: str,
    *,
    by: str = OPERATOR,
    tell: Tell = None,
    seconds: float = SECONDS,
) -> Outcome:
    """Has a job done for an agent: `kind` is start, stop, restart, rebuild, destroy, revive or purge.

    `tell` is given its steps. Raises Refused before anything is queued, HiveError when it failed, NotNow when the hive
    is down or when it takes longer than `seconds`.
    """
    job = begin(hive, kind, name, by=by)
    if job is None:
        return Outcome(ALREADY, True)
    ended = jobs.wait(hive, job, seconds, tell)
    if ended.state == "failed":
        raise HiveError(ended.note)
    return Outcome(ended.note, ended.note == ALREADY)


def begin(hive: Hive, kind: str, name: str, *, by: str = OPERATOR) -> int | None:
    """Queues the job and does not wait; its number, None when it is so already. Raises as `order` does at first."""
    if _is_so(hive, kind, name):
        return None
    refuse_when_down(hive, kind)
    return jobs.ask(hive, kind, name, by)


def refuse_when_down(hive: Hive, kind: str) -> None:
    """Raises NotNow when nobody would do such a job: the fifo of its lane lives as long as the hive's systemd."""
    if not bell.heard(hive.paths.bell, jobs.topic(states.LANES[kind])):
        raise NotNow("the hive is down: nobody listens for its jobs", "`hive-up` brings it back")


def update_all(hive: Hive, tell: Tell = None) -> Iterator[tuple[str, Outcome | HiveError]]:
    """Rebuilds one by one, the manager first, the agents that an older program built; gives each with its outcome."""
    for agent in agents.all_of(hive.db):
        if agent.revision != revision():
            try:
                yield (
                    agent.name,
                    order(hive, "rebuild", agent.name, tell=tell, seconds=UPDATE_SECONDS),
                )
            except NotNow:
                raise
            except HiveError as error:
                yield agent.name, error


def begin_update(hive: Hive, *, by: str = OPERATOR) -> list[str]:
    """Queues the same and does not wait; gives the names. Raises NotNow when the hive is down."""
    stale = [one.name for one in agents.all_of(hive.db) if one.revision != revision()]
    for name in stale:
        begin(hive, "rebuild", name, by=by)
    return stale


def _is_so(hive: Hive, kind: str, name: str) -> bool:
    """Whether the rows alone say that there is nothing to do; raises Refused when there must not be."""
    found = agents.get(hive.db, name)
    if kind == "destroy":
        lifecycle.refuse_manager(name)
        if found and found.state == "destroyed":
            return True
    if kind == "revive" and found and found.state != "destroyed":
        return True
    if kind in ("revive", "purge"):
        tombstones.known(hive, name)
    else:
        lifecycle.known(hive, name)
    return False
