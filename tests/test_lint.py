"""The linters are tests: what they would say is what fails here."""

import re
import subprocess
import sys

import pytest

from tests.support.source import ROOT, python_files, tracked_files

# Where this was written is nobody's business, and would not be there elsewhere. The brackets keep
# this file from finding itself; /root/.claude is a place inside a box and may be named.
FOREIGN = re.compile(
    r"/wor[k]/|/far[m]/|/root/\.(?!claude)|/home/[a-z]+/"
    r"|deb\.deb[i]an|pyp[i]\.org|pythonh[o]sted|registry\.npm[j]s"
)


def said_by(*command: str) -> str:
    """What a checker of this venv says about the checkout; empty when it is content."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_ruff_finds_nothing() -> None:
    assert said_by("ruff", "check", "--output-format=concise", "hivelib", "bin", "tests") == ""


def test_everything_is_formatted() -> None:
    assert said_by("ruff", "format", "--check", "hivelib", "bin", "tests") == ""


@pytest.mark.timeout(300)
def test_types_are_right() -> None:
    scripts = list(python_files("bin"))
    assert said_by("mypy", "--strict", "--scripts-are-modules", "hivelib", *scripts) == ""


@pytest.mark.parametrize("line", ["/wor" + "k/main", "/root/" + ".pyenv", "pyp" + "i.org"])
def test_a_foreign_name_is_found(line: str) -> None:
    assert FOREIGN.search(line)


def test_no_file_names_this_machine_or_a_registry() -> None:
    found = []
    for name in tracked_files():
        text = (ROOT / name).read_bytes().decode("utf-8", "replace")
        for number, line in enumerate(text.splitlines(), 1):
            if match := FOREIGN.search(line):
                found.append(f"{name}:{number}: {match.group()}")
    assert found == []
