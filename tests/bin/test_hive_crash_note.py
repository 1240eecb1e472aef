"""What is left, and who is rung, when systemd says that a box has ended."""

import subprocess
from pathlib import Path

import pytest

from hivelib.base import bell
from hivelib.base.paths import Paths
from hivelib.host import crash_notes
from hivelib.model.settings import Settings
from tests.support.source import ROOT

SAID = {"EXIT_CODE": "killed", "EXIT_STATUS": "KILL", "INVOCATION_ID": "0123abcd"}


def run(runtime: Path, result: str) -> subprocess.CompletedProcess[str]:
    argv = [str(ROOT / "bin/hive-crash-note"), str(runtime), "alice"]
    env = {"PATH": "/usr/bin:/bin", "SERVICE_RESULT": result, **SAID}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return done


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """The places of a hive whose runtime directory is `tmp_path`."""
    return Paths.of(Settings(runtime_dir=str(tmp_path)))


def unit_fifo(paths: Paths) -> bell.Listener:
    """The bell of the watch, as its socket unit holds it."""
    listener = bell.Listener(paths.bell, "crash")
    Path(listener.path).rename(Path(listener.path).with_name("unit"))
    return listener


def test_a_bad_end_leaves_a_note_and_rings(tmp_path: Path, paths: Paths) -> None:
    with unit_fifo(paths) as fifo:
        run(tmp_path, "signal")
        assert fifo.wait(0)
    (note,) = crash_notes.found(paths)
    assert (note.agent, note.key, note.result) == ("alice", "0123abcd", "signal")
    assert (note.code, note.status) == ("killed", "KILL") and note.starved >= 0
    crash_notes.drop(paths, note)
    crash_notes.drop(paths, note)
    assert crash_notes.found(paths) == []


def test_a_good_end_is_nobodys_business(tmp_path: Path, paths: Paths) -> None:
    with unit_fifo(paths) as fifo:
        run(tmp_path, "success")
        assert not fifo.wait(0)
    assert crash_notes.found(paths) == []


def test_in_a_hive_that_goes_down_no_file_takes_the_place_of_the_bell(
    tmp_path: Path, paths: Paths
) -> None:
    unit_fifo(paths).close()  # the name stays: nobody listens
    run(tmp_path, "signal")
    (tmp_path / "bell/crash/unit").unlink()
    run(tmp_path, "signal")
    assert not (tmp_path / "bell/crash/unit").exists() and len(crash_notes.found(paths)) == 1
