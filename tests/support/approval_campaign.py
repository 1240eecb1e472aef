"""A campaign of kills: people propose, decide, spawn and destroy in a live hive while the processes that carry it out
are killed at random, from a seed. What must hold afterwards is in tests/support/agreement.py.

Nobody here is claude: the manager's part is played by git in its proposed repositories, as the hive's user.
"""

import os
import random
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hivelib.store import agents, approvals, jobs
from tests.support import agreement
from tests.support.campaign import killed
from tests.support.hive import LiveHive
from tests.support.people import Word
from tests.support.waiting import recent, tail, until

LANES = ("submissions", "approvals", "lifecycle")
TOOLS = ("hive-approve", "hive-deny")
TARGETS = (
    *("hive-submissions hive-work",) * 2,
    *("hive-approvals hive-work",) * 5,
    *("hive-lifecycle hive-work",) * 2,
    *("hive-fetch@ hive-fetch",) * 2,
    *("hive-trial@ bwrap",) * 2,
    *("hive-approvals git",) * 2,
    "hive-submissions git",
    *("hive-approve",) * 3,
    "hive-deny",
)
"""Twenty kills, which are repeated in another order: a unit and a program in it, or a tool."""
LATEST = {"hive-approvals hive-work": 0.8, "git": 0.0, "hive-approve": 0.5, "hive-deny": 0.5}
"""Seconds at most that a target goes on after it was seen; else 0.2."""
MOST_ALIVE = 4
LOOK_SECONDS = 0.01
SETTINGS = {"approvals": {"pending_most": 100}, "turns": {"per_hour": 100_000}}
CONFIGS = ('{{"model": "m{n}"}}',) * 5 + (
    '{{"extra_mcp_servers": {{"x{n}": {{"command": "no-such-program"}}}}}}',
)


class Killed(NamedTuple):
    """A kill: what, and when."""

    target: str
    at: float


