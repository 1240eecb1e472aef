"""Whose processes and files are, of those that are still there once they are looked at."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path


def of_processes(pids: Iterable[int]) -> set[int]:
    """The users, by uid, whose processes of these still run: one that a bell started may have ended meanwhile."""
    return _of(f"/proc/{pid}" for pid in pids)


def below(directory: Path) -> set[int]:
    """The users, by uid, who own something below a directory in which a hive may be at work."""
    places = (
        os.path.join(at, name) for at, dirs, files in os.walk(directory) for name in dirs + files
    )
    return _of(places)


def _of(paths: Iterable[str]) -> set[int]:
    found = set()
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            found.add(os.lstat(path).st_uid)
    return found
