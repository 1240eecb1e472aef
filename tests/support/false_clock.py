"""A wall clock of the tests' own: processes that are started with it believe it; the machine's is never touched.

By libfaketime, which translates every question for the wall clock, and the timers that are set on it; the monotonic
clock stays as it is. What it cannot do is wake a timer when the clock is set, as the kernel does (the flag
TFD_TIMER_CANCEL_ON_SET): whoever jumps rings the bell of who sleeps. tests/base/test_alarm.py has the flag itself.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from hivelib.base import bell
from hivelib.flow.opening import Hive
from tests.support.source import ROOT

PRELOADED = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
PROGRAMS = {
    "reminder": "from hivelib.flow import firing, opening; firing.serve(opening.open_hive())",
    "broker": "from hivelib.flow import opening, watching; watching.watch(opening.open_hive())",
}
"""What hive-reminder and hive-broker do, without their walk from root to the hive's user. Each listens to its name."""


class FalseClock:
    """Begins with the machine's time. `hive` is whose processes believe it."""

    def __init__(self, hive: Hive) -> None:
        assert PRELOADED, "libfaketime is not here: bin/hive-check installs it"
        self.hive = hive
        self._file = Path(hive.paths.runtime) / "clock"
        self.offset = 0.0
        self.set(0.0)

    def now(self) -> float:
        """What it shows, UTC seconds."""
        return time.time() + self.offset

    def set(self, offset: float) -> None:
        """Shows the machine's time and `offset` seconds from now on, and wakes who sleeps by it."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{offset:+.6f}")
        os.replace(new, self._file)
        self.offset = offset
        bell.ring(self.hive.paths.bell, *PROGRAMS)

    def jump(self, seconds: float) -> None:
        """Goes forward, or back."""
        self.set(self.offset + seconds)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to believe it."""
        return {
            **os.environ,
            "HIVE_CONFIG": f"{os.path.dirname(self.hive.paths.state)}/hive.toml",
            "PYTHONPATH": str(ROOT),
            "LD_PRELOAD": str(PRELOADED),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


def forget(pid: int) -> None:
    """Removes what libfaketime keeps in memory for a process, and leaves there when that is killed."""
    for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
        Path("/dev/shm", name).unlink(missing_ok=True)


class Sleeper:
    """hive-reminder or hive-broker, in a process of its own that believes a false clock."""

    def __init__(self, clock: FalseClock, name: str) -> None:
        self._clock, self.name = clock, name
        self._process: subprocess.Popen[Any] | None = None

    def start(self) -> Self:
        """Starts it; not waited for."""
        argv = [sys.executable, "-c", PROGRAMS[self.name]]
        self._process = subprocess.Popen(argv, env=self._clock.environment)
        return self

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        assert self._process
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, at whatever it does; nothing when it does not run."""
        if self._process:
            self._process.kill()
            self._process.wait()
            forget(self._process.pid)
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()
