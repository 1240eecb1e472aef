"""A hive that really runs: bin/hive-up by an ordinary user or by root, the real claude, a scripted model."""

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hivelib.base.config import load_settings
from hivelib.base.db import Database
from hivelib.base.paths import Paths
from hivelib.flow.opening import Hive
from hivelib.host import cgroups, manager
from hivelib.host.manager import Private
from tests.support.people import Person, Word
from tests.support.ports import free_port
from tests.support.script import Rule
from tests.support.scripted_model import ScriptedModel
from tests.support.source import ROOT
from tests.support.waiting import SECONDS, recent, tail, until

KEY = "sk-scripted-0123456789"
Table = Mapping[str, Mapping[str, Any]]


class LiveHive(NamedTuple):
    """A running hive as its operator has it; `hive` is open for reading only, the tools do the writing.

    `person` is whom it belongs to, `operator` who has raised it and runs the tools: the same, or root.
    """

    directory: Path
    operator: Person
    person: Person
    model: ScriptedModel
    hive: Hive

    @property
    def db(self) -> Database:
        """hive.sqlite, read-only."""
        return self.hive.db

    def tool(
        self, name: str, *words: str, stdin: str = "", check: bool = True, seconds: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Runs one of our tools as the operator; AssertionError when it fails, unless `check` is off."""
        argv: list[Word] = [ROOT / "bin" / name, *words]
        return self.operator.run(argv, self.environment, stdin=stdin, seconds=seconds, check=check)

    def start_tool(self, name: str, *words: str, **more: Any) -> subprocess.Popen[str]:
        """Starts one of our tools and leaves it running."""
        return self.operator.start([ROOT / "bin" / name, *words], self.environment, **more)

    def rows(self, name: str, *words: str) -> list[dict[str, Any]]:
        """What a tool prints with --json, one record a line."""
        return [json.loads(line) for line in self.tool(name, *words, "--json").stdout.splitlines()]

    @property
    def environment(self) -> dict[str, str]:
        """What an operator's shell has set."""
        return {"HIVE_CONFIG": f"{self.directory}/hive.toml"}

    def systemctl(self, *words: str, check: bool = True) -> str:
        """Asks the hive's own manager, which answers to its user alone."""
        environment = {"XDG_RUNTIME_DIR": self.hive.settings.systemd.xdg_runtime_dir}
        return self.person.run(["systemctl", "--user", *words], environment, check=check).stdout

    def unit(self, name: str) -> str:
        """A unit's ActiveState."""
        return self.systemctl("show", "-p", "ActiveState", "--value", name).strip()

    def main_pid(self, name: str) -> int:
        """The main process of a service, 0 when it does not run."""
        return int(self.systemctl("show", "-p", "MainPID", "--value", name) or 0)

    def until_unit(self, name: str, active: str, seconds: float = SECONDS) -> None:
        """Waits until the manager calls a unit `active` (active, inactive, failed)."""
        until(lambda: self.unit(name) == active, f"{name} {active}", seconds, self.explain)

    def until_value(self, sql: str, *values: Any, seconds: float = SECONDS) -> Any:
        """Waits until a query's first column is true, and gives it back."""
        what = f"{sql} {values}"
        return until(lambda: self.db.value(sql, *values), what, seconds, self.explain)

    def until_acked(self, *ids: int, seconds: float = SECONDS) -> None:
        """Waits until each message was taken by a turn that ended well, or read by the operator."""
        marks = ", ".join("?" * len(ids))
        sql = (
            f"SELECT count(*) = {len(ids)} FROM messages WHERE state = 'acked' AND id IN ({marks})"
        )
        self.until_value(sql, *ids, seconds=seconds)

    def transcript(self, name: str) -> list[dict[str, Any]]:
        """Every line of an agent's stream, oldest first."""
        with Database(self.hive.paths.transcript(name), read_only=True) as db:
            rows = db.all("SELECT payload FROM lines ORDER BY row")
        return [json.loads(payload) for (payload,) in rows]

    def processes(self, unit: str = "") -> dict[int, str]:
        """Every process of the hive by its command line; none but the manager's own is ever elsewhere.

        With `unit` those of the units whose names begin so: a quicker look.
        """
        found = {}
        groups = groups_of(self.person, self.directory)
        if unit:
            below = (place for place, _, _ in os.walk(groups[0]))
            groups = [place for place in below if os.path.basename(place).startswith(unit)]
        for pid in cgroups.processes(groups):
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                found[pid] = b" ".join(words).decode(errors="replace").strip()
        return found

    def explain(self) -> str:
        """What a failure's message should show: last events, what the model saw, ends of the logs."""
        asked = [
            f"{seen.number}: {seen.prompt[:100]!r} step {seen.step}" for seen in self.model.requests
        ]
        logs = [
            f"== {log.name}\n{tail(log, 8)}" for log in sorted((self.directory / "log").glob("*"))
        ]
        return "\n".join(["== events", recent(self.db), "== model", *asked[-20:], *logs])


def groups_of(person: Person, directory: Path) -> list[str]:
    """The control groups that hold everything the hive of a directory runs."""
    return person.groups or manager.recorded(Private(str(directory))).groups


def settings_tables(tables: Table) -> str:
    """Tables of hive.toml as text; strings, numbers and booleans are written alike in JSON and TOML."""
    return "".join(
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
        for name, table in tables.items()
    )


@contextlib.contextmanager
def raised(
    person: Person,
    directory: Path,
    model: ScriptedModel,
    claude: Path,
    tables: Table,
    root: Person | None = None,
) -> Iterator[LiveHive]:
    """Runs hive-up for `directory`, gives the hive, takes it down again and looks that nothing is left.

    With `root`, that is who brings it up and down and runs its tools; it belongs to `person` all the same.
    """
    chosen: dict[str, Mapping[str, Any]] = {
        **tables,
        "web": {"port": free_port(), **tables.get("web", {})},
        "api": {"url": model.url, **tables.get("api", {})},
        "claude": {"path": str(claude), "max_retries": 1, **tables.get("claude", {})},
    }
    config = directory / "hive.toml"
    config.write_text(settings_tables(chosen))
    person.own(config)
    up: list[Word] = [
        ROOT / "bin/hive-up",
        "--dir",
        directory,
        "--claude",
        claude,
        "--detach",
        *(("--user", person.user.name) if root else ()),
    ]
    down: list[Word] = [ROOT / "bin/hive-down", "--dir", directory]
    operator = root or person
    try:
        operator.run(up, {"ANTHROPIC_API_KEY": KEY}, seconds=180)
        settings = load_settings(str(config))
        paths = Paths.of(settings)
        with Database(paths.database, read_only=True) as db:
            yield LiveHive(directory, operator, person, model, Hive(settings, paths, db))
        groups = groups_of(person, directory)
    finally:
        operator.run(down, check=False)
    assert cgroups.processes(groups) == set(), "hive-down left processes behind"


def raiser(
    stack: contextlib.ExitStack,
    person: Person,
    directory: Path,
    claude: Path,
    root: Person | None = None,
) -> Callable[..., LiveHive]:
    """What the fixtures give a test: a function that raises a hive, which is down when `stack` is closed."""

    def start(rules: list[Rule], *, bodies: bool = True, **tables: Table) -> LiveHive:
        model = stack.enter_context(ScriptedModel(rules, bodies=bodies))
        directory.mkdir(mode=0o700)
        person.own(directory)
        return stack.enter_context(raised(person, directory, model, claude, tables, root))

    return start
