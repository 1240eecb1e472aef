"""hive-up and hive-down as a person types them, and what they leave."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from hivelib.host import cgroups, manager
from hivelib.host.manager import Private
from tests.support.people import Person, Word
from tests.support.ports import free_port
from tests.support.source import ROOT


class Upped(NamedTuple):
    """A directory in which somebody brings a hive up and down."""

    person: Person
    directory: Path
    port: int | None = None
    """Where it shall have its page; None: hive-up chooses, as another hive-up of the same moment may."""

    def argv(self, *words: Word) -> list[Word]:
        """The command that brings it up and returns."""
        page: list[Word] = ["--port", str(self.port)] if self.port else []
        up: list[Word] = [ROOT / "bin/hive-up", "--dir", self.directory, "--detach", "--json"]
        return [*up, *page, *words]

    def up(self, *words: Word, **environment: str) -> dict[str, Any]:
        """Brings it up; gives back what hive-up says."""
        done = self.person.run(self.argv(*words), environment, seconds=100)
        return dict(json.loads(done.stdout))

    def down(self) -> bool:
        """Brings it down; gives back whether anything ran."""
        argv: list[Word] = [ROOT / "bin/hive-down", "--dir", self.directory, "--json"]
        return bool(json.loads(self.person.run(argv, seconds=100).stdout)["ran"])

    def tool(self, name: str, *words: Word, check: bool = True) -> str:
        """What one of our tools writes to stdout, and to stderr if it may fail."""
        argv: list[Word] = [ROOT / "bin" / name, *words]
        done = self.person.run(argv, self.environment, check=check)
        return done.stdout if check else done.stdout + done.stderr

    def rows(self, name: str, *words: Word) -> list[dict[str, Any]]:
        """What a tool prints with --json, one record a line."""
        return [json.loads(line) for line in self.tool(name, *words, "--json").splitlines()]

    @property
    def environment(self) -> dict[str, str]:
        """What an operator's shell has set."""
        return {"HIVE_CONFIG": f"{self.directory}/hive.toml"}

    def systemctl(self, *words: str) -> str:
        """Asks the hive's own manager."""
        environment = {"XDG_RUNTIME_DIR": f"{self.directory}/run"}
        return self.person.run(["systemctl", "--user", *words], environment).stdout.strip()

    def main_pid(self, unit: str) -> int:
        """The main process of a service."""
        return int(self.systemctl("show", "-p", "MainPID", "--value", unit))

    @property
    def record(self) -> manager.Record:
        """What is known of the private manager."""
        return manager.recorded(Private(str(self.directory)))

    def processes(self) -> set[int]:
        """Everything that runs in the hive's control group."""
        return cgroups.processes(self.record.groups)

    def staying(self) -> dict[str, int]:
        """What an idle hive keeps: its manager, and the main process of each service that is never without one.

        Beside them a program may run that was rung a moment ago, as a new agent's first look into its inbox is.
        """
        services = ("hive-broker.service", "hive-reminder.service")
        return {"manager": self.record.pid, **{name: self.main_pid(name) for name in services}}


def made(person: Person, directory: Path) -> Upped:
    """An empty directory of that person for a hive."""
    directory.mkdir(mode=0o700)
    person.own(directory)
    return Upped(person, directory, free_port())


def alive(pid: int) -> bool:
    """Whether a process is there and not only waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False


def groups_left(groups: list[str]) -> list[str]:
    """The control group directories that are still there."""
    return [group for group in groups if os.path.isdir(group)]
