"""Tests run beside each other, but for those that must not, and nobody waits for ever."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support.source import ROOT
from tests.support.turnstile import Turnstile
from tests.support.waiting import until

TESTS = """
import fcntl, pathlib, pytest

def is_free(config, how):
    with open(pathlib.Path(config.workerinput["locks"]) / "room") as room:
        try:
            fcntl.flock(room, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True

@pytest.mark.parametrize("number", range(4))
def test_beside(pytestconfig, number):
    assert is_free(pytestconfig, fcntl.LOCK_SH) and not is_free(pytestconfig, fcntl.LOCK_EX)

@pytest.mark.alone
@pytest.mark.parametrize("number", range(4))
def test_alone(pytestconfig, number):
    assert not is_free(pytestconfig, fcntl.LOCK_SH)
"""


def waits_for(path: Path) -> bool:
    """Whether somebody waits for a lock on a file."""
    wanted = re.compile(rf"-> FLOCK .*:{path.stat().st_ino} ")
    return bool(wanted.search(Path("/proc/locks").read_text()))


def test_who_asks_to_be_alone_waits_and_lets_nobody_past(tmp_path: Path) -> None:
    came: list[str] = []

    def come(name: str, alone: bool) -> threading.Thread:
        def stay() -> None:
            with Turnstile(tmp_path).inside(alone=alone):
                came.append(name)

        thread = threading.Thread(target=stay)
        thread.start()
        return thread

    with Turnstile(tmp_path).inside(alone=False):
        come("beside", alone=False).join()
        alone = come("alone", alone=True)
        until(lambda: waits_for(tmp_path / "room"), "it waits for who is inside")
        late = come("late", alone=False)
        until(lambda: waits_for(tmp_path / "turnstile"), "the late one waits for it")
        assert came == ["beside"]
    alone.join()
    late.join()
    assert came == ["beside", "alone", "late"]


def run(where: Path, *words: str) -> str:
    """What a run of the tests in a directory prints; they must pass."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.support.workers",
        "-p",
        "no:cacheprovider",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, *words], cwd=where, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_whole_run_has_workers_that_leave_some_tests_alone(tmp_path: Path) -> None:
    (tmp_path / "test_all.py").write_text(TESTS)
    said = run(tmp_path, "-nauto", "--dist=load", "--maxschedchunk=1")
    assert "8 passed" in said.splitlines()[-1] and "workers" in said


@pytest.mark.parametrize("words", [["-k", "one"], ["test_one.py"]])
def test_who_chooses_tests_has_them_in_one_process(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "test_one.py").write_text("def test_one(): pass\n")
    said = run(tmp_path, "-nauto", *words)
    assert "1 passed" in said and "workers" not in said
