"""hive-up for somebody who has a systemd --user already; a bare private manager stands in for the login's own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support import raising
from tests.support.people import Person, Word
from tests.support.ports import free_port
from tests.support.raising import alive
from tests.support.source import ROOT

VERB = """
import sys
from hivelib.base import users
from hivelib.host import cradle, manager
getattr(cradle, sys.argv[1])(manager.Private(sys.argv[2]), users.current())
"""


class Login(NamedTuple):
    """Somebody's session: a manager that looks for units in the session's own XDG_CONFIG_HOME."""

    person: Person
    directory: Path
    port: int

    @property
    def environment(self) -> dict[str, str]:
        """What the session's shells have set."""
        base = {"XDG_RUNTIME_DIR": f"{self.directory}/run"}
        base["XDG_CONFIG_HOME"] = f"{self.directory}/config"
        return {**base, "XDG_STATE_HOME": f"{self.directory}/state"}

    def run(self, *words: Word, check: bool = True) -> str:
        """What a command of the session prints."""
        return self.person.run(
            list(words), self.environment, check=check, seconds=100
        ).stdout.strip()

    def up(self) -> dict[str, Any]:
        """Brings up the session's hive; gives back what hive-up says."""
        port = str(self.port)
        return dict(
            json.loads(self.run(ROOT / "bin/hive-up", "--detach", "--json", "--port", port))
        )

    def systemctl(self, *words: str, check: bool = True) -> str:
        """Asks the session's manager."""
        return self.run("systemctl", "--user", *words, check=check)


@pytest.fixture
def login(ordinary_user: Person, short_path: Path) -> Iterator[Login]:
    """A session with nothing in it but one program of somebody else's."""
    where = raising.made(ordinary_user, short_path / "l").directory
    python = f"{ROOT}/.venv/bin/python3"
    ordinary_user.run([python, "-c", VERB, "start", where])
    session = Login(ordinary_user, where, free_port())
    session.run("systemd-run", "--user", "--quiet", "--unit=hivelike.service", "sleep", "1000")
    yield session
    ordinary_user.run([python, "-c", VERB, "stop", where])


def test_the_login_s_own_manager_runs_the_hive(login: Login) -> None:
    said = login.up()
    assert said["systemd"] == "user"
    assert said["config"] == f"{login.directory}/config/hyperhive/hive.toml"
    assert said["state"] == f"{login.directory}/state/hyperhive"
    assert any("loginctl enable-linger" in note for note in said["notes"])  # no logind is here
    assert (
        login.systemctl("is-active", "hive.target", "hive-agent@manager.target") == "active\nactive"
    )
    assert login.systemctl("is-enabled", "hive.target") == "enabled"
    assert login.run(ROOT / "bin/hive-send", "manager", "found without HIVE_CONFIG") == "1"
    assert login.up()["done"] == []

    assert json.loads(login.run(ROOT / "bin/hive-down", "--json"))["ran"]
    assert login.systemctl("list-units", "--plain", "--no-legend", "hive.target", "hive-*") == ""
    assert login.systemctl("is-enabled", "hive.target", check=False) == "disabled"
    assert login.systemctl("is-active", "hivelike.service") == "active"
    assert not json.loads(login.run(ROOT / "bin/hive-down", "--json"))["ran"]


def test_agents_come_back_when_the_manager_does(login: Login) -> None:
    login.up()
    login.run(ROOT / "bin/hive-spawn", "alice")
    login.run(ROOT / "bin/hive-spawn", "bob")
    login.run(ROOT / "bin/hive-stop", "bob")
    login.systemctl("stop", "hive.target")
    assert login.systemctl("is-active", "hive-agent@alice.target", check=False) == "inactive"
    login.systemctl("start", "hive.target")  # what a boot does: no hive-up is there to help
    names = [f"hive-agent@{name}.target" for name in ("alice", "bob", "manager")]
    states = login.systemctl("is-active", *names, check=False).split()
    assert states == ["active", "inactive", "active"]


def test_a_hive_of_its_own_beside_the_login(login: Login, short_path: Path) -> None:
    hive = raising.made(login.person, short_path / "d")
    assert json.loads(login.run(*hive.argv()))["systemd"] == "private"
    unit = login.systemctl("list-units", "--plain", "--no-legend", "hyperhive-*").split()[0]
    assert unit == hive.record.unit
    running = hive.processes()
    assert len(running) >= 2
    assert json.loads(login.run(*hive.argv()))["done"] == []
    down: list[Word] = [ROOT / "bin/hive-down", "--dir", hive.directory, "--json"]
    assert json.loads(login.run(*down))["ran"]
    assert [pid for pid in running if alive(pid)] == []
    assert login.systemctl("list-units", "--plain", "--no-legend", "hyperhive-*") == ""
    assert login.systemctl("is-active", "hivelike.service") == "active"
    assert not hive.record.unit
