"""What lies in the state directory and belongs to nobody, or has the wrong owner or mode: for `hive-doctor --deep`. No
link is followed, nothing that a box writes is opened, nothing is changed."""

import shlex
from collections.abc import Iterable, Iterator

from hivelib.base import bell
from hivelib.flow.opening import Hive
from hivelib.host import git, leftovers
from hivelib.host.leftovers import Entry
from hivelib.model import auditing
from hivelib.model.auditing import Fault
from hivelib.model.names import MANAGER
from hivelib.store import agents, approvals

INCOMING = ".incoming"
"""Where the submissions' worker puts what it fetched, beside the repositories."""
EVERY = 1_000_000
"""More approvals than there are."""
FRESH = 120.0
"""Seconds in which what lies about may still be somebody's work."""


def places(hive: Hive) -> Iterator[Fault]:
    """Directories of agents that do not exist, links in their place, half an agent.json."""
    living = alive(hive)
    known = living | {one.agent for one in approvals.latest(hive.db, EVERY)}
    for place in ("agents", "applied", "proposed", "builds"):
        for one in leftovers.entries(hive.paths.place(place)):
            if place == "builds" and one.name in (".meta", ".logs"):
                continue
            if one.name == INCOMING and leftovers.is_held(f"{hive.paths.slots}/submissions.worker"):
                continue
            if auditing.strangers([one.name], living if place == "agents" else known):
                yield Fault(one.path, "is of no agent", remove(one))
            elif one.link:
                yield Fault(one.path, "is a link", remove(one))
            elif place == "agents":
                yield from _half_done(leftovers.entries(one.path))


def deploys(hive: Hive) -> Iterator[Fault]:
    """What deploys leave behind: logs, candidates, git's locks."""
    rows = {one.id: one.status for one in approvals.latest(hive.db, EVERY)}
    for one in leftovers.entries(hive.paths.place("builds") + "/.logs"):
        number = one.name.partition(".")[0]
        if not number.isdecimal() or int(number) not in rows:
            yield Fault(one.path, "is the log of no approval", remove(one))
    for one in leftovers.entries(hive.paths.candidates):
        status = rows.get(int(one.name), "") if one.name.isdecimal() else ""
        if one.name != "lock" and status not in ("approved", "building", "activating"):
            yield Fault(one.path, "is a candidate of no deploy that runs", remove(one))
    for place in (
        f"{hive.paths.meta}/.git",
        *(e.path for e in leftovers.entries(hive.paths.place("applied"))),
    ):
        locks = (one for one in leftovers.entries(place) if one.name.endswith(".lock"))
        yield from (
            Fault(one.path, "was left by a git that died", remove(one))
            for one in locks
            if one.age > FRESH and git.held_by_nobody(one.path)
        )


def _half_done(found: Iterable[Entry]) -> Iterator[Fault]:
    for one in found:
        if one.age > FRESH and (
            one.name.endswith(".new") or one.name.startswith((".fetch", "fetched-"))
        ):
            yield Fault(one.path, "was left half done", remove(one))


def bells(hive: Hive) -> Iterator[Fault]:
    """Fifos that nobody reads. Of a hive that is down none is read, and that is as it should be."""
    if not bell.heard(hive.paths.bell, "broker"):
        return
    for topic in leftovers.entries(hive.paths.bell):
        for one in leftovers.entries(topic.path):
            if one.fifo and one.age > FRESH and one.name != "unit" and not bell.is_read(one.path):
                yield Fault(one.path, "nobody reads this bell", f"rm {shlex.quote(one.path)}")


def owners_and_modes(hive: Hive) -> Iterator[Fault]:
    """The state tree down to what boxes write: each place its user's, and closed to strangers."""
    state = leftovers.entry(hive.paths.state)
    if state is None:
        return
    several = hive.settings.operator.group != ""
    owners = {state.uid}
    yield from _mode(state, owners, 0o770)
    for one in leftovers.entries(hive.paths.state):
        if one.link:
            yield Fault(one.path, "is a link", f"look where it leads, then {remove(one)}")
        elif one.name == "api-key":
            yield from _mode(one, owners, 0o600)
        elif one.name not in ("agents", "proposed", "shared") or not several:
            yield from _mode(one, owners, 0o775 if one.directory else 0o664)
    for one in leftovers.entries(f"{hive.paths.state}/transcripts"):
        yield from _mode(one, owners, 0o664)
    for place in () if several else ("applied", "builds", "decisions", "meta"):
        for one in leftovers.entries(f"{hive.paths.deployed}/{place}"):
            yield from _mode(one, owners, 0o775 if one.directory else 0o664)


def _mode(one: Entry, owners: set[int], most: int) -> Iterator[Fault]:
    if one.link:  # it has no mode of its own, and chmod would follow it
        return
    if fault := auditing.fault_of_mode(one.path, one.mode, one.uid, owners, most):
        yield fault


def alive(hive: Hive) -> set[str]:
    """The names of those that have files on the host: agents, tombstones, and whoever is being made."""
    rows = {one.name for one in (*agents.all_of(hive.db), *agents.all_of(hive.db, destroyed=True))}
    return rows | {one.agent for one in approvals.unresolved(hive.db)} | {MANAGER}


def remove(one: Entry) -> str:
    """The line that takes it away."""
    return f"rm {'-r ' if one.directory else ''}{shlex.quote(one.path)}"
