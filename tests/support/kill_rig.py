"""A hive whose processes are killed at each of their fault points in turn, and which goes on as one does after a kill:
by the lanes' workers and hive-reconcile. Everything is real but systemd (tests/support/order_book.py)."""

import contextlib
import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from hivelib.base.errors import NotNow
from hivelib.flow import jobs, reconciling, rendering, working
from hivelib.flow.opening import Hive, open_hive
from hivelib.store import agents
from hivelib.store import jobs as job_rows
from tests.support import agreement, fault_points
from tests.support.deploy_rig import DeployRig
from tests.support.fault_points import END
from tests.support.state import make_state

MANY = "[approvals]\npending_most = 100000\n"
ROUNDS = 20
DRY = 1_000_000
"""More points than there are: nobody is killed before the end."""


class Came(NamedTuple):
    """What came of all kills of one process: the names of its points, and what each kill came to in the end."""

    points: list[str]
    ends: list[str]


class KillRig(DeployRig):
    """A hive with a manager, made by the seed job."""

    def __init__(self, hive: Hive, where: Path, patch: pytest.MonkeyPatch) -> None:
        super().__init__(hive, where, patch)
        rendering.revision()  # it reads all of the program: once here, rather than in each process
        self._log, self._copy = where / "points", where / "copy"
        jobs.ask(hive, "seed", "manager", "system")
        self.go_on()

    def go_on(self, reconcile_first: bool = False) -> None:
        """What happens at a start of the hive: the workers, before or after hive-reconcile."""
        for _ in range(ROUNDS):
            if reconcile_first:
                with contextlib.suppress(NotNow):  # a box whose deploy is half done may not start
                    reconciling.reconcile(self.hive)
            self._leave_long_ago()
            # Each at least once: what waits for approvals' worker may have no job yet.
            for lane in jobs.LANES:
                working.run(self.hive, lane)
            reconciling.reconcile(self.hive)
            if not job_rows.unfinished(self.hive.db):
                return
        raise AssertionError(f"never over: {job_rows.unfinished(self.hive.db)}")

    def _leave_long_ago(self) -> None:
        """What killed deciders left is old enough to be swept."""
        with contextlib.suppress(FileNotFoundError):
            for entry in os.scandir(f"{self.hive.paths.state}/decisions"):
                if entry.name.startswith("."):
                    os.utime(entry.path, (0, 0))

    def killed(
        self, before: int, does: Callable[[Hive], object], *, torn: bool = False
    ) -> list[str]:
        """A process is killed before its point `before`; gives the points that it came to.

        `torn`: what goes on from there is a copy of the state directory that was made file by file at that instant.
        """
        if not torn:
            return fault_points.killed(self.hive, before, self._log, does)
        state = self.hive.paths.state

        def last() -> None:
            subprocess.run(["cp", "-a", "--", state, str(self._copy)], check=True)
            fault_points.die()

        passed = fault_points.killed(self.hive, before, self._log, does, last)
        self.hive.db.close()
        shutil.rmtree(state)
        os.rename(self._copy, state)
        self.hive = open_hive(self.hive.settings)
        return passed

    def each_point(
        self,
        prepare: Callable[[], Callable[[Hive], object]],
        came_to: Callable[[], str],
        since: str = "",
    ) -> Came:
        """Kills what `prepare` gives at each of its points; the state before each kill is what `prepare` makes.

        `came_to` looks what it is afterwards and gives it in a word. The last kill is when all was done. With `since`
        the points before the first that is named so are left out: another test has them.
        """
        first, ends = 1, list[str]()
        if since:
            names = self._kill(prepare, came_to, DRY)[0]
            first += next(place for place, name in enumerate(names) if name.startswith(since))
        for point in itertools.count(first):
            names, end = self._kill(prepare, came_to, point)
            ends.append(end)
            if names[-1] == END:
                break
        agreement.whole(self.hive, self.box)
        print(f"{len(ends)} points: {'; '.join(names[first - 1 :])}")
        return Came(names, ends)

    def _kill(
        self,
        prepare: Callable[[], Callable[[Hive], object]],
        came_to: Callable[[], str],
        point: int,
    ) -> tuple[list[str], str]:
        names = self.killed(point, prepare())
        try:
            self.go_on(reconcile_first=point % 2 == 0)
            agreement.quiet(self.hive)
            return names, came_to()
        except Exception as error:
            error.add_note(f"killed before {names[-1]} (point {point}), after {names[:-1]}")
            raise

    def newest(self) -> int:
        """The number of the newest approval, 0 before the first."""
        return int(self.hive.db.value("SELECT coalesce(max(id), 0) FROM approvals"))

    def end_of_newest(self) -> str:
        """The status of the newest approval, once everything about it was looked at."""
        return agreement.settled(self.hive, self.approval(self.newest()))

    def worker(self, lane: str) -> Callable[[Hive], object]:
        """The worker of a lane, from its start to its end."""
        return lambda hive: working.run(hive, lane)

    def alive(self, name: str) -> bool:
        """Whether there is a live agent of that name."""
        return agents.is_live(self.hive.db, name)

    def destroyed(self, name: str) -> None:
        """Destroys an agent, to the last of it."""
        jobs.ask(self.hive, "destroy", name, "operator")
        self.go_on()

    def gone(self, name: str) -> None:
        """Destroys an agent and takes away what is left of it."""
        self.destroyed(name)
        jobs.ask(self.hive, "purge", name, "operator")
        self.go_on()


@contextlib.contextmanager
def kill_rig(where: Path, patch: pytest.MonkeyPatch) -> Iterator[KillRig]:
    """The rig of a test, below a directory with a short name."""
    rig = KillRig(make_state(where, MANY), where, patch)
    try:
        yield rig
    finally:
        rig.hive.db.close()


def config(number: int) -> str:
    """An agent.json like no other."""
    return f'{{"model": "m{number}"}}\n'


def turns(ends: list[str]) -> list[str]:
    """The ends without those that are like the one before: how it changes from the first point to the last."""
    return [end for end, _ in itertools.groupby(ends)]
