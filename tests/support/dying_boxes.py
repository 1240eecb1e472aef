"""An agent whose boxes die, under a real systemd."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hivelib.base.config import load_settings
from hivelib.base.db import Database
from hivelib.base.paths import Paths
from hivelib.flow.opening import Hive, open_transcript
from tests.support import quick_claude, raising
from tests.support.hive import settings_tables
from tests.support.people import Person
from tests.support.raising import Upped
from tests.support.waiting import until, until_value


class Scene:
    """A hive of alice alone, whose claude comes to grief as it is told."""

    def __init__(self, hive: Upped, db: Database) -> None:
        self.hive, self.db = hive, db
        settings = load_settings(f"{hive.directory}/hive.toml")
        self._open = Hive(settings, Paths.of(settings), db)

    def turn(self, body: str) -> int:
        """Sends alice a message; the number of the turn in which claude is at it, once it is.

        Before that one there may be another: where the box did not come up, the mail goes back at once.
        """
        before = int(self.db.value("SELECT ifnull(max(id), 0) FROM turns"))
        self.hive.tool("hive-send", "alice", body)
        said = "SELECT max(turn) FROM lines WHERE turn > ? AND payload LIKE '%init%'"

        def works() -> int:
            if (transcript := open_transcript(self._open, "alice")) is None:
                return 0
            with transcript:
                return transcript.value(said, before) or 0

        return until(works, f"claude works after turn {before}", explain=self.explain)

    def explain(self) -> str:
        """The newest turns and events, and what the units of alice have written."""
        rows = self.db.all("SELECT * FROM turns ORDER BY id DESC LIMIT 3")
        rows += self.db.all("SELECT * FROM events ORDER BY seq DESC LIMIT 30")
        found = (self.hive.directory / "log").glob("hive-*@alice.log")
        logs = [f"{log.name}: {log.read_text(errors='replace')[-1000:]}" for log in found]
        return "\n".join([*map(str, rows), *logs])

    def ended(self, turn: int) -> str:
        """The outcome of a turn, once it is over."""
        sql = "SELECT outcome FROM turns WHERE id = ? AND ended_at IS NOT NULL"
        return str(until_value(self.db, sql, turn))

    def kill_box(self) -> None:
        """What the operator never does: SIGKILL to the box."""
        os.kill(self.hive.main_pid("hive-exec@alice.service"), signal.SIGKILL)

    def crashes(self) -> list[str]:
        """The reasons of all crashes so far."""
        sql = "SELECT payload FROM events WHERE kind = 'container_crash' ORDER BY seq"
        return [json.loads(payload)["note"] for (payload,) in self.db.all(sql)]

    def until_crash(self, turn: int, why: str) -> None:
        """Waits for the crash in that turn; its reason must be `why`."""
        until(lambda: any(f"turn {turn} " in one for one in self.crashes()), "told", 30)
        assert next(one for one in self.crashes() if f"turn {turn} " in one).endswith(why)

    def look(self) -> None:
        """Has the watch look, and waits until it has."""
        self.hive.systemctl("start", "hive-crash-watch.service")
        until(lambda: self.active() == "inactive", "the watch has looked")

    def active(self) -> str:
        return self.hive.systemctl(
            "show", "-p", "ActiveState", "--value", "hive-crash-watch.service"
        )


@contextlib.contextmanager
def scene(
    person: Person, directory: Path, settings: Mapping[str, Mapping[str, Any]]
) -> Iterator[Scene]:
    """Raises a hive with these tables of hive.toml in `directory`, and takes it down afterwards."""
    hive = raising.made(person, directory)
    (directory / "hive.toml").write_text(settings_tables(settings))
    person.own(directory / "hive.toml")
    hive.up()
    try:
        quick_claude.use(directory, person.user, quick_claude.GRIEF)
        hive.tool("hive-stop", "manager")  # its mail is looked at, not worked on
        hive.tool("hive-spawn", "alice")
        with Database(f"{directory}/state/hive.sqlite", read_only=True) as db:
            yield Scene(hive, db)
    finally:
        hive.down()
