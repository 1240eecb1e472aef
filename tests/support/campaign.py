"""A campaign of kills: mail flows through a live hive while its processes are killed at random, from a seed.

What must hold afterwards is in tests/support/verdict.py.
"""

import os
import random
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.hive import LiveHive
from tests.support.people import Word
from tests.support.script import Call, Rule, Say, Seen
from tests.support.source import ROOT
from tests.support.waiting import until

AGENTS = ("alice", "bob", "carol")
PER_KILL = 5
SETTINGS: dict[str, dict[str, Any]] = {
    # So many kills would otherwise make dead letters and use up the brakes, which have tests of their own.
    "mail": {"pause_first": 0.1, "pause_most": 0.5, "deliveries_most": 10_000},
    "turns": {"per_hour": 1_000_000},
    "idle": {"mcp_seconds": 5.0, "egress_seconds": 5.0},
}
SENDER, MANAGER = "hive-send", "systemd"
TARGETS = (
    *("hive-turn",) * 3,
    *("hive-mcp",) * 2,
    *("hive-door",) * 2,
    *("hive-exec",) * 2,
    "bwrap",
    *("hive-egress",) * 2,
    "hive-broker",
    *("claude",) * 2,
    *("hive-mcp-pump",) * 2,
    *(SENDER,) * 2,
    MANAGER,
)
"""Twenty kills, which are repeated in another order."""
KINDS = tuple(dict.fromkeys(TARGETS))
"""One of each."""
LATEST = 1.2
"""Seconds at most that a target goes on after it was seen."""
LEFT = "state != 'acked' AND recipient != 'operator'"


def drain(seen: Seen) -> Say:
    """The script of every agent: take mail until there is none, or until its tools are gone for good."""
    if sum(result.is_error for result in seen.results) > 1:
        return Say("my tools are gone")
    if seen.results and "mail-" not in seen.results[-1].text and not seen.results[-1].is_error:
        return Say("all read")
    return Call("mcp__hyperhive__recv", max=4)


RULES = [
    Rule(r"mail-\d+ of", [drain], endless=True),
    Rule(
        r"container_crash", [drain], endless=True
    ),  # the manager is told of boxes that were killed
]


class Killed(NamedTuple):
    """One kill: what, whose (empty: everybody's), when, after which event, and whether they had mail left to do."""

    target: str
    agent: str
    at: float
    seq: int
    busy: bool


class Process(NamedTuple):
    """A process of the hive: its number, its program, and the agent whose unit it is in, if any."""

    pid: int
    program: str
    agent: str


