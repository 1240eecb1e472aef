"""A hive's state that a test damages, and every tool that would open it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from hivelib.flow import mailing
from tests.bin.conftest import give
from tests.support import forked
from tests.support.forked import Ran
from tests.support.residents import settle_in
from tests.support.source import ROOT
from tests.support.state import make_state, short_directory

PLACES = ("applied", "builds", "decisions", "meta", "proposed", "shared", "transcripts")


class Beside(NamedTuple):
    """An operator's shell beside the hive of a directory, with some mail; nobody has its database open."""

    where: Path

    @property
    def state(self) -> Path:
        return self.where / "state"

    @property
    def database(self) -> Path:
        return self.state / "hive.sqlite"

    @property
    def environment(self) -> dict[str, str]:
        """All that a tool finds set."""
        config = str(self.where / "hive.toml")
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.where), "HIVE_CONFIG": config}

    def run(self, tool: str, *words: str) -> Ran:
        """Runs a tool beside it, to its end. This process must not have the database open: sqlite bears no fork."""
        return forked.run(tool, words, self.environment)

    def start(self, tool: str, *words: str) -> "subprocess.Popen[str]":
        """Starts a tool as a process of its own and leaves it running."""
        argv, pipe = [ROOT / "bin" / tool, *words], subprocess.PIPE
        return subprocess.Popen(argv, env=self.environment, cwd=self.where, stderr=pipe, text=True)


@pytest.fixture
def damaged() -> Iterator[Beside]:
    with short_directory() as where:
        hive = make_state(where, "[web]\nport = 1\n")
        for folder in ("agents/alice/state", "agents/alice/claude", *PLACES):
            os.makedirs(f"{hive.paths.state}/{folder}")
        Path(f"{hive.paths.state}/README").touch()
        os.makedirs(hive.paths.bell)
        settle_in(hive, "manager", "alice", "bob")
        for number in range(40):
            mailing.send(hive, mailing.SHELL, "alice", f"{number} " + "x" * 3000)
        hive.db.close()
        give(where)
        yield Beside(where)
