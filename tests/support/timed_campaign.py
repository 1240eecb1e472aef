"""A campaign against promises of time, from a seed: random deadlines, a clock that jumps ahead and back, machines that
sleep, and SIGKILL for hive-reminder, hive-broker and whoever asks, answers or sets. Each deadline is kept once, and
none is lost: timed_verdict.py."""

import json
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from typing import Any

from hivelib.flow.opening import Hive
from hivelib.store import reminders
from tests.support import timed_verdict
from tests.support.false_clock import FalseClock, Sleeper, forget
from tests.support.source import ROOT
from tests.support.waiting import until

SETTINGS = (
    "[reminders]\npending_most = 100000\n[questions]\nopen_most = 10000\nttl_most = 864000.0\n"
)
AGENTS = timed_verdict.AGENTS
HOUR = 3600.0
MOST_PAUSE = 0.03
"""Seconds from a jump to a kill: by then a hundred may have been delivered, or none."""


class Campaign:
    """What was asked for and done in one hive; its agents are there already."""

    def __init__(self, hive: Hive, seed: int) -> None:
        self.hive, self.seed = hive, seed
        self.asked: dict[str, dict[str, Any]] = {}
        self.answered: dict[str, int] = {}
        self.killed, self.jumps = Counter[str](), Counter[str]()
        self._random = random.Random(seed)
        self._clock = FalseClock(hive)
        self._sleepers = [Sleeper(self._clock, name) for name in ("reminder", "broker")]
        self._worker: subprocess.Popen[str] | None = None

    def run(self, deadlines: int) -> None:
        """So many deadlines, and the time until all are over; AssertionError with the seed when one is not kept."""
        try:
            for sleeper in self._sleepers:
                sleeper.start()
            while (left := deadlines - self._deadlines()) > 0:
                self._ask(min(self._random.randint(2, 12), left))
                for _ in range(2):
                    self._time_passes()
            self._until_over()
            timed_verdict.hold(self.hive, self.asked, self.answered)
        except AssertionError as error:
            error.add_note(f"seed {self.seed}, killed {dict(self.killed)}")
            raise
        finally:
            self._end_worker()
            for sleeper in self._sleepers:
                sleeper.kill()

    def _deadlines(self) -> int:
        return sum(one["verb"] != "answer" for one in self.asked.values())

    def _ask(self, count: int) -> None:
        new = [
            self._question() if self._random.random() < 0.4 else self._reminder()
            for _ in range(count)
        ]
        new += [self._answer(one) for one in self._open_questions() if self._random.random() < 0.05]
        self.asked |= {one["key"]: one for one in new}
        if self._random.random() < 0.3:
            self._say(new)
            self._pause()
            self._end_worker()
            self.killed["who asks"] += 1
        # What has no answer is asked again: what had been done before the kill is not done twice.
        left = [one for key, one in self.asked.items() if key not in self.answered]
        self._say(left)
        while any(one["key"] not in self.answered for one in left):
            self._hear()

    def _question(self) -> dict[str, Any]:
        key, owner = f"q{len(self.asked)}-{self._random.random()}", self._random.choice(AGENTS)
        ttl = min(864000.0, 1 + self._random.expovariate(1 / (12 * HOUR)))
        return {"verb": "ask", "key": key, "owner": owner, "body": key, "ttl": ttl}

    def _open_questions(self) -> list[int]:
        return [row[0] for row in self.hive.db.all("SELECT id FROM questions WHERE state = 'open'")]

    def _answer(self, number: int) -> dict[str, Any]:
        key = f"a{number}-{self._random.random()}"
        return {"verb": "answer", "key": key, "number": number, "body": key}

    def _reminder(self) -> dict[str, Any]:
        chance, key = self._random.random(), f"r{len(self.asked)}-{self._random.random()}"
        recurs = chance < 0.04
        away = -60.0 if chance > 0.95 else self._random.expovariate(1 / (12 * HOUR))
        return {
            "verb": "remind",
            "key": key,
            "owner": self._random.choice(AGENTS),
            "body": key + (" long" * 1000 if 0.3 < chance < 0.4 else ""),
            "file_path": f"/state/{key}.md" if 0.4 < chance < 0.5 else "",
            "due_at": self._clock.now() + away,
            "every": self._random.uniform(HOUR, 24 * HOUR) if recurs else None,
        }

    def _say(self, lines: list[dict[str, Any]]) -> None:
        if not self._worker:
            self._worker = subprocess.Popen(
                [sys.executable, "-m", "tests.support.timed_worker"],
                env=self._clock.environment,
                cwd=ROOT,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        assert self._worker.stdin
        self._worker.stdin.write("".join(json.dumps(line) + "\n" for line in lines))
        self._worker.stdin.flush()

    def _hear(self) -> bool:
        assert self._worker and self._worker.stdout
        line = self._worker.stdout.readline()
        if not line.endswith("\n"):
            return False
        said = json.loads(line)
        known = self.answered.setdefault(said["key"], said["id"])
        assert known == said["id"], "a call asked again has the answer of the first"
        return True

    def _end_worker(self) -> None:
        """SIGKILL; what it had answered by then counts."""
        if self._worker:
            self._worker.kill()
            while self._hear():
                pass
            self._worker.communicate()
            forget(self._worker.pid)
            self._worker = None

    def _time_passes(self) -> None:
        sleeper = self._random.choice(self._sleepers)
        chance = self._random.random()
        if chance < 0.3:
            self._jump()
            self._pause()
            sleeper.kill()
            self.killed[f"hive-{sleeper.name}"] += 1
            if self._random.random() < 0.3:
                self._jump()
            sleeper.start()
        elif chance < 0.4:
            sleeper.signal(signal.SIGSTOP)
            self._jump()
            sleeper.signal(signal.SIGCONT)
            self.jumps["asleep"] += 1
        else:
            self._jump()

    def _jump(self) -> None:
        if self._random.random() < 0.15:
            self._clock.jump(-self._random.uniform(0, 3 * HOUR))
            self.jumps["back"] += 1
        else:
            self._clock.jump(self._random.expovariate(1 / HOUR))
            self.jumps["ahead"] += 1

    def _pause(self) -> None:
        threading.Event().wait(self._random.uniform(0, MOST_PAUSE))

    def _until_over(self) -> None:
        with self.hive.db.write() as db:  # those would go on for ever
            db.execute(
                "UPDATE reminders SET state = 'cancelled' WHERE every IS NOT NULL AND state = 'pending'"
            )

        def over() -> bool:
            left = [one.due_at for one in reminders.waiting(self.hive.db)]
            left += [
                row[0]
                for row in self.hive.db.all(
                    "SELECT deadline_at FROM questions WHERE state = 'open'"
                )
            ]
            last = max(left, default=0.0)
            if last > self._clock.now():
                self._clock.jump(last - self._clock.now() + 1)
            return not left

        until(over, "all are over", explain=lambda: reminders.waiting(self.hive.db)[:3])
