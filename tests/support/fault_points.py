"""Fault points: a process that dies by SIGKILL between two things that others can see of it.

Those are: a commit of the database, a ring, a rename, a link, a file or a tree removed, a git that writes, an order to
systemd, a program that removes files. Between two of them nothing of it is visible, so "after one" is the same instant
as "before the next", and is counted once; the last is when all is done and the process has not exited yet.
"""

import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hivelib.base import bell, proc
from hivelib.base.proc import Done
from hivelib.flow.opening import Hive, open_hive
from hivelib.host import disk, systemd

END = "its end"
WRITES = {"fetch", "index-pack", "commit-tree", "tag", "update-ref", "read-tree"}
"""The commands of git that write what is seen: not a commit's objects before it is one, nor a repository that has no
name yet."""
ORDERS = {"start", "stop"}
OURS = {"os.rename": 1, "os.link": 1, "os.remove": 0, "shutil.rmtree": 0}
"""Events of Python's that are points, and which of their arguments is the place that changes."""
HIDDEN = re.compile(
    r"\.\d+\.[0-9a-f]{16}|\d+|\.reminder-\d+\.new|[a-z]*\d*\.md"
)  # a decision, a reminder: named relative to their directory


def die() -> None:
    """Ends this process as a kill from outside does."""
    os.kill(os.getpid(), signal.SIGKILL)


class Victim:
    """A process that is going to die; `before` counts its points from 1."""

    def __init__(self, hive: Hive, before: int, log: Path, last: Callable[[], None] = die) -> None:
        """Names each point that it comes to in a line of `log`; `last` is done at the one before which it dies."""
        self._left, self._last, self._state = before, last, hive.paths.state
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC)
        self.hive = open_hive(hive.settings)  # a connection is no use to two processes
        self.hive.db.connection.set_trace_callback(self._sql)
        self._really_ring, self._really_run = bell.ring, proc.run
        bell.__dict__["ring"] = self._ring
        for module in (proc, systemd, disk):
            module.__dict__["run"] = self._run
        sys.addaudithook(self._event)

    def point(self, what: str) -> None:
        """One thing that is about to be seen."""
        os.write(self._log, f"{what}\n".encode())
        self._left -= 1
        if self._left == 0:
            self._last()

    def end(self) -> None:
        """All was done."""
        self._left = 1
        self.point(END)

    def _sql(self, sql: str) -> None:
        if sql == "COMMIT":
            self.point("commit")

    def _ring(self, place: str, *topics: str) -> None:
        self.point(f"ring {' '.join(topics)}")
        self._really_ring(place, *topics)

    def _run(self, argv: Sequence[str], **more: Any) -> Done:
        words = [word for word in argv if not word.startswith("-")]
        if (argv[0] == "git" and words[1] in WRITES) or words[1] in ORDERS or argv[0] == "rm":
            self.point(" ".join(words[:3]))
        return self._really_run(argv, **more)

    def _event(self, event: str, words: tuple[Any, ...]) -> None:
        if event in OURS:
            place = os.fspath(words[OURS[event]])
            if place.startswith(self._state) or HIDDEN.fullmatch(place):
                self.point(f"{event} {place.removeprefix(self._state)}")


def killed(
    hive: Hive,
    before: int,
    log: Path,
    does: Callable[[Hive], object],
    last: Callable[[], None] = die,
) -> list[str]:
    """Lets a process of its own do something and kills it before its point number `before`; gives the names of the
    points that it came to. The last one is that before which it died: END when it had done all."""
    child = os.fork()
    if child == 0:
        try:
            victim = Victim(hive, before, log, last)
            does(victim.hive)
            victim.end()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
            raise
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == -signal.SIGKILL, f"it ended with {status}"
    return log.read_text().splitlines()
