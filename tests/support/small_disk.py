"""A small disk of the test's own: a tmpfs in a mount namespace, where it can be filled up and made read-only."""

import contextlib
import ctypes
import errno
import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest

from tests.support.state import short_directory

_LIBC = ctypes.CDLL(None, use_errno=True)
_NEW_NAMESPACE, _NEW_USERS = 0x00020000, 0x10000000
_READ_ONLY, _REMOUNT, _RECURSIVE, _PRIVATE = 1, 32, 16384, 1 << 18
_CANNOT = 77


class Disk(NamedTuple):
    """The disk, mounted at `where`."""

    where: Path

    def fill(self) -> None:
        """Leaves not one byte."""
        with open(self.where / "ballast", "ab", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"x" * size)

    def empty(self) -> None:
        """Takes away what filled it."""
        (self.where / "ballast").unlink()

    def read_only(self, on: bool) -> None:
        """Nobody may write any more, or all may again."""
        _mount(None, self.where, None, _REMOUNT | (_READ_ONLY if on else 0))


def with_small_disk(work: Callable[[Disk], None], size: int = 8 << 20) -> None:
    """Does `work` with such a disk in a child; what it raises fails the test, with its own traceback."""
    with short_directory() as where:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            _work(work, where, size, writing)
        os.close(writing)
        with open(reading, "rb") as pipe:
            told = pipe.read().decode(errors="replace")
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == _CANNOT:
        pytest.skip("no right to mount a small disk here")
    assert status == 0, told or f"ended with status {status}"


def _work(work: Callable[[Disk], None], where: Path, size: int, writing: int) -> NoReturn:
    status = 1
    try:
        signal.setitimer(signal.ITIMER_REAL, 100)
        try:
            _enter()
            _mount(b"tmpfs", where, f"size={size},mode=0755".encode(), 0)
        except OSError:
            os._exit(_CANNOT)
        work(Disk(where))
        status = 0
    except BaseException:  # noqa: BLE001  the test tells what it was
        os.write(writing, traceback.format_exc()[-20000:].encode())
    finally:
        os._exit(status)


def _enter() -> None:
    user = os.geteuid()
    if _LIBC.unshare(_NEW_NAMESPACE | (_NEW_USERS if user else 0)):
        raise OSError(ctypes.get_errno(), "unshare")
    if user:
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    _mount(None, Path("/"), None, _RECURSIVE | _PRIVATE)


def _mount(kind: bytes | None, where: Path, options: bytes | None, flags: int) -> None:
    if _LIBC.mount(kind, bytes(where), kind, flags, options):
        number = ctypes.get_errno()
        raise OSError(number, f"mount: {errno.errorcode[number]}", str(where))
