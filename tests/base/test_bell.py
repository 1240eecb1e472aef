"""The bell's promises: no wake is lost to who listens, looks, then sleeps; the dead are swept, units left alone."""

import os
import select
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hivelib.base import bell
from hivelib.base.bell import Listener

# A process of its own: rings until its stdin closes, says so once it has rung a hundred times.
RINGER = """
import sys, threading
from hivelib.base import bell
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
count = 0
while not stop.is_set():
    bell.ring(sys.argv[1], "topic")
    count += 1
    if count == 100:
        print(count, flush=True)
"""


@pytest.fixture
def where(tmp_path: Path) -> str:
    return str(tmp_path / "bell")


def fifos(where: str, topic: str = "topic") -> list[str]:
    return sorted(os.listdir(f"{where}/{topic}"))


def test_a_ring_wakes_every_listener_of_the_topic_and_no_other(where: str) -> None:
    with (
        Listener(where, "topic") as one,
        Listener(where, "topic") as two,
        Listener(where, "x") as x,
    ):
        bell.ring(where, "topic")
        assert one.wait(0) and two.wait(0) and not x.wait(0)
        assert not one.wait(0), "drained"


def test_rings_before_the_look_are_one_wake(where: str) -> None:
    with Listener(where, "topic") as listener:
        for _ in range(5000):
            bell.ring(where, "topic")
        assert listener.wait(0) and not listener.wait(0)


def test_a_full_fifo_is_no_error_and_still_wakes(where: str) -> None:
    with Listener(where, "topic") as listener:
        for _ in range(70_000):  # a pipe holds 65,536 bytes
            bell.ring(where, "topic")
        assert listener.wait(0)


def test_ringing_where_nobody_ever_listened_does_nothing(where: str) -> None:
    bell.ring(where, "topic")
    assert not os.path.exists(where)


def test_a_listener_that_leaves_takes_its_fifo_along(where: str) -> None:
    with Listener(where, "topic"):
        assert len(fifos(where)) == 1
    assert fifos(where) == []


def test_a_dead_listeners_fifo_is_swept_by_the_next_ring(where: str) -> None:
    with Listener(where, "topic") as alive:
        os.mkfifo(f"{where}/topic/dead")
        bell.ring(where, "topic")
        assert alive.wait(0)
        assert fifos(where) == [os.path.basename(alive.path)]


def test_it_is_known_whether_anybody_listens(tmp_path: Path) -> None:
    assert not bell.heard(str(tmp_path), "a")
    with bell.Listener(str(tmp_path), "a") as listener:
        assert bell.heard(str(tmp_path), "a") and not bell.heard(str(tmp_path), "b")
        assert not listener.wait(0), "to ask is not to ring"
    os.mkfifo(tmp_path / "a" / bell.UNIT)
    assert not bell.heard(str(tmp_path), "a"), "its unit is stopped"


def test_the_units_fifo_is_left_alone_while_its_unit_is_stopped(where: str) -> None:
    os.makedirs(f"{where}/topic")
    os.mkfifo(f"{where}/topic/unit")
    bell.ring(where, "topic")
    assert fifos(where) == ["unit"]


def test_a_fifo_in_the_making_is_skipped(where: str) -> None:
    os.makedirs(f"{where}/topic")
    os.mkfifo(f"{where}/topic/.making")
    bell.ring(where, "topic")
    assert fifos(where) == [".making"], "swept, it would leave its listener deaf"


def test_what_is_no_fifo_in_the_directory_does_no_harm(where: str, tmp_path: Path) -> None:
    os.makedirs(f"{where}/topic/directory")
    target = tmp_path / "target"
    target.write_text("")
    os.symlink(target, f"{where}/topic/link")
    with Listener(where, "topic") as listener:
        bell.ring(where, "topic")
        assert listener.wait(0)
    assert target.read_text() == "", "no link was followed"


def test_a_fifo_is_for_owner_and_group_alone(where: str) -> None:
    with Listener(where, "topic") as listener:
        assert stat.S_IMODE(os.stat(listener.path).st_mode) & 0o007 == 0


def test_waiting_ends_in_time_and_at_once_when_rung(where: str) -> None:
    with Listener(where, "topic") as listener:
        assert listener.wait(0.01) is False
        ringer = threading.Timer(0.05, bell.ring, (where, "topic"))
        ringer.start()
        assert listener.wait(30) is True
        ringer.join()


def test_several_topics_are_listened_to_at_once(where: str) -> None:
    with bell.listening(where, "a", "b") as (a, b):
        bell.ring(where, "b", "nobody")
        assert not a.wait(0) and b.wait(0)
    assert fifos(where, "a") == fifos(where, "b") == []


def test_no_listen_goes_deaf_while_others_ring(where: str) -> None:
    """Each listen is followed by a ring of ours: it must arrive, although ringers sweep meanwhile."""
    ringers = [
        subprocess.Popen(
            [sys.executable, "-c", RINGER, where],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    listens = deaf = 0
    quiet = [
        ringer.stdout for ringer in ringers if ringer.stdout
    ]  # on a busy machine one may begin late
    while listens < 1500 or quiet:
        listens += 1
        loud = select.select(quiet, [], [], 0)[0]
        quiet = [one for one in quiet if one not in loud]
        with Listener(where, "topic") as listener:
            bell.drain(listener.fileno())
            bell.ring(where, "topic")
            deaf += not (os.path.exists(listener.path) and listener.wait(5))
    assert [ringer.communicate()[0] for ringer in ringers] == ["100\n", "100\n"]
    assert deaf == 0


def test_no_wake_is_lost_to_who_listens_looks_and_sleeps(where: str) -> None:
    """Four ringers hand over 500 numbers each; the waiter never sleeps past one."""
    todo, taken = [], []
    lock = threading.Lock()

    def give(first: int) -> None:
        for number in range(first, first + 500):
            with lock:
                todo.append(number)
            bell.ring(where, "topic")

    with Listener(where, "topic") as listener:
        givers = [threading.Thread(target=give, args=(first,)) for first in range(0, 2000, 500)]
        for giver in givers:
            giver.start()
        while len(taken) < 2000:
            with lock:
                taken += todo
                todo.clear()
            if len(taken) < 2000:
                assert listener.wait(10), f"slept past a ring, {len(taken)} taken"
    for giver in givers:
        giver.join()
    assert sorted(taken) == list(range(2000))
