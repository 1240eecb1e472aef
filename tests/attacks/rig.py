"""A live hive whose claude is the intruder, and how a test sends it an attack and looks at what came of it."""

import contextlib
import inspect
import json
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.hive import LiveHive, Table, raised
from tests.support.people import ordinary_person
from tests.support.scripted_model import ScriptedModel
from tests.support.source import ROOT
from tests.support.state import short_directory
from tests.support.waiting import until

INTRUDER = ROOT / "tests/attacks/intruder.py"
DISK = 64 << 20
TASKS = 100
MEMORY = 400 << 20
TABLES: Table = {
    "mail": {"body_limit": 65536, "pair_limit": 10000},
    "turns": {"per_hour": 1000},
    "box": {"disk_bytes": DISK, "tasks": TASKS, "memory": "400M"},
}
Attack = Callable[..., object]


class Attacked(NamedTuple):
    """The hive under attack."""

    hive: LiveHive

    def spawn(self, name: str, /, **config: object) -> None:
        """Makes an agent with this agent.json."""
        self.hive.tool("hive-spawn", name, "--config", "-", stdin=json.dumps(config))

    def begin(self, name: str, attack: Attack, /, **arguments: object) -> int:
        """Orders `attack` from an agent and gives back the number of the message that does."""
        source = textwrap.dedent(inspect.getsource(attack))
        order = {"attack": attack.__name__, "source": source, "arguments": arguments}
        done = self.hive.tool("hive-send", name, "-", stdin=json.dumps(order))
        return int(done.stdout)

    def turn_of(self, message: int) -> int:
        """The turn that a message has begun."""
        sql = "SELECT max(id) FROM turns WHERE wake_message = ?"
        return int(self.hive.until_value(sql, message))

    def outcome(self, turn: int) -> str:
        """How a turn ended."""
        sql = "SELECT outcome FROM turns WHERE id = ? AND ended_at IS NOT NULL"
        return str(self.hive.until_value(sql, turn, seconds=60))

    def report(self, name: str, message: int) -> Any:
        """What the attack that a message ordered told at its end, which must have been a good one."""
        turn = self.turn_of(message)
        assert self.outcome(turn) == "ok", self.hive.explain()
        told = json.loads(self.lines(name, turn, "result")[-1]["result"])
        assert not (isinstance(told, dict) and "raised" in told), told
        return told

    def lines(self, name: str, turn: int, kind: str) -> list[dict[str, Any]]:
        """The lines of a kind in the transcript of a turn."""
        from hivelib.base.db import Database

        with Database(self.hive.hive.paths.transcript(name), read_only=True) as db:
            rows = db.all("SELECT payload FROM lines WHERE turn = ? ORDER BY row", turn)
        found = [json.loads(payload) for (payload,) in rows]
        return [line for line in found if line.get("type") == kind]

    def attack(self, name: str, attack: Attack, /, **arguments: object) -> Any:
        """Has an agent's box do `attack` in a turn of its own and gives back what it told."""
        return self.report(name, self.begin(name, attack, **arguments))

    def events(self, kind: str, subject: str) -> list[dict[str, Any]]:
        """The payloads of an agent's events."""
        sql = "SELECT payload FROM events WHERE kind = ? AND subject = ? ORDER BY seq"
        return [json.loads(text) for (text,) in self.hive.db.all(sql, kind, subject)]

    def log(self, unit: str) -> str:
        """What a unit has written so far."""
        path = self.hive.directory / "log" / f"{unit}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def journal(self, unit: str, part: str) -> str:
        """Waits until a unit has written a line with `part`, and gives that back."""

        def look() -> str:
            return next((line for line in self.log(unit).splitlines() if part in line), "")

        return until(look, f"{part!r} from {unit}", 30, self.hive.explain)

    def told_once(self, unit: str, part: str) -> str:
        """As `journal`, and it is the only such line."""
        line = self.journal(unit, part)
        assert self.log(unit).count(part) == 1, self.log(unit)
        return line

    def state(self, name: str) -> Path:
        """The host's side of an agent's /state."""
        return Path(self.hive.hive.paths.agent_state(name))


def clean(text: str) -> bool:
    """Whether no character of a text can steer a terminal."""
    return all(char.isprintable() or char in "\n\t" for char in text)


@contextlib.contextmanager
def under_attack() -> Iterator[Attacked]:
    """A hive with alice, who attacks, and bob, who has something to lose; gone afterwards, with all it ran."""
    with short_directory(disk=True) as where, contextlib.ExitStack() as stack:
        home, directory = where / "home", where / "hive"
        home.mkdir()
        where.chmod(0o755)
        directory.mkdir(mode=0o700)
        person = stack.enter_context(ordinary_person(home))
        person.own(directory)
        model = stack.enter_context(ScriptedModel([]))
        hive = stack.enter_context(raised(person, directory, model, INTRUDER, TABLES))
        attacked = Attacked(hive)
        for name in ("alice", "bob"):
            attacked.spawn(name)
        yield attacked
