"""The config repositories of agents: `applied/NAME`, bare and ours, and `proposed/NAME`, which the manager's box edits.

In applied, refs/heads/main is what is deployed, and tags are the audit trail: `proposal/12 approved/12 building/12
deployed/12`, or `failed/12` or `denied/12`; `deployed/0` is the seed. A tag never moves and is never removed. Each
step may be done again after a kill: it gives the same commit, the same tag.
"""

import os
import shutil
from typing import NamedTuple

from hivelib.base import clock, text
from hivelib.base.errors import HiveError, Refused
from hivelib.base.paths import Paths
from hivelib.host import git, templates
from hivelib.model.names import MANAGER
from hivelib.model.settings import Settings

KINDS = ("proposal", "approved", "building", "deployed", "failed", "denied")
"""What a tag can say of an approval."""

WHY_MOST = 16 * 1024
"""Characters of a tag's words; longer ones lose their beginning, for a build log ends with what went wrong."""

MAIN = "refs/heads/main"

_CONFIG = """[remote "applied"]
	url = /applied/{name}
	fetch = +refs/heads/*:refs/remotes/applied/*
[branch "main"]
	remote = applied
	merge = {main}
[user]
	name = {manager}
	email = {manager}@localhost
"""
"""What a proposed repository is told: where applied lies in the manager's box, and who commits there."""


class Word(NamedTuple):
    """What a tag says: `kind` of KINDS, about which approval (0: the seed), on which commit, by whom, when, why."""

    kind: str
    approval: int
    commit: str
    who: str
    at: float
    why: str


def seed(
    settings: Settings, name: str, role: str, config: str, who: str, why: str, at: float
) -> str:
    """Makes applied/NAME where it is missing, and in it the commit that a new agent begins with; gives the commit.

    main does not move. The same words and `at` (UTC seconds) give the same commit. An agent of that name that was
    there before has its history continued: the commit descends from its main.
    """
    place = Paths.of(settings).applied(name)
    git.init(place)
    message = f"seed {name}\n\n{_signed(who, at, why)}"
    files = templates.files(name, role, config)
    return git.write_commit(place, files, git.commit_of(place, MAIN), message, at)


def receive(settings: Settings, name: str, pack: str, commit: str) -> None:
    """Takes the objects of a pack file into applied/NAME, checking each; no ref moves.

    Raises Refused when git finds fault with one, or the commit is not there afterwards.
    """
    place = Paths.of(settings).applied(name)
    with open(pack, "rb") as file:
        done = git.git(place, "index-pack", "--strict", "--stdin", stdin=file, check=False)
    if done.status:
        why = (done.err.strip() or f"status {done.status}").splitlines()[-1]
        raise Refused(f"git does not take the objects: {text.shortened(why, 300)}")
    if git.commit_of(place, commit) != commit:
        raise Refused(f"the commit {commit[:12]} is not among the objects that came")


def tag(
    settings: Settings,
    name: str,
    kind: str,
    approval: int,
    commit: str,
    who: str,
    why: str,
    at: float | None = None,
) -> str:
    """Tags a commit of applied/NAME with what happened to an approval, once; gives the name of the tag.

    Raises HiveError when the tag is there on another commit.
    """
    named = f"{kind}/{approval}"
    when = clock.now() if at is None else at
    message = f"{named} {name}\n\n{_signed(who, when, why)}"
    git.tag(Paths.of(settings).applied(name), named, commit, message, when)
    return named


def unlock(settings: Settings) -> None:
    """Frees what gits have locked in applied that died with their worker."""
    above = os.path.dirname(Paths.of(settings).applied(MANAGER))
    for name in os.listdir(above) if os.path.isdir(above) else ():
        if _is_there(f"{above}/{name}"):
            git.unlock(f"{above}/{name}")


def tagged(settings: Settings, name: str, approval: int) -> dict[str, str]:
    """What the tags say of an approval: the commit of each kind that there is."""
    place = Paths.of(settings).applied(name)
    if not _is_there(place):
        return {}
    found = git.tags(place, f"*/{approval}")
    return {one.name.partition("/")[0]: one.commit for one in found}


def history(settings: Settings, name: str) -> list[Word]:
    """Everything that the tags of applied/NAME say, oldest first."""
    place = Paths.of(settings).applied(name)
    return [parsed(one) for one in git.tags(place)] if _is_there(place) else []


