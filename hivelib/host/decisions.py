"""Decision files (DESIGN, rule 4): the operator's word about approval 12 is the file `decisions/12`; its owner decided.

A file is complete from its first instant (written under a dotted name, then linked) and is never replaced. It is
believed only by who reads it with `read`: never through a link, never a pipe, never more than a few kilobytes. The
directory is sticky and the operators' where they have a group; else it is the hive's own.
"""

import contextlib
import json
import os
import re
import stat
from typing import Any

from hivelib.base import clock
from hivelib.base.errors import HiveError, Refused, explained
from hivelib.base.paths import Paths
from hivelib.model import deciding
from hivelib.model.records import Decision

MOST = 16 * 1024
"""Bytes of a file."""

_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_DEAD_SECONDS = 60.0  # no writer takes so long
_NOTHING_TO_READ = "it is no decision of an operator: look who made it, then remove it"


def write(paths: Paths, decision: Decision) -> bool:
    """Writes a decision, durably; False when there is one about this approval already, which stays as it is.

    Raises HiveError when the directory is not there or cannot be written by this user, NotNow when the disk is full.
    """
    where = os.path.dirname(paths.decision(decision.approval))
    data = json.dumps(decision._asdict()).encode()
    assert len(data) <= MOST
    try:
        directory = os.open(where, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise _away(where, error) from None
    hidden = f".{decision.approval}.{os.urandom(8).hex()}"
    try:
        _write_whole(directory, hidden, data)
        os.link(hidden, str(decision.approval), src_dir_fd=directory, dst_dir_fd=directory)
    except FileExistsError:
        return False
    except PermissionError as error:
        raise _away(where, error) from None
    except OSError as error:  # a full disk, one that is read-only now
        raise explained(error) from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(hidden, dir_fd=directory)
        os.fsync(directory)
        os.close(directory)
    return True


def _write_whole(directory: int, name: str, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(name, flags, 0o644, dir_fd=directory)
    try:
        os.fchmod(
            fd, 0o644
        )  # the worker is none of the operators; the directories above keep strangers out
        with open(fd, "wb", closefd=False) as file:
            file.write(data)
        os.fsync(fd)
    finally:
        os.close(fd)


def _away(where: str, error: OSError) -> HiveError:
    why = (error.strerror or str(error)).lower()
    return HiveError(f"cannot decide: {where}: {why}", "only operators may write there")


def prepare(paths: Paths) -> None:
    """Makes the directory of a hive that is one user; where operators have a group, root makes it."""
    os.makedirs(os.path.dirname(paths.decision(0)), mode=0o700, exist_ok=True)


def read(paths: Paths, approval: int) -> tuple[Decision, int] | None:
    """The decision about an approval and the uid that the kernel gives as its owner; None when there is none.

    Whether that uid may decide is the caller's question. Raises Refused when what lies there is no decision.
    """
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        fd = os.open(paths.decision(approval), flags)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _no_decision(approval, (error.strerror or str(error)).lower()) from None
    try:
        about = os.fstat(fd)
        if not stat.S_ISREG(about.st_mode):
            raise _no_decision(approval, "no plain file")
        data = os.read(fd, MOST + 1)
    finally:
        os.close(fd)
    if len(data) > MOST:
        raise _no_decision(approval, f"over {MOST} bytes")
    return _parsed(approval, data), about.st_uid


def _no_decision(approval: int, why: str) -> Refused:
    return Refused(f"decisions/{approval}: {why}", _NOTHING_TO_READ)


def _parsed(approval: int, data: bytes) -> Decision:
    try:
        pairs = json.loads(data, object_pairs_hook=list, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise _no_decision(approval, "no JSON") from None
    hints = Decision.__annotations__
    # The pairs, not a dict: a name that comes twice would be read in two ways.
    if not _is_object(pairs) or sorted(name for name, _ in pairs) != sorted(hints):
        raise _no_decision(approval, "not exactly the fields of a decision")
    said = dict(pairs)
    for name, kind in hints.items():
        if type(said[name]) is not kind and not (kind is float and type(said[name]) is int):
            raise _no_decision(approval, f"{name} is of the wrong type")
    decision = Decision(**said)
    if why := deciding.why_not_formed(decision):
        raise _no_decision(approval, why)
    return decision


def _is_object(pairs: Any) -> bool:
    return isinstance(pairs, list) and all(isinstance(one, tuple) for one in pairs)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def all_ids(paths: Paths) -> list[int]:
    """The approvals about which there is a file, in order; none where the directory is not there."""
    try:
        names = os.listdir(os.path.dirname(paths.decision(0)))
    except OSError:
        return []
    return sorted(int(name) for name in names if _NUMBER.fullmatch(name))


def changed_at(paths: Paths) -> float:
    """When a file came or went there, in UTC seconds; 0 where the directory is not there."""
    try:
        return os.stat(os.path.dirname(paths.decision(0))).st_mtime
    except OSError:
        return 0.0


def sweep(paths: Paths) -> None:
    """Removes what dead writers of this very user left under dotted names."""
    where = os.path.dirname(paths.decision(0))
    old = clock.now() - _DEAD_SECONDS
    with contextlib.suppress(OSError), os.scandir(where) as entries:
        for entry in entries:
            about = entry.stat(follow_symlinks=False)
            mine = about.st_uid == os.geteuid() and about.st_mtime < old
            if entry.name.startswith(".") and mine:
                os.unlink(entry.path)
