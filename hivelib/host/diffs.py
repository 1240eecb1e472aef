"""What differs between two commits of a repository of ours, as data: by git itself, and bounded.

Attributes of the tree decide nothing (a `.gitattributes` could call a file binary, and so hide it): files are compared
blob by blob, and what is text is said here: whatever has no NUL.
"""

from hivelib.host.git import git
from hivelib.model.diffs import (
    NONE,
    SUBMODULE,
    Change,
    ChangedFile,
    Diff,
    Hunk,
    changes,
    hunks,
    whole,
)

FILE_BYTES = 256 * 1024
"""A longer file is named with its hash instead of shown."""

WHOLE_BYTES = 1024 * 1024
"""Nobody reads more than this; what comes after it is named. FIRST files are before all others."""

FILES_SHOWN = 200
_PLAIN = ("--no-ext-diff", "--no-textconv", "--no-color", "--full-index")


def difference(repository: str, base: str, commit: str) -> Diff:
    """All that differs between the commits `base` (empty: an empty tree) and `commit`. Raises HiveError."""
    empty = git(repository, "hash-object", "-t", "tree", "/dev/null").out.strip()
    tree_only = {"GIT_ATTR_SOURCE": empty}
    listing = git(
        repository,
        *("diff-tree", "-r", "-z", "--raw", "--find-renames", *_PLAIN, base or empty, commit),
        more=tree_only,
        exact=True,
    )
    found = changes(listing.out)
    sizes = _sizes(repository, [blob for change in found for blob in _blobs(change)])
    unshown = _too_long(found, sizes)
    texts = _contents(
        repository,
        [blob for change in found if not unshown[change.path] for blob in _blobs(change)],
    )
    files = []
    for change in found:
        why = unshown[change.path]
        if not why and any("\0" in texts[blob] for blob in _blobs(change)):
            why = "binary"
        shown = () if why else _hunks(repository, change, texts, tree_only)
        size, old_size = sizes.get(change.blob, 0), sizes.get(change.old_blob, 0)
        files.append(_changed(change, size, old_size, why, shown))
    return Diff(base, commit, tuple(files))


def _changed(
    change: Change, size: int, old_size: int, why: str, shown: tuple[Hunk, ...]
) -> ChangedFile:
    return ChangedFile(
        change.status,
        change.path,
        change.old_path,
        change.mode,
        change.old_mode,
        change.blob,
        change.old_blob,
        size,
        old_size,
        why,
        shown,
    )


def _blobs(change: Change) -> list[str]:
    """The contents on both sides that can be read here."""
    sides = ((change.old_mode, change.old_blob), (change.mode, change.blob))
    return [blob for mode, blob in sides if mode not in (NONE, SUBMODULE)]


def _sizes(repository: str, blobs: list[str]) -> dict[str, int]:
    if not blobs:
        return {}
    asked = "".join(f"{blob}\n" for blob in blobs)
    told = git(repository, "cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=asked)
    rows = [line.split(" ") for line in told.out.splitlines()]
    return {blob: int(size) for blob, size in rows}


def _too_long(found: list[Change], sizes: dict[str, int]) -> dict[str, str]:
    """Why each file's text is not shown, by path; empty: it is."""
    why: dict[str, str] = {}
    files, left = FILES_SHOWN, WHOLE_BYTES
    for change in found:
        needed = [sizes[blob] for blob in _blobs(change)]
        if SUBMODULE in (change.mode, change.old_mode):
            why[change.path] = "another repository's commit"
        elif any(size > FILE_BYTES for size in needed):
            why[change.path] = f"more than {FILE_BYTES // 1024} KiB"
        elif sum(needed) > left or not files:
            why[change.path] = "the diff is long enough without it"
        else:
            why[change.path] = ""
            files, left = files - 1, left - sum(needed)
    return why


def _contents(repository: str, blobs: list[str]) -> dict[str, str]:
    if not blobs:
        return {}
    asked = "".join(f"{blob}\n" for blob in dict.fromkeys(blobs))
    told = git(repository, "cat-file", "--batch", stdin=asked, exact=True)
    data = told.out.encode("utf-8", "surrogateescape")
    found = {}
    while data:
        head, _, data = data.partition(b"\n")
        blob, _, size = head.decode().split(" ")
        found[blob] = data[: int(size)].decode("utf-8", "surrogateescape")
        data = data[int(size) + 1 :]
    return found


def _hunks(
    repository: str, change: Change, texts: dict[str, str], more: dict[str, str]
) -> tuple[Hunk, ...]:
    if change.old_mode == NONE:
        return whole(texts[change.blob], "+")
    if change.mode == NONE:
        return whole(texts[change.old_blob], "-")
    if change.blob == change.old_blob:
        return ()
    words = ("diff", *_PLAIN, "--text", "--diff-algorithm=histogram")
    patch = git(repository, *words, change.old_blob, change.blob, more=more, exact=True)
    return hunks(patch.out)
