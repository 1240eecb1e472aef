"""Slots: at most so many processes do a thing at once, the others sleep until one is free, and the kernel cleans up.

A slot is a fifo. Who holds it has it open for writing and holds its flock; both end with the process, however it dies.
Who waits has every slot open for reading: when the last writer is gone, poll says so (POLLHUP). So nobody polls on a
clock, and nobody has to be alive to tell that a slot is free. The kernel gives up a dead process's lock before it
closes its end of the fifo, so whoever is woken finds the lock free.

Those who wait stand in a queue (a lock that the first of them holds), so that they are served in the order they came.
"""

import fcntl
import os
import select
from collections.abc import Iterator
from contextlib import contextmanager

_QUEUE = "queue"


def most(wanted: int) -> int:
    """How many may work at once: as many as wanted, else two for each core."""
    return wanted or 2 * (os.cpu_count() or 1)


@contextmanager
def slot(directory: str, count: int) -> Iterator[int]:
    """Holds one of `count` slots in `directory` for as long as the block runs; waits until one is free.

    Gives the slot's number. OSError when the directory cannot be written.
    """
    os.makedirs(directory, mode=0o770, exist_ok=True)
    with locked(f"{directory}/{_QUEUE}"):
        number, held = _first_free(directory, count)
    try:
        yield number
    finally:
        os.close(held)


@contextmanager
def locked(path: str, *, wait: bool = True) -> Iterator[bool]:
    """Holds the lock file at `path` for as long as the block runs; without `wait`, gives False when another has it."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o660)
    try:
        yield _lock(lock, wait)
    finally:
        os.close(lock)


def _lock(fd: int, wait: bool) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _first_free(directory: str, count: int) -> tuple[int, int]:
    """The number of a free slot, and the descriptor that holds it."""
    watched: list[int] = []
    poll = select.poll()
    try:
        while True:
            for number in range(count):
                if (held := _try(f"{directory}/{number}")) >= 0:
                    return number, held
            if not watched:  # listen first, then look once more, then sleep
                for number in range(count):
                    watched.append(_open(f"{directory}/{number}", os.O_RDONLY))
                    poll.register(watched[-1], 0)
                continue
            poll.poll()
    finally:
        for fd in watched:
            os.close(fd)


def _try(path: str) -> int:
    fd = _open(path, os.O_RDWR)
    if _lock(fd, wait=False):
        return fd
    os.close(fd)
    return -1


def _open(path: str, how: int) -> int:
    try:
        os.mkfifo(path, 0o660)
    except FileExistsError:
        pass
    return os.open(path, how | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
