"""A skip that nobody foresaw fails the run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.skips import FORESEEN, foreseen
from tests.support.source import ROOT


@pytest.mark.parametrize(
    ("reason", "workers", "status"), [("a whim", "-n0", 1), ("a whim", "-n2", 1), (None, "-n0", 0)]
)
def test_an_unforeseen_skip_fails_the_run(
    tmp_path: Path, reason: str | None, workers: str, status: int
) -> None:
    skip = f"    import pytest\n    pytest.skip({reason!r})\n" if reason else "    pass\n"
    (tmp_path / "test_one.py").write_text(f"def test_one():\n{skip}")
    command = [sys.executable, "-m", "pytest", "-p", "tests.support.skips", "--rootdir", "."]
    done = subprocess.run(
        [*command, workers, tmp_path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout
    assert ("so the run fails: a whim" in done.stdout) is bool(reason)
    assert ("\n1 skipped\n" in done.stdout) is bool(reason)
    assert re.fullmatch(r"=+ 1 (passed|skipped) in .*=", done.stdout.splitlines()[-1])


def test_comments_are_no_reasons() -> None:
    assert foreseen("# why\n\nno kvm here\n") == {"no kvm here"}
    assert all("#" not in reason for reason in foreseen(FORESEEN.read_text()))
