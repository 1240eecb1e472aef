"""hive-up --demo plays its scene through real boxes, doors, tools and turns, and calls no model."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hivelib.base.db import Database
from tests.support import raising
from tests.support.people import Person
from tests.support.raising import Upped
from tests.support.waiting import recent, tail, until


@pytest.fixture
def hive(ordinary_user: Person, short_path: Path) -> Iterator[Upped]:
    """A directory for the demo."""
    upped = raising.made(ordinary_user, short_path / "a")
    yield upped
    upped.down()


def test_the_scene_ends_with_a_word_to_the_operator(hive: Upped) -> None:
    assert hive.up("--demo")["demo"]
    sql = "SELECT sender, recipient FROM messages WHERE sender != 'system' ORDER BY id"
    with Database(f"{hive.directory}/state/hive.sqlite", read_only=True) as db:

        def explained() -> str:
            logs = sorted((hive.directory / "log").glob("*"))
            return recent(db) + "".join(f"\n== {log.name}\n{tail(log, 8)}" for log in logs)

        until(lambda: ("alice", "operator") in db.all(sql), "alice's word", 60, explained)
        pairs = [("operator", "alice"), ("alice", "bob"), ("bob", "alice"), ("alice", "operator")]
        assert db.all(sql) == pairs
        done = "SELECT count(*) FROM turns WHERE outcome = 'ok'"
        until(lambda: db.value(done) == 3, "three good turns", 30, explained)
        assert db.value("SELECT count(*) FROM turns") == 3
    assert "I asked bob" in hive.tool("hive-recv")
    assert (
        "no model is called"
        in hive.person.run([word for word in hive.argv() if word != "--json"]).stdout
    )
