"""The venv of a checkout: made, mended after a kill, made once by two at once, made anew when the versions change."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hivelib.base import bootstrap, packages
from hivelib.base.errors import HiveError
from tests.support.source import ROOT
from tests.support.waiting import until

# pip itself: in every new venv already, so that these tests need no network.
PROJECT = '[project]\ndependencies = ["pip"]\n[project.optional-dependencies]\ntest = ["pip"]\nbad = ["./no"]\n'
MAKE = "import sys; from hivelib.base import bootstrap; bootstrap.make_venv(sys.argv[1])"


@pytest.fixture
def checkout(short_path: Path) -> Iterator[str]:
    """A checkout without a venv, where any user may come."""
    short_path.chmod(0o755)
    root = short_path / "code"
    root.mkdir()
    (root / "pyproject.toml").write_text(PROJECT)
    (root / "constraints.txt").write_text("")
    yield str(root)
    shutil.rmtree(root)


def python_says(root: str, code: str) -> str:
    """What the checkout's python prints."""
    argv = [f"{root}/.venv/bin/python3", "-c", code]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def test_a_venv_is_made_finished_and_mended_and_a_pip_that_fails_is_told_in_one_line(
    checkout: str,
) -> None:
    assert not bootstrap.finished(checkout)
    makers = [subprocess.Popen([sys.executable, "-c", MAKE, checkout], cwd=ROOT) for _ in range(2)]
    assert [maker.wait(100) for maker in makers] == [0, 0]
    assert bootstrap.finished(checkout)
    assert not bootstrap.finished(checkout, "test")
    with pytest.raises(HiveError, match="pip could not install"):
        bootstrap.add(checkout, "bad")
    assert bootstrap.finished(checkout) and not bootstrap.finished(checkout, "bad")
    assert not (Path(checkout) / ".venv/.unfinished").exists()  # or the next run makes it anew
    assert checkout in python_says(checkout, "import sys; print(sys.path)")

    (Path(checkout) / "constraints.txt").write_text("# other versions\n")
    assert not bootstrap.finished(checkout)
    (Path(checkout) / ".venv/left-over").write_text("")
    bootstrap.make_venv(checkout)
    assert bootstrap.finished(checkout)
    assert (Path(checkout) / ".venv/left-over").exists()  # brought up to date in place

    (Path(checkout) / ".venv/.complete-runtime").unlink()
    (Path(checkout) / ".venv/.unfinished").write_text("")  # as a killed pip leaves it
    bootstrap.make_venv(checkout)
    assert bootstrap.finished(checkout)
    assert not (Path(checkout) / ".venv/left-over").exists()  # made anew

    (Path(checkout) / "pyproject.toml").write_text('[project]\ndependencies = ["./not-there"]\n')
    with pytest.raises(HiveError, match="pip could not install"):
        bootstrap.make_venv(checkout)
    assert not bootstrap.finished(checkout), "not taken for success"


def test_what_outlives_a_killed_run_is_waited_for(checkout: str) -> None:
    """pip goes on writing when hive-up alone is killed; until it ends the next run must not build the venv below it."""
    first = subprocess.Popen([sys.executable, "-c", MAKE, checkout], cwd=ROOT)
    until(lambda: _children(first.pid), "python -m venv runs")
    (orphan,) = _children(first.pid)
    os.kill(orphan, signal.SIGSTOP)
    first.kill()
    first.wait()
    second = subprocess.Popen([sys.executable, "-c", MAKE, checkout], cwd=ROOT)
    waiting = rf"-> FLOCK .* {second.pid} "
    until(lambda: re.search(waiting, Path("/proc/locks").read_text()), "the second run waits")
    os.kill(orphan, signal.SIGKILL)
    assert second.wait(100) == 0
    assert bootstrap.finished(checkout)


def _children(pid: int) -> list[int]:
    """Those that make a venv."""
    words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [
        int(word) for word in words if b"-m\0venv" in Path(f"/proc/{word}/cmdline").read_bytes()
    ]


def test_what_others_cannot_reach_is_known(short_path: Path) -> None:
    (short_path / "closed").mkdir(mode=0o700)
    (short_path / "closed/python3").symlink_to("/usr/bin/env")
    short_path.chmod(0o755)
    assert bootstrap.reachable_by_all("/usr/bin/env")
    assert bootstrap.reachable_by_all(str(short_path))
    assert not bootstrap.reachable_by_all(str(short_path / "closed"))
    assert not bootstrap.reachable_by_all(str(short_path / "not-there"))


def test_a_missing_program_names_its_package_and_the_line() -> None:
    assert packages.missing({"no-such-program": "some-package", "sh": "dash"}) == ["some-package"]
    assert packages.install_line(["some-package"]).endswith("some-package")


def test_the_library_has_byte_code_that_every_user_may_read(tmp_path: Path) -> None:
    (tmp_path / "hivelib").mkdir()
    (tmp_path / "hivelib" / "one.py").write_text("ONE = 1\n")
    mask = os.umask(0o077)
    try:
        bootstrap.compile_library(str(tmp_path))
        assert os.umask(0o077) == 0o077, "the caller's own mask is back"
    finally:
        os.umask(mask)
    (code,) = tmp_path.glob("hivelib/__pycache__/one.*.pyc")
    assert code.stat().st_mode & 0o444 == 0o444
    bootstrap.compile_library(str(tmp_path / "where nothing is"))
