"""Spilling into a directory that a hostile box can write: nothing outside is read, written, linked or waited for."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from hivelib.base.errors import HiveError
from hivelib.host import spill
from tests.support.waiting import until

BYTES = b"remember " * 1000


@pytest.fixture
def top(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


def write(top: Path, path: str, *, replace: bool = False, data: bytes = BYTES) -> bool:
    return spill.write(str(top), path.split("/"), data, "7", replace=replace)


def test_directories_are_made_and_the_file_is_whole_and_alone(top: Path) -> None:
    assert write(top, "a/b/c.md")
    assert (top / "a/b/c.md").read_bytes() == BYTES
    assert sorted(path.name for path in top.rglob("*")) == ["a", "b", "c.md"]
    assert (top / "a").stat().st_mode & 0o777 == 0o700


def test_another_file_is_left_alone_or_replaced_as_told_and_ours_is_ours_again(top: Path) -> None:
    (top / "x").write_bytes(b"theirs")
    assert not write(top, "x") and (top / "x").read_bytes() == b"theirs"
    os.link(top / "x", top / "y")
    assert write(top, "x", replace=True) and (top / "x").read_bytes() == BYTES
    assert (top / "y").read_bytes() == b"theirs", "other names of what was replaced keep it"
    assert write(top, "x") and not write(top, "x", data=b"another")


def test_what_a_killed_one_left_is_taken_away(top: Path) -> None:
    (top / ".reminder-7.new").write_bytes(b"half")
    assert write(top, "x") and os.listdir(top) == ["x"]


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("kind", ["link", "dangling", "directory", "fifo", "socket", "temporary"])
def test_what_is_no_regular_file_is_refused_at_once(top: Path, kind: str, replace: bool) -> None:
    outside = top.parent / "outside"
    outside.write_bytes(b"secret")
    if kind == "link":
        (top / "x").symlink_to(outside)
    elif kind == "dangling":
        (top / "x").symlink_to(top.parent / "new")
    elif kind == "directory":
        (top / "x").mkdir()
    elif kind == "fifo":
        os.mkfifo(top / "x")
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(top / "x"))
    else:
        (top / ".reminder-7.new").mkdir()
    began = time.monotonic()
    with pytest.raises(HiveError):
        write(top, "x", replace=replace)
    assert time.monotonic() - began < 10, "it did not wait for a reader"
    assert outside.read_bytes() == b"secret" and not (top.parent / "new").exists()


@pytest.mark.parametrize("where", ["l/x", "a/l/x", "f/x", "p/x"])
def test_no_component_is_a_link_or_anything_but_a_directory(top: Path, where: str) -> None:
    outside = top.parent / "outside"
    outside.mkdir()
    (top / "a").mkdir()
    for link in (top / "l", top / "a/l"):
        link.symlink_to(outside)
    (top / "f").write_bytes(b"")
    os.mkfifo(top / "p")
    with pytest.raises(HiveError):
        write(top, where)
    assert list(outside.iterdir()) == []


ATTACK = """
import os, sys
kind, top, outside, secret = sys.argv[1:]
os.chdir(top)
def attempt(what, *words):
    try:
        what(*words)
    except OSError:
        pass
def directory():
    attempt(os.rename, "d", "aside")
    attempt(os.symlink, outside, "d")
    attempt(os.unlink, "d")
    attempt(os.rename, "aside", "d")
def temporary():
    if os.path.exists("d/.reminder-7.new"):
        attempt(os.symlink, secret, "link")
        attempt(os.rename, "link", "d/.reminder-7.new")
def place():
    attempt(os.unlink, "d/x")
    attempt(os.symlink, secret, "d/x")
    attempt(os.unlink, "d/x")
    attempt(os.mkfifo, "d/x")
    attempt(os.unlink, "d/x")
print("ready", flush=True)
while True:
    globals()[kind]()
"""


@pytest.mark.parametrize("kind", ["directory", "temporary", "place"])
def test_a_box_that_swaps_things_meanwhile_gets_nothing_outside(top: Path, kind: str) -> None:
    outside, secret = top.parent / "outside", top.parent / "secret"
    outside.mkdir()
    secret.write_bytes(b"secret")
    (top / "d").mkdir()
    argv = [sys.executable, "-c", ATTACK, kind, str(top), str(outside), str(secret)]
    attacker = subprocess.Popen(argv, stdout=subprocess.PIPE)
    try:
        assert attacker.stdout and attacker.stdout.readline() == b"ready\n"
        came = {"whole": 0, "disturbed": 0}
        deadline = time.monotonic() + 60
        while min(came.values()) < 30 and time.monotonic() < deadline:
            try:
                write(top, "d/x", replace=bool(came["whole"] % 2))
                came["disturbed" if os.path.islink(top / "d/x") else "whole"] += 1
            except HiveError:
                came["disturbed"] += 1
            assert secret.stat().st_nlink == 1, "the box has got no name for it"
            with suppress(OSError):
                os.unlink(top / "d/x")
        assert min(came.values()) > 0, f"both happen: {came}"
        assert list(outside.iterdir()) == [], "nothing was written through a link"
        assert secret.read_bytes() == b"secret"
    finally:
        attacker.kill()
        attacker.wait()


KILLED = """
import sys
sys.path.insert(0, sys.argv[1])
from hivelib.host import spill
number = 0
while True:
    number += 1
    spill.write(sys.argv[2], ["d", "x"], bytes([number % 251]) * 60000, "7", replace=True)
"""


def test_a_kill_leaves_the_file_whole(top: Path) -> None:
    root = str(Path(__file__).parents[2])
    for _ in range(8):
        process = subprocess.Popen([sys.executable, "-c", KILLED, root, str(top)])
        (top / "d/x").unlink(missing_ok=True)
        until((top / "d/x").exists, "it writes")
        process.send_signal(signal.SIGKILL)
        process.wait()
        data = (top / "d/x").read_bytes()
        assert len(data) == 60000 and len(set(data)) == 1
        assert set(os.listdir(top / "d")) <= {"x", ".reminder-7.new"}
    assert write(top, "d/x", replace=True) and os.listdir(top / "d") == ["x"]