def said_of(settings: Settings, name: str, approval: int) -> list[Word]:
    """What the tags of applied/NAME say of one approval, oldest first; nothing when the repository is not there."""
    place = Paths.of(settings).applied(name)
    if not _is_there(place):
        return []
    words = [parsed(one) for one in git.tags(place, f"*/{approval}")]
    known = [one for one in words if one.kind in KINDS]
    return sorted(known, key=lambda one: (one.at, KINDS.index(one.kind)))  # git knows seconds only


def parsed(tag: git.Tag) -> Word:
    """The words of a tag that `tag` has made."""
    kind, _, approval = tag.name.partition("/")
    _, _, body = tag.message.partition("\n\n")
    head, _, why = body.partition("\n\n")
    fields = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    number = int(approval) if approval.isdecimal() else 0
    return Word(kind, number, tag.commit, fields.get("Who", ""), tag.at, why.strip())


def was_deployed(settings: Settings, name: str, commit: str) -> bool:
    """Whether a tag says that this commit ran once; a row that says so could be anybody's."""
    said = history(settings, name) if commit else ()
    return any(one.kind == "deployed" and one.commit == commit for one in said)


def main(settings: Settings, name: str) -> str:
    """The commit that is deployed; empty when there is none."""
    place = Paths.of(settings).applied(name)
    return git.commit_of(place, MAIN) if _is_there(place) else ""


def advance(settings: Settings, name: str, commit: str, before: str) -> None:
    """Moves main from `before` (empty: there is none) to a commit that descends from it; nothing when it is there.

    Raises NotNow when main is somewhere else.
    """
    place = Paths.of(settings).applied(name)
    if git.commit_of(place, MAIN) == commit:
        return
    if before and not git.is_ancestor(place, before, commit):
        raise HiveError(f"{commit[:12]} does not descend from {before[:12]}")
    git.move(place, MAIN, commit, before)


def open_proposed(settings: Settings, name: str) -> None:
    """Gives the manager a clone of what is deployed, with the remote `applied`; success when it has one.

    Made beside and renamed, so that it is complete when a box sees it; from then on it belongs to the box.
    """
    paths = Paths.of(settings)
    place = paths.proposed(name)
    if os.path.lexists(place):
        return
    commit = main(settings, name)
    if not commit:
        raise HiveError(f"{name} has no configuration yet", "approve its init_config first")
    part = f"{os.path.dirname(place)}/.{name}.new"
    shutil.rmtree(part, ignore_errors=True)
    os.makedirs(part, mode=0o770)
    inside = f"{part}/.git"
    git.git(inside, "init", "--quiet")
    with open(f"{inside}/config", "a", encoding="utf-8") as file:
        file.write(_CONFIG.format(name=name, main=MAIN, manager=MANAGER))
    git.git(inside, "fetch", "--quiet", paths.applied(name), f"+{MAIN}:refs/remotes/applied/main")
    git.git(inside, "update-ref", MAIN, commit)
    git.git(inside, f"--work-tree={part}", "read-tree", "--reset", "-u", "HEAD")
    os.rename(part, place)


def move_aside(settings: Settings, name: str, incarnation: int) -> None:
    """Takes both repositories of an agent that is gone for good out of the way, to .NAME.INCARNATION beside them.

    Nothing is removed: what was deployed, and by whose word, can be looked up for ever. What is not there is skipped.
    """
    paths = Paths.of(settings)
    for place in (paths.proposed(name), paths.applied(name)):
        aside = f"{os.path.dirname(place)}/.{name}.{incarnation}"
        if os.path.lexists(place) and not os.path.lexists(aside):
            os.rename(place, aside)


def _is_there(place: str) -> bool:
    return os.path.isdir(f"{place}/objects")


def _signed(who: str, at: float, why: str) -> str:
    """The one form of a message: who and when in lines of ours, then the words of whomever, which can hide nothing."""
    words = text.visible(why).strip()
    if len(words) > WHY_MOST:
        words = f"… {words[-WHY_MOST:]}"
    return f"Who: {text.shortened(who, 100)}\nWhen: {clock.iso(at)}\n\n{words or '-'}\n"
