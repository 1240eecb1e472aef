"""An edit of hive.toml reaches what runs, however the file is written; a faulty one is told and ignored."""

import json
import os
from pathlib import Path

import pytest

from hivelib.base.db import Database
from tests.support import raising
from tests.support.people import Person
from tests.support.source import ROOT
from tests.support.waiting import until, until_event


@pytest.mark.timeout(120)
def test_an_edit_reaches_what_runs(ordinary_user: Person, short_path: Path) -> None:
    hive = raising.made(ordinary_user, short_path / "a")
    hive.up()
    config = hive.directory / "hive.toml"
    elsewhere = ordinary_user.own(_made(short_path / "etc")) / "hive.toml"
    limits = hive.directory / "config/systemd/user/hive-exec@.service.d/20-limits.conf"
    seq = 0

    def at_rest() -> None:
        """Waits until systemd watches again: an edit that comes before is the broker's to find, within a minute."""
        active = ("show", "-p", "ActiveState", "--value", "hive-settings.service")
        until(lambda: hive.systemctl(*active) == "inactive", "nobody is at it")

    def write(text: str, *, by_rename: bool = False) -> None:
        at_rest()
        place = config.with_name("hive.toml.swp") if by_rename else config
        place.write_text(text)
        os.chown(place, ordinary_user.user.uid, ordinary_user.user.gid)
        if by_rename:
            place.rename(config)

    def changed() -> list[str]:
        """The settings that the next event names."""
        nonlocal seq
        seq = until_event(db, "settings_changed", after=seq)
        return list(json.loads(db.value("SELECT payload FROM events WHERE seq = ?", seq))["names"])

    def warned() -> str:
        return str(db.value("SELECT why FROM warnings WHERE name = 'settings'") or "")

    try:
        with Database(f"{hive.directory}/state/hive.sqlite", read_only=True) as db:
            assert "settings_changed" not in hive.tool("hive-events")
            right = config.read_text()
            broker = hive.main_pid("hive-broker.service")
            # What only the next box needs starts nobody again.
            write(right + '[box]\nmemory = "1G"\n')
            assert changed() == ["box.memory"] and "MemoryMax=1G" in limits.read_text()
            assert hive.main_pid("hive-broker.service") == broker
            write(right + "[mail]\npair_limit = 7\n", by_rename=True)
            assert changed() == ["box.memory", "mail.pair_limit"]
            assert "MemoryMax=4G" in limits.read_text()
            until(lambda: hive.main_pid("hive-broker.service") not in (0, broker), "a new broker")

            write(right + "[mail]\npair_limit = 0\nbody_limt = 3\n")
            until(lambda: "body_limt" in warned(), "the fault is told")
            done = ordinary_user.run([ROOT / "bin/hive-agents"], hive.environment)
            assert "manager" in done.stdout and "the last good settings are used" in done.stderr
            assert done.stderr.count("\n") == 1
            assert "body_limt" in hive.tool("hive-check-config", check=False)
            assert "body_limt" in hive.tool("hive-doctor", check=False)
            write(
                right + "[mail]\npair_limit = 0\n"
            )  # of the right type, but not of the right size
            until(lambda: "pair_limit: 0 is not from" in warned(), "another fault is told")
            at_rest()
            config.unlink()
            until(lambda: "no such file" in warned(), "that it is gone is told")
            assert "manager" in hive.tool("hive-agents")

            at_rest()
            elsewhere.write_text(right + "[mail]\npair_limit = 7\n")
            config.symlink_to(elsewhere)  # as it was, but for the place
            until(lambda: not warned(), "all is well again")
            at_rest()
            elsewhere.write_text(right + "[mail]\npair_limit = 8\n")
            assert changed() == ["mail.pair_limit"]
            assert db.value("SELECT count(*) FROM events WHERE kind = 'settings_changed'") == 3
    finally:
        hive.down()


def _made(path: Path) -> Path:
    path.mkdir()
    return path
