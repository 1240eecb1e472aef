"""What an idle hive costs, counted by the kernel: how often each of its processes wakes, and their processor time.

Read from /proc, so that counting wakes nobody. Which processes there are is read from the manager's control groups: a
service that is new is counted too, and has to be as quiet as the others.
"""

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import NamedTuple

from tests.support.hive import LiveHive
from tests.support.waiting import until

WAKES = 1.0
"""How often a process may wake in a minute; each time that a thread of it falls asleep is one."""
LOOKING = 9.0
"""As often may who takes part in hive-broker's look, once a minute; it falls asleep 4 to 6 times in that, when its disk
and its systemctl are done. Who looks once in ten seconds comes to 12 and more."""
LOOKS = ("bin/hive-broker", "systemd --user --unit=basic.target")
SECONDS = 0.05
"""Processor time a minute of all of them together; 0.005 measured."""


class Cost(NamedTuple):
    """What a process has used since its start: how often it woke, and processor time in seconds, also that of the
    programs that it ran."""

    wakes: int
    seconds: float


class Idled(NamedTuple):
    """What a hive did in a span of `minutes`: command line and cost of each process."""

    minutes: float
    costs: list[tuple[str, Cost]]

    def faults(self) -> list[str]:
        """Who woke more often than there is reason to, and whether all took too much time; nothing when it was idle."""
        found = []
        for words, cost in self.costs:
            most = LOOKING if words.endswith(LOOKS) else WAKES
            if cost.wakes > most * self.minutes:
                found.append(f"{words}: {cost.wakes} times awake in {self.minutes:.1f} minutes")
        if (total := sum(cost.seconds for _, cost in self.costs)) > SECONDS * self.minutes:
            found.append(f"{total:.3f} s of processor time in {self.minutes:.1f} minutes")
        return found


def idled(hive: LiveHive, seconds: float) -> Idled:
    """Lets an idle hive alone for so long; AssertionError when a process comes or goes meanwhile."""

    def settled() -> dict[tuple[int, str], Cost]:
        """One without words is about to end."""
        found = _costs(hive)
        return found if all(words for _, words in found) else {}

    before = until(settled, "nobody who is about to end", 30, hive.explain)
    began = time.monotonic()
    threading.Event().wait(seconds)  # that nothing happens is the fact
    minutes = (time.monotonic() - began) / 60

    def same() -> dict[tuple[int, str], Cost]:
        """The broker's look may run a systemctl just now."""
        found = _costs(hive)
        return found if found.keys() == before.keys() else {}

    after = until(same, f"the same as before: {before}", 5, hive.explain)
    spent = []
    for (pid, words), then in before.items():
        now = after[pid, words]
        spent.append((words, Cost(now.wakes - then.wakes, now.seconds - then.seconds)))
    return Idled(minutes, spent)


def _costs(hive: LiveHive) -> dict[tuple[int, str], Cost]:
    found = {}
    for pid, words in hive.processes().items():
        with contextlib.suppress(OSError):
            found[pid, words] = cost_of(pid)
    return found


def cost_of(pid: int) -> Cost:
    """What a process and its threads have used; OSError when it has gone."""
    wakes, nanoseconds = 0, 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        rows = (task / "status").read_text().splitlines()
        (count,) = (row.split()[1] for row in rows if row.startswith("voluntary_ctxt_switches"))
        wakes += int(count)
        nanoseconds += int((task / "schedstat").read_text().split()[0])
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = sum(int(field) for field in fields[13:15])
    return Cost(wakes, nanoseconds / 1e9 + ticks / os.sysconf("SC_CLK_TCK"))
