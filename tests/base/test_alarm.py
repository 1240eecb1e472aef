"""The alarm: what wakes it and what does not, on the machine's own clock."""

import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hivelib.base import alarm, bell
from hivelib.base.alarm import NEVER, Alarm


@pytest.fixture
def listener(short_path: Path) -> Iterator[bell.Listener]:
    with bell.Listener(str(short_path), "topic") as made:
        yield made


def test_it_wakes_at_its_instant_and_never_before(listener: bell.Listener) -> None:
    with Alarm(listener) as one:
        for _ in range(20):
            at = time.time() + 0.01
            one.wait(at)
            assert time.time() >= at


def test_what_is_past_is_no_sleep(listener: bell.Listener) -> None:
    with Alarm(listener) as one:
        for at in (0.0, -5.0, 1.0, time.time() - 1):
            one.wait(at)


def test_a_ring_wakes_it_and_so_does_the_end_of_a_span(listener: bell.Listener) -> None:
    where = os.path.dirname(os.path.dirname(listener.path))
    with Alarm(listener) as one:
        for at in (NEVER, time.time() + 1e6, 1e300):
            threading.Timer(0.02, bell.ring, (where, "topic")).start()
            one.wait(at)
        assert not listener.wait(0), "the bell is drained"
        began = time.monotonic()
        one.wait(NEVER, 0.05)
        assert time.monotonic() - began >= 0.05


def test_a_clock_that_is_set_would_wake_it(listener: bell.Listener) -> None:
    """Nobody sets the machine's clock for a test; that the kernel was asked to is in the timer's own words."""
    with Alarm(listener) as one:
        threading.Timer(
            0.02, bell.ring, (os.path.dirname(os.path.dirname(listener.path)), "topic")
        ).start()
        one.wait(time.time() + 1000)
        words = Path(f"/proc/self/fdinfo/{one._timer}").read_text()
    assert re.search(r"^clockid: 0$", words, re.MULTILINE), words
    assert re.search(r"^settime flags: 03$", words, re.MULTILINE), words
    assert alarm._ABSOLUTE | alarm._CANCEL_ON_SET == 3


@pytest.mark.parametrize(("pid", "fed"), [(os.getpid(), True), (1, False)], ids=["ours", "another"])
def test_the_watchdog_is_fed_twice_as_often_as_it_wants(
    listener: bell.Listener, short_path: Path, monkeypatch: pytest.MonkeyPatch, pid: int, fed: bool
) -> None:
    where = str(short_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", where)
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    monkeypatch.setenv("WATCHDOG_PID", str(pid))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, Alarm(listener) as one:
        manager.bind(where)
        manager.setblocking(False)
        one.wait(NEVER, 0.45)
        heard = []
        while True:
            try:
                heard.append(manager.recv(99))
            except BlockingIOError:
                break
    assert set(heard) <= {b"WATCHDOG=1"} and (2 <= len(heard) <= 5 if fed else heard == [])
