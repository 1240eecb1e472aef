"""Runs git on a copy of a proposed repository (host/quarantine.py): what is reachable, is it whole, what is in it.

What is handed on is not the copy but a new pack of what the commit reaches, and the checks are made on that pack,
in an empty repository: what was checked is what is handed on, and nothing else.
"""

import os
from collections.abc import Iterator

from hivelib.base.errors import HiveError, NotNow, Refused
from hivelib.base.text import shortened
from hivelib.host import git, quarantine
from hivelib.model.vetting import LINK_MOST, Entry

_TREES_MOST = 500


def taken(repository: int, ref: str, scratch: str, bytes_most: int) -> tuple[str, str, str]:
    """Copies what `ref` of the hostile `.git` reaches; gives back the commit, its pack, and a repository of just that.

    Works in the directory `scratch`, which is ours. Raises Refused when objects are missing, broken or too many.
    """
    named = quarantine.resolved(repository, ref)
    copy, checked = f"{scratch}/copy", f"{scratch}/checked"
    for place in (copy, checked):
        git.init(place)
    for pack in quarantine.copy_objects(repository, f"{copy}/objects", bytes_most):
        _checked("a pack of its repository is broken", copy, "index-pack", pack)
    commit = _full(copy, named)
    made = _packed(copy, commit, f"{scratch}/pack", quarantine.borrows(repository))
    # Without the index that came with it: that one believes the names which the copy's files have.
    pack = f"{checked}/objects/pack/{os.path.basename(made)}"
    os.rename(made, pack)
    if os.path.getsize(pack) > bytes_most:
        raise Refused(f"what it reaches has over {bytes_most} bytes", "keep large files elsewhere")
    _checked("its objects do not pass git's checks", checked, "index-pack", "--strict", pack)
    if git.commit_of(checked, commit) != commit:
        raise Refused(f"{commit[:12]} is no commit", "name a branch or a commit")
    return commit, pack, checked


def entries(repository: str, commit: str, files_most: int) -> Iterator[Entry]:
    """Everything in the tree of a commit, directories too; stops soon after more than `files_most`.

    Goes one directory at a time, because a tree of a few hundred bytes can stand for billions of paths.
    """
    waiting, count, trees = [("", f"{commit}^{{tree}}")], 0, 0
    while waiting and count <= files_most:
        above, tree = waiting.pop(0)
        trees += 1
        if trees > _TREES_MOST:
            raise Refused(f"the tree has over {_TREES_MOST} directories", "keep it small")
        for row in git.git(repository, "ls-tree", "-z", "-l", tree).out.split("\0")[:-1]:
            facts, _, name = row.partition("\t")
            mode, kind, sha, size = facts.split()
            length = 0 if size == "-" else int(size)
            target = ""
            if mode == "120000" and length <= LINK_MOST:
                target = git.git(repository, "cat-file", "blob", sha).out
            count += 1
            yield Entry(f"{above}{name}", mode, kind, length, target)
            if count > files_most:
                return
            if kind == "tree":
                waiting.append((f"{above}{name}/", sha))


def _full(repository: str, named: str) -> str:
    if len(named) == 40:
        return named
    found = git.git(repository, "rev-parse", f"--disambiguate={named}").out.split()
    commits = [one for one in found if git.commit_of(repository, one) == one]
    if len(commits) != 1:
        many = "names several commits" if commits else "is neither a branch nor a commit"
        raise Refused(f"{named} {many}", "name a branch, or the whole commit")
    return commits[0]


def _packed(repository: str, commit: str, base: str, borrows: bool) -> str:
    try:
        words = ["--revs", "--quiet", "--window=0", "--threads=1", base]
        done = git.git(repository, "pack-objects", *words, stdin=f"{commit}\n")
    except NotNow:
        raise
    except HiveError as error:
        hint = "run `git fsck` in it; what is pruned meanwhile is missing too: submit again"
        if borrows:
            hint = "it borrows objects (alternates), which is not followed: `git repack -a -d`, and remove that file"
        raise Refused(f"{commit[:12]} is not whole: {_words(error)}", hint) from None
    return f"{base}-{done.out.strip()}.pack"


def _checked(what: str, repository: str, *words: str) -> None:
    try:
        git.git(repository, *words)
    except NotNow:
        raise
    except HiveError as error:
        raise Refused(f"{what}: {_words(error)}", "`git fsck --strict` in it says more") from None


def _words(error: HiveError) -> str:
    return shortened(error.message.split(": ", 1)[-1], 160)
