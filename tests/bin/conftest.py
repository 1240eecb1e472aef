"""The tools as real processes against a real hive's state; no unit runs."""

import json
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Iterator, Sequence
from fcntl import ioctl
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hivelib.flow.opening import Hive
from tests.support.people import made_user
from tests.support.residents import settle_in
from tests.support.source import ROOT
from tests.support.state import make_state, short_directory

Word = str | bytes


class Shell(NamedTuple):
    """An operator's shell: runs tools; `hive` looks at the same state from inside the test."""

    where: Path
    hive: Hive

    def environment(self) -> dict[str, str]:
        """What is set in it, and nothing else."""
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.where),
            "HIVE_CONFIG": str(self.where / "hive.toml"),
        }

    def start(self, tool: str, *words: Word, **more: Any) -> "subprocess.Popen[str]":
        """Starts a tool and leaves it running; `more` goes to Popen."""
        given: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(
            [ROOT / "bin" / tool, *words],
            env=self.environment(),
            cwd=self.where,
            **(given | {"stdin": subprocess.DEVNULL} | more),
        )

    def run(
        self, tool: str, *words: Word, stdin: bytes = b"", status: int = 0
    ) -> "subprocess.CompletedProcess[str]":
        """Runs a tool to its end, which must be `status`, and never shows a traceback."""
        done = subprocess.run(
            [ROOT / "bin" / tool, *words],
            env=self.environment(),
            cwd=self.where,
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == status, f"{tool}: status {done.returncode}\n{out}{err}"
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(done.args, status, out, err)

    def refusal(self, tool: str, *words: Word, status: int, stdin: bytes = b"") -> str:
        """The one clear line with which a tool refuses; nothing is on stdout, and nothing was changed."""
        before = self.everything()
        done = self.run(tool, *words, stdin=stdin, status=status)
        assert done.stdout == "", f"{tool} said on stdout: {done.stdout}"
        assert self.everything() == before, f"{tool} changed something"
        lines = done.stderr.splitlines()
        assert len(lines) == 1 and lines[0].startswith(f"{tool}: "), done.stderr
        assert lines[0].isprintable() and len(lines[0]) < 600, lines[0]
        return lines[0]

    def rows(self, tool: str, *words: Word) -> list[dict[str, Any]]:
        """What a tool gives with --json."""
        return [json.loads(line) for line in self.run(tool, *words, "--json").stdout.splitlines()]

    def everything(self) -> list[Any]:
        """All that a tool could have changed in the database."""
        tables = ("messages", "agents", "turns", "events", "keys", "warnings", "questions")
        return [self.hive.db.all(f"SELECT * FROM {table}") for table in tables]


def give(where: Path) -> None:
    """Gives a tree to the tests' ordinary user, when root runs the tests: then the tools become that user."""
    if os.geteuid() == 0:
        user = made_user()
        for path in (where, *where.rglob("*")):
            os.chown(path, user.uid, user.gid)


@pytest.fixture
def shell() -> Iterator[Shell]:
    """A shell beside a hive with manager, alice and bob."""
    with short_directory() as where:
        hive = make_state(where)
        for folder in (
            f"{hive.paths.state}/transcripts",
            f"{hive.paths.state}/agents",
            hive.paths.bell,
        ):
            os.makedirs(folder, exist_ok=True)
        settle_in(hive, "manager", "alice", "bob")
        give(where)
        with hive.db:
            yield Shell(where, hive)


def lines_of(process: "subprocess.Popen[str]", count: int) -> Sequence[str]:
    """The next lines of a running tool."""
    assert process.stdout
    return [process.stdout.readline() for _ in range(count)]


def on_a_terminal(shell: Shell, tool: str, *words: str, **more: str) -> str:
    """What a tool writes to a terminal of 60 columns."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    environment = {**shell.environment(), **more}
    process = subprocess.Popen(
        [ROOT / "bin" / tool, *words],
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += (data := os.read(ours, 65536))
        except OSError:  # the terminal's other end is closed
            break
        if not data:
            break
    os.close(ours)
    assert process.wait(30) == 0, shown
    return shown.decode().replace("\r\n", "\n")
