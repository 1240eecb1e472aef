"""A diff as data, and what git says of one, read: no file name and no line of a file can pass for something of git's.

Text is as git gave it; a byte that is no UTF-8 is a lone surrogate (`surrogateescape`). Nothing here is safe to show:
face/diffs.py does that.
"""

import re
from typing import NamedTuple

KINDS = {
    "A": "added",
    "D": "deleted",
    "M": "modified",
    "R": "renamed",
    "C": "copied",
    "T": "changed in kind",
}
FIRST = ("agent.json", "agent.nix", "flake.nix", "flake.lock")
"""What decides most is shown first: nothing can push it out of a long diff."""

LINK, SUBMODULE, PROGRAM = "120000", "160000", "100755"
"""Modes of files as git has them: a symbolic link, another repository's commit, a file that may be run."""

NONE = "000000"
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


class Change(NamedTuple):
    """One file of git's listing: its status in words, names, modes and blobs (mode 000000: not there)."""

    status: str
    old_path: str
    path: str
    old_mode: str
    mode: str
    old_blob: str
    blob: str


class DiffLine(NamedTuple):
    """A line of a hunk: `sign` is `+`, `-`, a blank, or `\\` for git's word that the newline at the end is missing."""

    sign: str
    text: str


class Hunk(NamedTuple):
    """Lines that belong together; where they are in the old and in the new file, and how many of each."""

    old_start: int
    old_length: int
    start: int
    length: int
    lines: tuple[DiffLine, ...]


class ChangedFile(NamedTuple):
    """A file that differs. `unshown` says why its text is not in `hunks`; empty: it is, or only mode or name changed.

    `size` and `old_size` are bytes, `blob` and `old_blob` git's hashes of the contents.
    """

    status: str
    path: str
    old_path: str
    mode: str
    old_mode: str
    blob: str
    old_blob: str
    size: int
    old_size: int
    unshown: str
    hunks: tuple[Hunk, ...]

    @property
    def added(self) -> int:
        """How many lines it gained."""
        return sum(line.sign == "+" for hunk in self.hunks for line in hunk.lines)

    @property
    def deleted(self) -> int:
        """How many lines it lost."""
        return sum(line.sign == "-" for hunk in self.hunks for line in hunk.lines)


class Diff(NamedTuple):
    """All that differs between two commits; `base` is empty when it is compared with nothing."""

    base: str
    commit: str
    files: tuple[ChangedFile, ...]


def changes(listing: str) -> list[Change]:
    """The files of `git diff-tree --raw -z`, what decides most first."""
    fields = iter(listing.split("\0"))
    found = []
    for head in fields:
        if not head.startswith(":"):
            continue
        old_mode, mode, old_blob, blob, status = head[1:].split(" ")
        old_path = next(fields)
        path = next(fields) if status[0] in "RC" else old_path
        kind = KINDS.get(status[0], "changed")
        found.append(Change(kind, old_path, path, old_mode, mode, old_blob, blob))
    return sorted(found, key=lambda change: (_rank(change.path), change.path))


def _rank(path: str) -> int:
    return FIRST.index(path) if path in FIRST else len(FIRST) + ("/" in path)


def hunks(patch: str) -> tuple[Hunk, ...]:
    """The hunks of a patch of one file. Lines are counted as their head says, so none can pass for a head."""
    lines = iter(patch.split("\n"))
    found: list[Hunk] = []
    for line in lines:
        if line.startswith("\\ ") and found:  # after the last counted line
            found[-1] = found[-1]._replace(lines=(*found[-1].lines, DiffLine("\\", "")))
        if head := _HUNK.match(line):
            old, olds, new, news = (1 if n is None else int(n) for n in head.groups())
            taken = []
            left, right = olds, news
            while left or right:
                text = next(lines)
                taken.append(DiffLine(text[:1], "" if text[:1] == "\\" else text[1:]))
                left -= text[:1] in " -"
                right -= text[:1] in " +"
            found.append(Hunk(old, olds, new, news, tuple(taken)))
    return tuple(found)


def whole(text: str, sign: str) -> tuple[Hunk, ...]:
    """A file that is new (`sign` +) or gone (-) as one hunk."""
    if not text:
        return ()
    lines = text.removesuffix("\n").split("\n")
    shown = [DiffLine(sign, line) for line in lines]
    if not text.endswith("\n"):
        shown.append(DiffLine("\\", ""))
    count = len(lines)
    places = (0, 0, 1, count) if sign == "+" else (1, count, 0, 0)
    return (Hunk(*places, tuple(shown)),)
