"""What a proposed tree may hold: pure rules over a list of its entries, each fault in words."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

DEPTH_MOST = 20
"""Directories within each other."""

NEEDED = ("flake.nix", "agent.nix", "agent.json")
"""What every config repository has in its root, as plain files; `flake.lock` may be there."""

TEXT_MOST = 1 << 20
"""Bytes of each file that the hive itself reads (NEEDED and flake.lock)."""

LINK_MOST = 1024
"""Bytes of a symbolic link's target."""

_FORBIDDEN = {
    ".git": "git's own name; rename it",
    ".gitmodules": "submodules are not fetched; copy what you need, or make it a flake input",
    ".gitattributes": "git would run filters by it; remove it",
}
_MODES = {"100644": "blob", "100755": "blob", "120000": "blob", "040000": "tree"}


class Entry(NamedTuple):
    """One entry of a tree: its path from the root, git's mode and type, bytes, and a link's target.

    Bytes that are no UTF-8 stand as U+FFFD, which is refused.
    """

    path: str
    mode: str
    kind: str
    size: int
    target: str = ""


def faults_of_tree(entries: Iterable[Entry], files_most: int, bytes_most: int) -> Iterator[str]:
    """Why a tree may not be proposed, one line for each fault, with names made visible and what to do."""
    seen: dict[str, Entry] = {}
    total = 0
    for entry in entries:
        seen[entry.path] = entry
        total += entry.size
        if len(seen) > files_most:
            yield f"the tree has over {files_most} files; keep it small"
            return
        if why := why_not_path(entry.path) or _why_not_entry(entry):
            yield f"{shown(entry.path)}: {why}"
    if total > bytes_most:
        yield f"the files have {total} bytes, {bytes_most} are allowed; keep large files elsewhere"
    for name in (*NEEDED, "flake.lock"):
        found = seen.get(name)
        if found is None:
            if name in NEEDED:
                yield f"{name} is missing; every config repository has {', '.join(NEEDED)}"
        elif found.mode not in ("100644", "100755"):
            yield f"{name}: must be a plain file; put its text there"
        elif found.size > TEXT_MOST:
            yield f"{name}: has {found.size} bytes, {TEXT_MOST} are allowed; shorten it"


def why_not_path(path: str) -> str | None:
    """Given a path from the tree's root; gives back None when it may be there, else why not and what to do."""
    parts = path.split("/")
    if len(parts) > DEPTH_MOST:
        return f"more than {DEPTH_MOST} directories deep; flatten it"
    for part in parts:
        if part in ("", ".", ".."):
            return "no name for a file; rename it"
        if why := _FORBIDDEN.get(part.lower()):
            return why
        if "\ufffd" in part:
            return "the name is not valid UTF-8; rename it"
        if not part.isprintable():
            return "the name has control, bidirectional or invisible characters; rename it"
        if part != part.strip():
            return "the name begins or ends with a blank; rename it"
    return None


def why_not_link(path: str, target: str) -> str | None:
    """Given a symbolic link's path and target; gives back None when it stays in the tree, else why not.

    `..` may stand only at the beginning: behind a name, which may be a link itself, it can lead anywhere.
    """
    parts = target.split("/")
    climbs = 0
    while climbs < len(parts) and parts[climbs] == "..":
        climbs += 1
    if target.startswith("/") or climbs > path.count("/") or ".." in parts[climbs:]:
        return "a link that leaves the tree, or may; link to a file beside it, or copy that"
    if (
        not target
        or not target.isprintable()
        or "\ufffd" in target
        or ".git" in map(str.lower, parts)
    ):
        return "a link to no proper name; remove it"
    return None


def shown(path: str) -> str:
    """A path as one line that cannot deceive, at most 120 characters."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in path)
    return text if len(text) <= 120 else f"{text[:119]}…"


def _why_not_entry(entry: Entry) -> str | None:
    if entry.mode == "160000":
        return "a submodule, which is not fetched; copy what you need, or make it a flake input"
    if _MODES.get(entry.mode) != entry.kind:
        return f"mode {entry.mode} is none that a file may have here; set 644 or 755"
    if entry.mode == "120000":
        if entry.size > LINK_MOST:
            return "a link with an endless target; remove it"
        return why_not_link(entry.path, entry.target)
    return None
