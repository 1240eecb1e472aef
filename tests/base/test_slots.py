"""Slots: never more than there are, and what the dead held is free."""

import select
import subprocess
import sys
from pathlib import Path

from hivelib.base.slots import locked, slot
from tests.support.source import ROOT

HOLD = """
import sys
sys.path.insert(0, sys.argv[1])
from hivelib.base.slots import slot
with slot(sys.argv[2], int(sys.argv[3])) as number:
    print(number, flush=True)
    sys.stdin.read()
"""


def holder(where: Path, count: int = 2) -> "subprocess.Popen[str]":
    """A process that holds a slot, or waits for one, until its stdin ends."""
    command = [sys.executable, "-c", HOLD, str(ROOT), str(where), str(count)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline()


def ended(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def test_each_holder_has_a_slot_of_its_own_and_gives_it_back(tmp_path: Path) -> None:
    with slot(str(tmp_path / "slots"), 2) as first, slot(str(tmp_path / "slots"), 2) as second:
        assert {first, second} == {0, 1}
    with slot(str(tmp_path / "slots"), 2) as again:
        assert again == 0


def test_what_a_killed_holder_had_goes_to_one_of_those_who_wait(tmp_path: Path) -> None:
    holders = [holder(tmp_path) for _ in range(2)]
    numbers = {line(one) for one in holders}
    assert numbers == {"0\n", "1\n"}
    waiting = [holder(tmp_path) for _ in range(3)]
    while waiting:
        ended(holders.pop(0))  # nobody tells the others but the kernel
        outputs = {one.stdout: one for one in waiting if one.stdout}
        ready, _, _ = select.select(list(outputs), [], [], 20)
        assert len(ready) == 1
        winner = outputs[ready[0]]
        assert line(winner) in numbers
        holders.append(winner)
        waiting.remove(winner)
    for one in holders:
        ended(one)


def test_a_lock_is_had_once(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    with locked(path) as mine, locked(path, wait=False) as second:
        assert mine and not second
    with locked(path, wait=False) as later:
        assert later
