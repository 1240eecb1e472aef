"""What must hold between what the hive keeps in several places: pure comparisons, each giving what is wrong and the
line that mends it. Looked at while the hive works, so of what is under way no more is asked than always holds."""

import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from hivelib.model import states
from hivelib.model.records import Agent, Approval

PROPOSED = frozenset({"init_config", "apply_commit", "spawn"})
"""The kinds of approvals that have a commit, and so tags."""

_P, _PA = frozenset({"proposal"}), frozenset({"proposal", "approved"})
_PAB = _PA | {"building"}
_TAGS: dict[str, tuple[frozenset[str], ...]] = {
    "submitting": (frozenset(), _P),
    "pending": (_P,),
    "approved": (_P, _PA, _PAB),
    "building": (_PA, _PAB, _PAB | {"failed"}),
    "activating": (_PAB, _PAB | {"deployed"}, _PAB | {"failed"}),
    "deployed": (_PAB | {"deployed"},),
    "denied": (_P | {"denied"},),
    "superseded": (_P,),
    "expired": (_P,),
    # one that was never fetched has no tag; one that was killed early has not all
    "failed": (frozenset(), _P | {"failed"}, _PA | {"failed"}, _PAB | {"failed"}),
}
_ASIDE = re.compile(r"\.(.+)\.\d+")


class Fault(NamedTuple):
    """One thing that is wrong: what was looked at, what is wrong with it, and the line that mends it."""

    name: str
    words: str
    mend: str


def faults_of_tags(
    approval: Approval, tags: Mapping[str, str], working: bool, place: str
) -> Iterator[Fault]:
    """Compares an approval's row with its tags (commit by kind) in the repository `place`; `working`: a job of it is
    under way."""
    name, status = f"approval {approval.id}", approval.status
    there, wanted = set(tags), _TAGS.get(status, ())
    mend = f"git -C {shlex.quote(place)} tag -n99 -l '*/{approval.id}'; then hive-show {approval.id}: the tags count"
    purged = approval.note.endswith("was purged")  # then nobody tags any more
    if not (there in wanted or working or (purged and "proposal" in there)):
        what = min(wanted, key=lambda one: len(one ^ there), default=frozenset())
        missing, extra = sorted(what - there), sorted(there - what)
        words = [f"lacks {_tags(missing, approval)}"] if missing else []
        words += [f"has {_tags(extra, approval)}, which contradicts it"] if extra else []
        yield Fault(name, f"is {status} in its row and {' and '.join(words)}", mend)
    if odd := sorted(kind for kind, commit in tags.items() if commit != approval.fetched_sha):
        yield Fault(name, f"{_tags(odd, approval)} names another commit than its row", mend)
    said = f"{status}/{approval.id}" if status in there and status in states.RESOLVED else ""
    if status in states.RESOLVED and approval.tag != said and not working:
        yield Fault(
            name, f"its row names the tag {approval.tag!r}, there is {said or 'none'!r}", mend
        )


def _tags(kinds: Iterable[str], approval: Approval) -> str:
    return "tag " + ", ".join(f"{kind}/{approval.id}" for kind in kinds)


def faults_of_numbers(
    place: str, name: str, numbers: Collection[int], owners: Mapping[int, str]
) -> Iterator[Fault]:
    """Tags of the repository `place` of agent `name` about approvals without a row, or of another agent (`owners`)."""
    for number in sorted(set(numbers) - {0}):
        where = f"git -C {shlex.quote(place)} tag -n99 -l '*/{number}'"
        if number not in owners:
            words = f"{place} has tags of it, and there is no row: is the database older than the repository?"
            yield Fault(
                f"approval {number}", words, f"{where}; a restored backup has both of one instant"
            )
        elif owners[number] != name:
            words = f"{place} has tags of it, and its row is about {owners[number]}"
            yield Fault(f"approval {number}", words, where)


def faults_of_deployed(agent: Agent, main: str, pinned: str) -> Iterator[Fault]:
    """Compares what an agent's row, the main of its applied repository, and meta's flake say that is deployed."""
    row = agent.deployed_sha or ""
    alive = agent.state != "destroyed"
    if not alive and pinned:
        words = f"is destroyed, and meta still declares {pinned[:12]}"
        yield Fault(
            f"agent {agent.name}", words, f"hive-revive {agent.name}; hive-destroy {agent.name}"
        )
    if alive and not row == main == pinned:
        said = {"its row": row, "applied/main": main, "meta": pinned}
        words = ", ".join(
            f"{where} says {commit[:12] or 'nothing'}" for where, commit in said.items()
        )
        yield Fault(
            f"agent {agent.name}", f"what is deployed: {words}", f"hive-rebuild {agent.name}"
        )


def strangers(found: Iterable[str], known: Collection[str]) -> list[str]:
    """Of the names in a directory of agents, those that belong to no known one: themselves, nor moved aside."""
    return [one for one in found if _owner(one) not in known]


def _owner(name: str) -> str:
    aside = _ASIDE.fullmatch(name)
    return aside[1] if aside else name


def fault_of_mode(
    path: str, mode: int, uid: int, owners: Collection[int], most: int
) -> Fault | None:
    """Whether a place of the state belongs to one of `owners`, and grants no more than the bits of `most`; `mode` has
    its permission bits."""
    quoted = shlex.quote(path)
    if uid not in owners:
        owner = min(owners)
        return Fault(path, f"belongs to user {uid}", f"as root: chown {owner} {quoted}")
    if extra := mode & ~most & 0o777:
        return Fault(
            path,
            f"its mode {mode & 0o7777:04o} grants too much",
            f"chmod {oct(mode & ~extra & 0o7777)[2:]} {quoted}",
        )
    return None
