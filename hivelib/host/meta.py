"""The meta repository: the one flake that declares every agent, and a log in which each deploy is a commit.

refs/heads/main is the truth; flake.nix and flake.lock lie beside it for people and for nix. What a deploy would change
is made beforehand in a candidate, a directory below builds, so that undoing it is removing that. Whoever prepares or
commits holds `locked`, which is not held through a build.
"""

import glob
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from hivelib.base import slots
from hivelib.base.errors import HiveError
from hivelib.base.paths import Paths
from hivelib.host import flake, git
from hivelib.host.repositories import MAIN
from hivelib.model.settings import Settings


class Entry(NamedTuple):
    """One commit of meta's log: its name, when (UTC seconds), and its one line."""

    commit: str
    at: float
    words: str


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Nobody else prepares or commits while the block runs."""
    place = Paths.of(settings).candidates
    os.makedirs(place, mode=0o750, exist_ok=True)
    with slots.locked(f"{place}/lock"):
        yield


def head(settings: Settings) -> str:
    """The newest commit; empty before the first."""
    place = _git(settings)
    return git.commit_of(place, MAIN) if os.path.isdir(place) else ""


def lock(settings: Settings) -> str:
    """The flake.lock that is deployed; empty before the first."""
    place = _git(settings)
    return git.show(place, MAIN, "flake.lock") or "" if os.path.isdir(place) else ""


def candidate(settings: Settings, approval: int) -> str:
    """The directory with what an approval would make of flake.nix and flake.lock."""
    return f"{Paths.of(settings).candidates}/{approval}"


def prepare(settings: Settings, approval: int, files: flake.Files) -> str:
    """Writes the candidate of an approval, anew when there is one; gives meta's head, which it was made for."""
    place = candidate(settings, approval)
    shutil.rmtree(place, ignore_errors=True)
    part = f"{place}.new"
    os.makedirs(part, mode=0o750, exist_ok=True)
    for name, words in files.named().items():
        with open(f"{part}/{name}", "w", encoding="utf-8") as file:
            file.write(words)
    os.rename(part, place)
    return head(settings)


def prepared(settings: Settings, approval: int) -> flake.Files | None:
    """What lies in an approval's candidate; None when there is none."""
    place = candidate(settings, approval)
    try:
        with (
            open(f"{place}/flake.nix", encoding="utf-8") as nix,
            open(f"{place}/flake.lock", encoding="utf-8") as pins,
        ):
            return flake.Files(nix.read(), pins.read())
    except FileNotFoundError:
        return None


def drop(settings: Settings, approval: int) -> None:
    """Removes an approval's candidate; success when there is none."""
    shutil.rmtree(candidate(settings, approval), ignore_errors=True)


def commit(settings: Settings, files: flake.Files, words: str, at: float) -> str:
    """Makes `files` the newest commit, and the work tree follows; gives the newest commit.

    Nothing is committed when they are what is there, under the same words: the same deploy is done again.
    """
    place = _git(settings)
    if not os.path.isdir(place):
        git.init(place)
        git.git(place, "config", "core.bare", "false")
    before = head(settings)
    if not (before and log(settings, 1)[0].words == words and _is(place, files)):
        made = git.write_commit(place, files.named(), before, f"{words}\n", at)
        git.move(place, MAIN, made, before)
        before = made
    checkout(settings)
    return before


def checkout(settings: Settings) -> None:
    """Brings the work tree to the newest commit."""
    place = _git(settings)
    if not os.path.isdir(place):
        return
    git.unlock(place)
    tree = f"--work-tree={Paths.of(settings).meta}"
    done = git.git(place, tree, "read-tree", "--reset", "-u", "HEAD", check=False)
    if done.status and head(settings):  # else it is before the first commit
        raise HiveError(f"meta's work tree does not follow: {done.err.strip()}", "look into it")


def log(settings: Settings, most: int = 1000) -> list[Entry]:
    """The commits, newest first: what was deployed, one after the other."""
    if not os.path.isdir(_git(settings)):
        return []
    form = "--format=%H%x00%ct%x00%s"
    words = ["log", f"--max-count={most}", form, MAIN]
    shown = git.git(_git(settings), *words, check=False).out  # nothing before the first
    rows = (line.split("\0", 2) for line in shown.splitlines())
    return [Entry(name, float(at), words) for name, at, words in rows]


def tidy(settings: Settings, live: Collection[int]) -> list[str]:
    """Removes what a dead worker left: candidates of approvals that are not `live`, git's stale locks, half a work
    tree. Gives one sentence for each. The caller holds `locked`.
    """
    done = []
    wanted = {candidate(settings, approval) for approval in live}
    for place in sorted(glob.glob(f"{glob.escape(Paths.of(settings).candidates)}/[0-9]*")):
        if place not in wanted:
            shutil.rmtree(place, ignore_errors=True)
            done.append(f"removed the candidate {os.path.basename(place)}")
    done += [f"cleared meta's {name}" for name in git.unlock(_git(settings))]
    if os.path.isdir(_git(settings)):  # it may have died between the two steps of making it
        git.git(_git(settings), "config", "core.bare", "false")
    checkout(settings)
    return done


def _is(place: str, files: flake.Files) -> bool:
    return all(git.show(place, MAIN, name) == text for name, text in files.named().items())


def _git(settings: Settings) -> str:
    return f"{Paths.of(settings).meta}/.git"
