"""Looks at the places of the state as what they are: no link is followed, nothing of a box is opened."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from hivelib.base import clock


class Entry(NamedTuple):
    """One thing in a directory: its name, path, permission bits, owner, age in seconds, and whether it is a link."""

    name: str
    path: str
    mode: int
    uid: int
    age: float
    link: bool
    directory: bool
    fifo: bool


def entry(path: str) -> Entry | None:
    """What lies at `path`; None when nothing does, or it may not be looked at."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    mode = found.st_mode
    kinds = stat.S_ISLNK(mode), stat.S_ISDIR(mode), stat.S_ISFIFO(mode)
    age = clock.now() - found.st_mtime
    return Entry(os.path.basename(path), path, stat.S_IMODE(mode), found.st_uid, age, *kinds)


def entries(directory: str) -> Iterator[Entry]:
    """What lies in a directory, by name; nothing when it is not there, is a link, or may not be listed."""
    about = entry(directory)
    if about is None or not about.directory:
        return
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(directory)):
            if found := entry(f"{directory}/{name}"):
                yield found


def is_held(lock: str) -> bool:
    """Whether a process holds the lock file at `lock`."""
    try:
        fd = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
