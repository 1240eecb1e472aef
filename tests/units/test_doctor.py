"""hive-doctor finds what is wrong, says the line that mends it, and its status tells."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hivelib.base.db import Database
from hivelib.host import probing
from tests.support import raising
from tests.support.people import Person, Word
from tests.support.raising import Upped
from tests.support.source import ROOT
from tests.support.waiting import until


@pytest.fixture
def hive(ordinary_user: Person, short_path: Path) -> Iterator[Upped]:
    """A hive with its manager and the demo's claude, which needs no installing."""
    upped = raising.made(ordinary_user, short_path / "a")
    upped.up("--claude", ROOT / "bin/hive-demo-claude")
    yield upped
    upped.down()


def findings(hive: Upped, *words: str, **environment: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The doctor's exit status, and what it says by what was looked at."""
    argv: list[Word] = [ROOT / "bin/hive-doctor", "--json", *words]
    environment["HIVE_CONFIG"] = f"{hive.directory}/hive.toml"
    done = hive.person.run(argv, environment, check=False)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, {row["name"]: row for row in rows}


def bad(hive: Upped, **environment: str) -> dict[str, dict[str, Any]]:
    """What fails; the status must say so too, and every failure has its mend."""
    status, found = findings(hive, **environment)
    failing = {name: row for name, row in found.items() if row["verdict"] == "fail"}
    assert status == bool(failing)
    assert all(row["mend"] for row in found.values() if row["verdict"] != "ok")
    return failing


def test_of_a_whole_hive_only_agents_that_cannot_be_reached_are_found(hive: Upped) -> None:
    hive.up("--demo")
    assert bad(hive) == {}
    status, found = findings(hive, "--deep")
    assert status == 0 and found["deep"]["verdict"] == "ok", found
    (hive.directory / "run/hyperhive/bell/turn.alice/unit").unlink()
    (hive.directory / "run/hyperhive/agents/bob/mcp/mcp.sock").unlink()
    found = bad(hive)
    assert set(found) == {"agent alice", "agent bob"}
    assert "bell" in found["agent alice"]["words"]
    assert "mcp" in found["agent bob"]["words"]


def test_a_failed_unit_is_found(hive: Upped) -> None:
    hive.systemctl("stop", "hive-broker.service")
    dropin = hive.directory / "config/systemd/user/hive-broker.service.d"
    dropin.mkdir(exist_ok=True)
    (dropin / "90-broken.conf").write_text("[Service]\nExecStart=\nExecStart=false\nRestart=no\n")
    hive.systemctl("daemon-reload")
    hive.systemctl("start", "--no-block", "hive-broker.service")
    until(lambda: "unit" in bad(hive), "the failed unit is reported")
    assert "hive-broker.service" in bad(hive)["unit"]["words"]


def test_a_stopped_hive_is_found(hive: Upped) -> None:
    hive.up("--demo")
    hive.down()
    assert list(bad(hive)) == ["manager"], "one thing to mend, not one for each agent"
    assert "the hive is down" in hive.tool("hive-stop", "alice", check=False)
    url = hive.tool("hive-dashboard-url", check=False)
    assert "nothing serves the page now" in url


def test_a_newer_database_is_found(hive: Upped) -> None:
    with Database(f"{hive.directory}/state/hive.sqlite") as db:
        db.execute("PRAGMA user_version = 999")
    assert "newer" in bad(hive)["database"]["words"]


def test_a_bubblewrap_that_may_not_make_namespaces_is_found(hive: Upped) -> None:
    fake = hive.directory / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2; exit 1\n")
    fake.chmod(0o755)
    found = bad(hive, PATH=f"{hive.directory}:/usr/bin:/bin")
    assert "setting up uid map: Permission denied" in found["boxes"]["words"]


def test_without_a_hive_the_machine_is_looked_at(ordinary_user: Person, short_path: Path) -> None:
    found = bad(Upped(ordinary_user, short_path / "nowhere"))
    assert set(found) == {"settings"}
    done = ordinary_user.run([ROOT / "bin/hive-doctor"], check=False)  # without HIVE_CONFIG
    assert done.returncode == 1
    assert "so no hive here" in done.stdout and "no such file" not in done.stderr.lower()


@pytest.mark.parametrize(
    ("sysctl", "value", "mend"),
    [
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "/etc/apparmor.d/bwrap"),
        ("kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "sysctl user.max_user_namespaces="),
        ("nothing/of/that", "0", "allow user namespaces"),
    ],
)
def test_what_forbids_boxes_is_named_with_its_mend(
    tmp_path: Path, sysctl: str, value: str, mend: str
) -> None:
    (tmp_path / sysctl).parent.mkdir(parents=True)
    (tmp_path / sysctl).write_text(f"{value}\n")
    assert mend in probing.mend_namespaces(str(tmp_path))
