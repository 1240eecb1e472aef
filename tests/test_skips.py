"""A skip that nobody foresaw fails the run."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.skips import FORESEEN, foreseen
from tests.support.source import ROOT


@pytest.mark.parametrize(("reason", "status"), [("a whim", 1), (None, 0)])
def test_an_unforeseen_skip_fails_the_run(tmp_path: Path, reason: str | None, status: int) -> None:
    skip = f"    import pytest\n    pytest.skip({reason!r})\n" if reason else "    pass\n"
    (tmp_path / "test_one.py").write_text(f"def test_one():\n{skip}")
    command = [sys.executable, "-m", "pytest", "-p", "tests.support.skips", "--rootdir", "."]
    done = subprocess.run(
        [*command, tmp_path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout
    assert ("so the run fails: a whim" in done.stdout) is bool(reason)


def test_comments_are_no_reasons() -> None:
    assert foreseen("# why\n\nno kvm here\n") == {"no kvm here"}
    assert all("#" not in reason for reason in foreseen(FORESEEN.read_text()))