class Campaign:
    """Sends and kills, in a hive in which AGENTS run; `sent` has the bodies by their messages' ids."""

    def __init__(self, hive: LiveHive, seed: int) -> None:
        self.hive, self.seed = hive, seed
        self.sent: dict[int, str] = {}
        self.killed: list[Killed] = []
        self._random, self._mail = random.Random(seed), random.Random(f"{seed} mail")
        self._last, self._wanted = 0, PER_KILL
        self._lock = threading.Lock()

    def run(self, kills: int, among: Sequence[str] = TARGETS) -> None:
        """Five messages and more for each kill; a turn must end well before the next. At the end all mail drains."""
        targets: list[str] = []
        while len(targets) < kills:
            targets += self._random.sample(among, len(among))
        with self._sending():
            for target in targets[:kills]:
                self._wanted += PER_KILL
                self._kill(target)
        until(lambda: self._unparked() and not self._left(), "no mail left", 120, self.hive.explain)

    @contextmanager
    def _sending(self) -> Iterator[None]:
        """Sends beside what is done meanwhile, as much as is wanted; what goes wrong in it is raised at the end."""
        failed: list[Exception] = []
        over = threading.Event()

        def send() -> None:
            try:
                while not over.is_set() or self._last < self._wanted:
                    if self._last < self._wanted:
                        words, body = self._words()
                        self.sent[int(self.hive.tool("hive-send", *words).stdout)] = body
                    else:
                        over.wait(0.02)
            except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as error:
                failed.append(error)

        thread = threading.Thread(target=send)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        if failed:
            raise failed[0]

    def _words(self) -> tuple[list[str], str]:
        """hive-send's words for one more message, and its body."""
        with self._lock:
            self._last += 1
            body = f"mail-{self._last} of {self.seed}"
            lane = self._mail.choice(("normal", "normal", "urgent"))
            return [self._mail.choice(AGENTS), body, "--lane", lane, "--key", body], body

    def _kill(self, target: str) -> None:
        if target == SENDER:
            agent = self._kill_a_sender()
        else:
            found = self._found(target)
            # The instant is what is random here: it waits for nothing.
            threading.Event().wait(self._random.random() * LATEST)
            while not killed(found.pid):
                found = self._found(target)
            agent = found.agent
        seq = int(self.hive.db.value("SELECT max(seq) FROM events"))
        self.killed.append(Killed(target, agent, time.time(), seq, self._left(agent) > 0))
        if target == MANAGER:
            self.hive.tool("hive-up", "--dir", str(self.hive.directory), "--detach", seconds=120)

        def look() -> bool:
            return self._unparked() and (next_good(self.hive, seq) is not None or not self._left())

        until(look, f"a good turn after the death of {target}", 90, self.hive.explain)

    def _kill_a_sender(self) -> str:
        """Every other of these messages is asked for again by its key."""
        words, body = self._words()
        number = kill_a_sender(self.hive, words)
        self.sent[number] = body
        if self._random.random() < 0.5:
            assert int(self.hive.tool("hive-send", *words).stdout) == number
        return words[0]

    def _found(self, program: str) -> Process:
        """One of the processes that run this program; sends more mail when there is no reason for one to run."""

        def look() -> list[Process]:
            if not self._left() and self._last >= self._wanted:
                self._wanted += 1
            return [one for one in processes(self.hive) if one.program == program]

        return self._random.choice(until(look, f"a process of {program}", 60, self.hive.explain))

    def _unparked(self) -> bool:
        """Starts agents that were parked: three boxes in a row that die before the model saw the mail do that."""
        for (name,) in self.hive.db.all("SELECT name FROM agents WHERE parked_kind IS NOT NULL"):
            self.hive.tool("hive-start", name)
        return True

    def _left(self, agent: str = "") -> int:
        """How many messages are not done yet."""
        sql = f"SELECT count(*) FROM messages WHERE {LEFT} AND recipient LIKE ?"
        return int(self.hive.db.value(sql, agent or "%"))


def kill_a_sender(hive: LiveHive, words: list[str]) -> int:
    """Runs hive-send NAME BODY …, which dies after its commit and before it has rung NAME's turn; the message's id."""
    # A ring lists the bell's directory first: there the kernel kills it.
    bell = f"{hive.hive.paths.bell}/turn.{words[0]}"
    strace = ["strace", "-qq", "-o", "/dev/null", "-P", bell]
    strace += ["-e", "inject=openat:signal=KILL:when=1"]
    argv: list[Word] = [*strace, ROOT / ".venv/bin/python3", ROOT / "bin/hive-send", *words]
    done = hive.operator.run(argv, hive.environment, check=False)
    assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), done
    number = hive.db.value("SELECT id FROM messages WHERE body = ?", words[1])
    assert number, "killed before it had committed"
    return int(number)


def next_good(hive: LiveHive, seq: int, agent: str = "") -> float | None:
    """When the first good turn (of the agent) after the event `seq` ended; None when there was none yet."""
    good = "SELECT min(at) FROM events WHERE seq > ? AND kind = 'turn_ended' AND subject LIKE ?"
    outcome = " AND json_extract(payload, '$.outcome') = 'ok'"
    found = hive.db.value(good + outcome, seq, agent or "%")
    return None if found is None else float(found)


def seconds_to_good(hive: LiveHive, one: Killed) -> float | None:
    """Seconds from a kill to the end of the next good turn of whom it hit; None when they had nothing left to do."""
    ended = next_good(hive, one.seq, one.agent)
    return ended - one.at if ended is not None and one.busy else None


def killed(pid: int) -> bool:
    """Kills a process; False when it has gone by itself."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def processes(hive: LiveHive) -> list[Process]:
    """The hive's processes that are programs of ours, claude, bubblewrap or its manager."""
    found = []
    for pid, line in sorted(hive.processes().items()):
        names = [os.path.basename(word) for word in line.split()[:3]]
        program = next((name for name in names if name in TARGETS), "")
        if program:
            found.append(Process(pid, program, agent_of(pid)))
    return found


def agent_of(pid: int) -> str:
    """The agent in whose unit a process runs; empty when it is nobody's or has gone."""
    try:
        groups = Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return ""
    unit = re.search(r"hive-\w+@([a-z0-9-]+)\.service", groups)
    return unit[1] if unit else ""
