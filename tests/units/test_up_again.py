"""hive-up on a hive that is there: which one is meant, what changed, and agents that waited for a claude."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hivelib.base.db import Database
from tests.support import raising
from tests.support.people import Person, Word
from tests.support.raising import Upped
from tests.support.source import ROOT
from tests.support.waiting import until


@pytest.fixture
def hive(ordinary_user: Person, short_path: Path) -> Iterator[Upped]:
    """A directory without a hive."""
    upped = raising.made(ordinary_user, short_path / "a")
    yield upped
    upped.down()


def test_the_hive_that_hive_config_names_is_meant(hive: Upped) -> None:
    first = hive.up("--demo")
    hive.down()
    again = hive.person.run(
        [ROOT / "bin/hive-up", "--detach"], {"HIVE_CONFIG": first["config"]}, seconds=100
    )
    assert first["state"] in again.stdout
    assert hive.systemctl("is-active", "hive.target") == "active"
    assert not (hive.person.home / ".local").exists(), "no second hive was made"


def test_a_hive_config_that_names_nothing_is_refused(ordinary_user: Person) -> None:
    argv: list[Word] = [ROOT / "bin/hive-up", "--detach"]
    done = ordinary_user.run(argv, {"HIVE_CONFIG": "/nonexistent/hive.toml"}, check=False)
    assert done.returncode == 2
    assert "HIVE_CONFIG" in done.stderr and "--dir" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_agents_that_waited_for_a_claude_go_on_once_there_is_one(hive: Upped) -> None:
    hive.up()
    hive.tool("hive-spawn", "alice")
    hive.tool("hive-send", "alice", "hello")
    with Database(f"{hive.directory}/state/hive.sqlite", read_only=True) as db:
        parked = "SELECT parked_why FROM agents WHERE name = 'alice' AND parked_kind = 'failing'"
        assert "no claude is set up" in until(lambda: db.value(parked), "it is parked")
        assert "no claude is set up" in hive.tool("hive-recv", "--wait", "30")

        done = hive.up("--claude", ROOT / "bin/hive-demo-claude")["done"]
        assert any(words.startswith("changed the settings: claude.path") for words in done)
        assert "let alice try again" in done
        until(lambda: db.value("SELECT count(*) FROM turns WHERE outcome = 'ok'"), "a good turn")
        assert db.value("SELECT state FROM messages WHERE id = 1") == "acked"
