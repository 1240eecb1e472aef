"""The unit that looks at proposals, as it runs: what its program may do, whatever its program is."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hivelib.host.manager import Private
from tests.attacks.rig import Attacked
from tests.support import proposing
from tests.support.hive import LiveHive
from tests.support.proposing import holds
from tests.support.source import ROOT
from tests.support.waiting import until

PROBE = ROOT / "tests/attacks/fetch_probe.py"
LOOK = """
import json, sys
from hivelib.base.config import load_settings
from hivelib.base.errors import HiveError
from hivelib.host.fetching import fetch
try:
    print(json.dumps(fetch(load_settings(), sys.argv[1], "main", sys.argv[2])))
except HiveError as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""


def look(hive: LiveHive, agent: str) -> list[str]:
    """What the worker's side gives: commit, lock and pack, or the error."""
    argv: list[Any] = [ROOT / ".venv/bin/python3", "-c", LOOK, agent, hive.directory]
    return list(json.loads(hive.person.run(argv, hive.environment).stdout))


@pytest.fixture
def proposed(attacked: Attacked) -> proposing.Repository:
    """The repository that alice's spawn gave the manager to edit."""
    return proposing.Repository(attacked.hive.directory / "state")


def test_a_look_in_its_sandbox(
    attacked: Attacked, proposed: proposing.Repository, tmp_path: Path
) -> None:
    hive = attacked.hive
    commit, lock_hash, pack = look(hive, "alice")
    assert (commit, lock_hash) == (proposed.git.joinpath("refs/heads/main").read_text().strip(), "")
    holds(proposed._replace(above=tmp_path), Path(pack).read_bytes(), commit)
    Path(pack).unlink()
    kind, words = look(hive, "zoe")
    assert kind == "Refused" and "zoe has no config repository" in words
    # Nothing stays of a look: no process, no unit, no file.
    until(lambda: "hive-fetch@" not in hive.systemctl("list-units", "--all"), "no unit", 20)
    assert not [line for line in hive.processes().values() if "hive-fetch" in line]
    assert not list(hive.directory.joinpath("state").glob("look-*"))


@pytest.fixture
def probed(attacked: Attacked, proposed: proposing.Repository) -> Iterator[dict[str, Any]]:
    """What a program that was taken over tells of the sandbox it is in."""
    hive = attacked.hive
    place = Path(Private(str(hive.directory)).units) / "hive-fetch@.service.d/90-probe.conf"
    words = f"{ROOT}/.venv/bin/python3 {PROBE} {hive.directory}"
    place.write_text(f"[Service]\nExecStart=\nExecStart={words}\n")
    hive.systemctl("daemon-reload")
    try:
        kind, told = look(hive, "alice")
        assert kind == "Refused", told
        yield json.loads(told.removesuffix("; "))
    finally:
        place.unlink()
        hive.systemctl("daemon-reload")


def test_a_program_that_was_taken_over_can_change_nothing(probed: dict[str, Any]) -> None:
    assert probed.pop("written") == ["state"], "but for its own empty tmpfs"
    seen = probed.pop("seen")
    assert seen["state"] == ["proposed"] and "alice" in seen["proposed"]
    assert probed.pop("opened") == []
    assert probed.pop("interfaces") == ["lo"]
    assert probed.pop("sockets") == []
    assert probed.pop("room") <= 300
    assert probed == {}
