"""The bell: "look", said to whoever listens. It carries no data; a lost ring costs time, never a message.

A topic is a directory, a listener a fifo of its own in it (s6's fifodir). Listen first, then look, then sleep.

* A fifo is made under a dotted name, opened, and only then renamed into place: a ringer skips dotted names.
  Without this 3 % of listens went deaf (a ringer found the fifo without a reader and swept it; facts/performance.md).
* The reader opens it read-write, or it would spin on end-of-file whenever no ringer has it open.
* A fifo that nobody reads (ENXIO) is a dead listener's: the ringer sweeps it, unless it is `unit`, which
  systemd's `ListenFIFO=` holds and which has no reader only while that socket unit is stopped.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import Self

UNIT = "unit"
_GONE = {
    errno.ENOENT,
    errno.EPIPE,
    errno.EAGAIN,
    errno.EACCES,
    errno.ENOTDIR,
    errno.ELOOP,  # a link, a directory: nobody listens there
    errno.EISDIR,
}


def ring(bell: str, *topics: str) -> None:
    """Rings every listener of each topic below the directory `bell`; never fails because of a listener."""
    for topic in topics:
        where = f"{bell}/{topic}"
        try:
            names = os.listdir(where)
        except OSError:
            continue
        for name in names:
            if not name.startswith("."):
                _ring_one(f"{where}/{name}", name)


def _ring_one(path: str, name: str) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:
            if name != UNIT:
                with contextlib.suppress(OSError):
                    os.unlink(path)
        elif error.errno not in _GONE:
            raise
        return
    try:
        os.write(fd, b".")
    except OSError as error:  # a full fifo says "look" already
        if error.errno not in _GONE:
            raise
    finally:
        os.close(fd)


def heard(bell: str, topic: str) -> bool:
    """Whether anybody listens to the topic now: for `unit`, whether its socket unit is started."""
    try:
        names = os.listdir(f"{bell}/{topic}")
    except OSError:
        return False
    return any(is_read(f"{bell}/{topic}/{name}") for name in names if not name.startswith("."))


def is_read(path: str) -> bool:
    """Whether anybody has the fifo at `path` open for reading."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC))
    except OSError:
        return False
    return True


class Listener:
    """A listener's fifo; use as a context manager. `fileno()` makes it fit for select and poll."""

    def __init__(self, bell: str, topic: str) -> None:
        """Listens from now on: a ring after this returns is not lost."""
        where = f"{bell}/{topic}"
        with contextlib.suppress(FileExistsError):
            os.makedirs(where, mode=0o770)
        name = os.urandom(8).hex()
        hidden, self.path = f"{where}/.{name}", f"{where}/{name}"
        os.mkfifo(hidden, 0o660)
        self._fd = os.open(hidden, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        os.rename(hidden, self.path)

    def fileno(self) -> int:
        """The descriptor that becomes readable when it rings."""
        return self._fd

    def nudge(self) -> None:
        """Rings this listener alone, from another thread of the same process."""
        with contextlib.suppress(BlockingIOError):  # full: it will wake anyway
            os.write(self._fd, b".")

    def wait(self, seconds: float | None) -> bool:
        """Sleeps until it rings or `seconds` have passed (None: for ever); says whether it rang, and drains it."""
        return wait(self._fd, seconds)

    def close(self) -> None:
        """Stops listening and removes the fifo."""
        with contextlib.suppress(OSError):
            os.unlink(self.path)
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def wait(fd: int, seconds: float | None) -> bool:
    """Sleeps until the fifo `fd` rings or `seconds` have passed (None: for ever); says whether it rang; drains it."""
    import select  # only who waits needs it

    poller = select.poll()
    poller.register(fd, select.POLLIN)
    rang = bool(poller.poll(None if seconds is None else max(0.0, seconds) * 1000))
    drain(fd)
    return rang


def drain(fd: int) -> None:
    """Empties a fifo opened without blocking, so that only later rings wake again."""
    with contextlib.suppress(BlockingIOError):
        while len(os.read(fd, 4096)) == 4096:
            pass


@contextlib.contextmanager
def listening(bell: str, *topics: str) -> Iterator[list[Listener]]:
    """Listens to several topics at once."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Listener(bell, topic)) for topic in topics]
