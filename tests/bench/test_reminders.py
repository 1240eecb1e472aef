"""How late a reminder is on the machine's own clock, against a process that only waits for a timerfd."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from hivelib.base.bell import Listener
from hivelib.flow import reminding
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from tests.bench.rig import ROOT, pairs, report
from tests.support.false_clock import PROGRAMS

COUNT = 30
AWAY = 0.05
"""Seconds from the setting of a reminder to its time; long enough that whoever waits is asleep by then."""


@pytest.fixture
def delivered(hive: tuple[Hive, str]) -> Iterator[Hive]:
    """A hive whose hive-reminder runs, in a process of its own."""
    environment = {**os.environ, "HIVE_CONFIG": hive[1], "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", PROGRAMS["reminder"]], env=environment)
    yield hive[0]
    process.kill()
    process.wait()


@pytest.fixture
def timer() -> Iterator["subprocess.Popen[str]"]:
    """The bare process."""
    argv = [sys.executable, "-m", "tests.bench.bare_timer"]
    process = subprocess.Popen(
        argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.communicate()


def test_lateness(delivered: Hive, timer: "subprocess.Popen[str]") -> None:
    worst = [0.0]

    def ours() -> float:
        """From a reminder's time until whoever waits for that inbox has been rung: delivered, committed, told."""
        late = []
        with Listener(delivered.paths.bell, "mail.sink") as listener:
            for _ in range(COUNT):
                due = time.time() + AWAY
                reminding.remind(delivered, SHELL, "sink", "x", due_at=due)
                assert listener.wait(30)
                late.append(time.time() - due)
        worst[0] = max(worst[0], *late)
        return statistics.median(late) * 1000

    def bare() -> float:
        assert timer.stdin and timer.stdout
        late = []
        for _ in range(COUNT):
            timer.stdin.write(f"{time.time() + AWAY!r}\n")
            timer.stdin.flush()
            late.append(float(timer.stdout.readline()))
        return statistics.median(late) * 1000

    ours()  # it has come up
    worst[0] = 0.0
    report("reminder: late by, p50", pairs(ours, bare), unit="ms", against="bare timerfd")
    print(f"worst of {6 * COUNT}: {worst[0] * 1000:.3g} ms")
