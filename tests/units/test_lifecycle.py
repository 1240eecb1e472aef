"""Agents come, stop, start and go, with real units; rows, events and files tell the same story."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hivelib.base.db import Database
from tests.support import raising
from tests.support.people import Person
from tests.support.raising import Upped


@pytest.fixture
def hive(ordinary_user: Person, short_path: Path) -> Iterator[Upped]:
    """A hive with its manager."""
    upped = raising.made(ordinary_user, short_path / "a")
    upped.up()
    yield upped
    upped.down()


@pytest.fixture
def db(hive: Upped) -> Iterator[Database]:
    """Its database, to look at."""
    with Database(f"{hive.directory}/state/hive.sqlite", read_only=True) as opened:
        yield opened


def kinds(db: Database, name: str) -> list[str]:
    """The kinds of an agent's events, oldest first."""
    sql = "SELECT kind FROM events WHERE subject = ? AND kind NOT LIKE 'turn%' ORDER BY seq"
    return [row[0] for row in db.all(sql, name)]


def test_an_agent_comes_stops_starts_and_goes(hive: Upped, db: Database) -> None:
    hive.tool("hive-spawn", "alice")
    assert hive.systemctl("is-active", "hive-agent@alice.target") == "active"
    assert kinds(db, "alice") == ["agent_added", "spawned", "started"]
    first = db.value("SELECT incarnation FROM agents WHERE name = 'alice'")
    files = hive.directory / "state/agents/alice"
    assert {p.name: p.stat().st_mode & 0o777 for p in files.iterdir() if p.is_dir()} == {
        "state": 0o700,
        "claude": 0o700,
    }
    assert (files / "agent.json").read_text() == "{}\n"
    (files / "state/notes").write_text("remember")

    hive.tool("hive-stop", "alice")
    assert not (hive.directory / "run/hyperhive/bell/turn.alice/unit").exists()
    assert hive.tool("hive-stop", "alice", check=False).strip().endswith("already")
    hive.tool("hive-send", "alice", "waits for you")
    assert db.value("SELECT state FROM agents WHERE name = 'alice'") == "stopped"

    hive.tool("hive-destroy", "alice")
    assert db.value("SELECT state FROM agents WHERE name = 'alice'") == "destroyed"
    assert db.value("SELECT state FROM messages WHERE id = 1") == "dead"
    assert kinds(db, "alice")[-3:] == ["destroyed", "died", "tombstones_changed"]
    assert (files / "state/notes").exists()

    hive.tool("hive-spawn", "alice")
    row = db.one("SELECT state, incarnation FROM agents WHERE name = 'alice'")
    assert row == ("running", db.value("SELECT value + 0 FROM facts WHERE name = 'incarnations'"))
    assert row[1] > first
    assert not (files / "state/notes").exists()
    aside = hive.directory / f"state/agents/.alice.{first}"
    assert (aside / "state/notes").read_text() == "remember"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("hive-spawn", "operator"), "reserved"),
        (("hive-spawn", "Alice"), "lower-case"),
        (("hive-spawn", "../x"), "lower-case"),
        (("hive-start", "managr"), "did you mean manager?"),
        (("hive-destroy", "manager"), "cannot be destroyed"),
    ],
)
def test_what_must_not_be_is_refused_and_changes_nothing(
    hive: Upped, db: Database, words: tuple[str, ...], reason: str
) -> None:
    before = db.value("SELECT max(seq) FROM events")
    assert reason in hive.tool(*words, check=False)
    assert db.value("SELECT max(seq) FROM events") == before


def test_what_runs_is_made_to_agree_with_the_rows(hive: Upped, db: Database) -> None:
    hive.tool("hive-spawn", "alice")
    hive.tool("hive-spawn", "bob")
    hive.tool("hive-stop", "bob")
    hive.systemctl("stop", "hive-agent@alice.target", "hive-agent@manager.target")
    hive.systemctl("start", "hive-agent@bob.target")
    assert sorted(hive.up()["done"]) == ["started alice", "started manager", "stopped bob"]
    states = {
        name: hive.systemctl("show", "-p", "ActiveState", "--value", f"hive-agent@{name}.target")
        for name in ("alice", "bob", "manager")
    }
    assert states == {"alice": "active", "bob": "inactive", "manager": "active"}
    assert hive.up()["done"] == []