class Campaign:
    """Proposes, decides and kills. The manager is stopped meanwhile: it reads its mail in no test."""

    def __init__(self, hive: LiveHive, seed: int) -> None:
        self.hive, self.seed = hive, seed
        self.killed: list[Killed] = []
        self._random, self._instants = random.Random(seed), random.Random(f"{seed} instants")
        self._count = 0
        self._tools: dict[str, int] = {}
        self._over = threading.Event()
        self._wanted = ""

    def run(self, kills: int, among: Sequence[str] = TARGETS) -> None:
        """Acts until so many processes were killed; then everything comes to an end."""
        targets: list[str] = []
        while len(targets) < kills:
            targets += self._instants.sample(among, len(among))
        self.hive.tool("hive-stop", "manager")
        failed: list[Exception] = []

        def kill() -> None:
            try:
                for target in targets[:kills]:
                    self._kill(target)
            except (AssertionError, OSError) as error:
                failed.append(error)
            finally:
                self._over.set()

        thread = threading.Thread(target=kill)
        thread.start()
        try:
            while not self._over.is_set():
                self._act()
        finally:
            self._over.set()
            thread.join()
        if failed:
            raise failed[0]
        self.hive.tool("hive-reconcile", check=False)
        until(self._is_over, "nothing is under way", 150, self.explain)

    def hold(self) -> None:
        """AssertionError when something does not agree."""
        agreement.whole(self.hive.hive, self.box)

    def box(self, name: str) -> str | None:
        """What `agreement.Box` says."""
        try:
            text = Path(self.hive.hive.paths.agent_config(name)).read_text().strip()
        except FileNotFoundError:
            return None
        up = self.hive.unit(f"hive-agent@{name}.target") == "active"
        return text if up else f"stopped: {text}"

    def explain(self) -> str:
        """What a failure shows: jobs, events and the ends of the lanes' logs."""
        logs = [f"hive-{lane}" for lane in LANES]
        ends = [f"== {log}\n{tail(self.hive.hive.paths.unit_log(log))}" for log in logs]
        waiting = [str(job) for job in jobs.unfinished(self.hive.db)]
        units = [self.hive.systemctl("status", "hive-*.s*", check=False)]
        lines = [f"{pid} {line}" for pid, line in self.hive.processes().items()]
        return "\n".join([*waiting, recent(self.hive.db, 40), *ends, *units, *lines])

    def _is_over(self) -> bool:
        left = [one for one in approvals.unresolved(self.hive.db) if one.status != "pending"]
        undecided = {one.id for one in approvals.unresolved(self.hive.db)}
        said = {
            int(name)
            for name in os.listdir(f"{self.hive.hive.paths.state}/decisions")
            if name.isdecimal()
        }
        return not left and not jobs.unfinished(self.hive.db) and not undecided & said

    def _act(self) -> None:
        alive = [name for name in agents.live_names(self.hive.db) if name != "manager"]
        dead = [one.name for one in agents.all_of(self.hive.db, destroyed=True)]
        what = self._random.random()
        if dead and len(alive) < MOST_ALIVE and (what < 0.1 or not alive):
            tool = self._random.choice(("hive-revive", "hive-request-spawn", "hive-purge"))
            self._tool(tool, self._random.choice(dead))
        elif not alive or (what < 0.2 and len(alive) < MOST_ALIVE):
            self._tool("hive-request-spawn", f"a{self._next()}")
        elif what < 0.3:
            self._tool("hive-destroy", self._random.choice(alive))
        else:
            name = self._random.choice(alive)
            if self._edit(name):
                self._tool("hive-request-apply-commit", name, "main")
        self._decide()

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _edit(self, name: str) -> bool:
        """The manager's commit; False when it has no such repository just now."""
        text = self._random.choice(CONFIGS).format(n=self._next())
        place = self.hive.hive.paths.proposed(name)
        script = 'cd "$1" && echo "$2" > agent.json && git commit --quiet --all --message=more'
        words: list[Word] = ["sh", "-c", script, "sh", place, text]
        return self.hive.person.run(words, check=False).returncode == 0

    def _decide(self) -> None:
        """A word about each that waits; who was killed over it says it again."""
        for one in approvals.unresolved(self.hive.db):
            if one.status == "pending" and not self._over.is_set():
                words = ["hive-approve", str(one.id)]
                denies = self._random.random() < 0.25
                if denies if self._wanted not in TOOLS else self._wanted == "hive-deny":
                    words = ["hive-deny", str(one.id), "--note", "no"]
                if self._tool(*words) < 0:
                    self._tool(*words)

    def _tool(self, name: str, *words: str) -> int:
        """Runs a tool to its end, of whatever kind; its status. One that waits is not waited for long."""
        running = self.hive.start_tool(name, *words, stdout=-3, stderr=-3)
        if name in TOOLS:
            self._tools[name] = running.pid
        try:
            return running.wait(120)
        finally:
            self._tools.pop(name, None)

    def _kill(self, target: str) -> None:
        latest = LATEST.get(target, LATEST.get(target.rpartition(" ")[2], 0.2))
        deadline, self._wanted = time.monotonic() + 240, target
        while True:
            if pid := self._found(target):
                # The instant is what is random here: it waits for nothing.
                time.sleep(self._instants.random() * latest)
                if killed(pid):
                    self.killed.append(Killed(target, time.time()))
                    return
            late = time.monotonic() > deadline or self._over.is_set()
            assert not late, f"no {target}\n{self.explain()}"
            time.sleep(LOOK_SECONDS)

    def _found(self, target: str) -> int:
        """A process that is such a target; 0 when there is none now."""
        if target in TOOLS:
            return self._tools.get(target, 0)
        unit, _, program = target.partition(" ")
        for pid, line in self.hive.processes(unit).items():
            if program in [os.path.basename(word) for word in line.split()[:3]]:
                return pid
        return 0
