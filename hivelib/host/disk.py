"""How full the disk is, and how much of it an agent's own directories take.

A box writes there while this looks, and may swap a directory for a link at any moment: every step is relative to an
open directory and follows no link. What it may nest or number is bounded, and so is the time of a look.
"""

import os

from hivelib.base import clock
from hivelib.base.proc import run

DEPTH_MOST = 100
"""Directories within each other; npm's deepest trees have some 40. Each open one costs a descriptor."""

_HOW = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class TooDeep(Exception):
    """A directory is nested deeper than DEPTH_MOST: what lies below is not counted."""


class Closed(Exception):
    """A directory may not be looked into: what lies below is not counted. A box may close any that it has made."""


def free_bytes(path: str) -> int:
    """What an ordinary user may still write on the file system of `path`."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def used_bytes(directories: tuple[str, ...], seconds: float) -> int:
    """Bytes on the disk below these directories, as far as they are counted within `seconds`; a missing one has none.

    A file with several names is counted once for each. Raises TooDeep and Closed.
    """
    deadline = clock.monotonic() + seconds
    used = 0
    for directory in directories:
        try:
            top = os.open(directory, _HOW)
        except PermissionError:
            raise Closed from None
        except OSError:
            continue
        used += _below(top, deadline)
    return used


def remove(directory: str) -> None:
    """Removes a directory that a box could write, whatever is in it; nothing when it is missing. Follows no link.

    By rm, because what nests deeper than a process has descriptors or stack is nothing to it, and by chmod before that,
    because a box may close its directories. Raises HiveError when something withstands.
    """
    if os.path.lexists(directory):
        run(["chmod", "-R", "u+rwX", "--", directory], check=False)
        run(["rm", "-rf", "--one-file-system", "--", directory])


def _below(top: int, deadline: float) -> int:
    """Takes over the descriptor `top` and closes it."""
    used = 0
    open_ones = [top]
    entries = [os.scandir(top)]  # read as it goes: a directory may hold millions
    try:
        while open_ones:
            entry = next(entries[-1], None) if clock.monotonic() < deadline else None
            if entry is None:
                entries.pop().close()
                os.close(open_ones.pop())
                continue
            size, below = _look(open_ones[-1], entry)
            used += size
            if below >= 0:
                open_ones.append(below)
                entries.append(os.scandir(below))
            if len(open_ones) > DEPTH_MOST:
                raise TooDeep
    finally:
        for one in entries:
            one.close()
        for fd in open_ones:
            os.close(fd)
    return used


def _look(directory: int, entry: os.DirEntry[str]) -> tuple[int, int]:
    """The bytes of an entry, and its descriptor when it is a directory that can be looked into, else -1."""
    try:
        size = entry.stat(follow_symlinks=False).st_blocks * 512
        if not entry.is_dir(follow_symlinks=False):
            return size, -1
        return size, os.open(entry.name, _HOW, dir_fd=directory)
    except PermissionError:
        raise Closed from None
    except OSError:  # gone again, or another thing by now
        return 0, -1
