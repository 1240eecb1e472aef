"""Writes a file into a directory that a box can write, whatever the box does meanwhile.

Every step is relative to an open directory and follows no link, so nothing outside is reached: a component that the box
swaps for a link is refused, and what it moves away stays its own. The file is written under another name, synced, and
put in its place in one step: a kill leaves it whole or not at all, and at most a file `.reminder-…new` beside it, which
the next attempt takes away.
"""

import errno
import os
import stat
from contextlib import suppress

from hivelib.base.errors import HiveError, NotNow

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_LATER = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
}
"""What is wrong with the machine, not with the file."""


def write(top: str, parts: list[str], data: bytes, mark: str, *, replace: bool) -> bool:
    """Writes `data` to the file `parts` below the directory `top`, whose own components are the hive's alone; missing
    directories are made. Gives back whether that is what lies there now.

    With `replace` a regular file there is replaced. Without, one with other content is left alone: False. `mark` names
    the attempt, the same for each of a reminder's. Raises NotNow when the disk is full or ill, HiveError when
    something else than directories and a regular file is in the way.
    """
    try:
        directory = _walked(top, parts[:-1])
        try:
            return _put(directory, parts[-1], data, f".reminder-{mark}.new", replace)
        finally:
            os.close(directory)
    except OSError as error:
        path = "/".join(parts)
        if error.errno in _LATER:
            raise NotNow(f"cannot write {path}: {error.strerror}", "make room") from None
        words = {
            errno.ELOOP: "a link is in the way",
            errno.ENOTDIR: "a component is no directory, or a link",
        }
        why = words.get(error.errno or 0, error.strerror or str(error))
        raise HiveError(f"cannot write {path}: {why}") from None


def _walked(top: str, parts: list[str]) -> int:
    """A descriptor of the directory `parts` below `top`."""
    here = os.open(top, _DIRECTORY)
    for part in parts:
        try:
            try:
                below = os.open(part, _DIRECTORY, dir_fd=here)
            except FileNotFoundError:
                with suppress(FileExistsError):  # made meanwhile, whatever it is
                    os.mkdir(part, 0o700, dir_fd=here)
                below = os.open(part, _DIRECTORY, dir_fd=here)
        finally:
            os.close(here)
        here = below
    return here


def _put(directory: int, name: str, data: bytes, new: str, replace: bool) -> bool:
    _take_away(directory, new)
    found = _lies_there(directory, name, data)
    if found is not None and (found or not replace):
        return found
    file = os.open(new, _NEW, 0o600, dir_fd=directory)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(file, left) :]
        os.fsync(file)
        if replace:
            os.rename(new, name, src_dir_fd=directory, dst_dir_fd=directory)
        else:
            # Not following: the box may have put a link to a file of ours in the place of the new one by now.
            os.link(new, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
    except FileExistsError:  # made meanwhile
        return False
    finally:
        os.close(file)
        with suppress(OSError):  # the box's own directory: it may do with it what it likes
            _take_away(directory, new)
    os.fsync(directory)
    return True


def _take_away(directory: int, name: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)


def _lies_there(directory: int, name: str, data: bytes) -> bool | None:
    """Whether a regular file of that name has these bytes; None when there is nothing of that name.

    Raises HiveError when it is no regular file.
    """
    try:
        kind = os.lstat(name, dir_fd=directory).st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(kind):
        raise HiveError(f"{name} is there already, and is no regular file")
    try:
        file = os.open(name, _OLD, dir_fd=directory)
    except PermissionError:
        return False
    try:
        about = os.fstat(file)  # it may be another thing by now
        same = stat.S_ISREG(about.st_mode) and about.st_size == len(data)
        return same and os.read(file, len(data) + 1) == data
    finally:
        os.close(file)
