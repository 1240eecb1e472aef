"""Backup, restore, resume with everything real: a copy of a hive in the middle of a turn goes on in another place."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hivelib.base.db import Database
from tests.support.hive import KEY, LiveHive
from tests.support.people import Person, Word
from tests.support.ports import free_port
from tests.support.script import Gate, Rule, Say
from tests.support.source import ROOT
from tests.support.waiting import until


@pytest.mark.timeout(240)
def test_a_copy_of_a_hive_in_mid_turn_goes_on_where_it_stood(
    live_hive: Callable[..., LiveHive], ordinary_user: Person, short_path: Path
) -> None:
    gate = Gate()
    hive = live_hive([Rule("task", [Say("done", gate=gate)])])
    hive.tool("hive-spawn", "alice")
    notes = hive.directory / "state/agents/alice/state/notes.md"
    notes.write_text("what alice knows")
    ordinary_user.own(notes)
    first = hive.rows("hive-send", "alice", "task one")[0]["id"]
    gate.reached()
    later = [
        hive.rows("hive-send", "alice", f"task {n}", "--lane", "normal")[0]["id"] for n in (2, 3)
    ]

    hive.tool("hive-backup", str(hive.directory / "copy.tar.gz"))
    hive.tool("hive-stop", "alice")  # the original must not do the same work
    gate.open()

    made = short_path / "copy"
    made.mkdir(mode=0o700)
    ordinary_user.own(made)
    file = str(hive.directory / "copy.tar.gz")
    hive.tool("hive-backup", "--restore", file, "--dir", str(made))
    up: list[Word] = [ROOT / "bin/hive-up", "--dir", made, "--port", str(free_port())]
    up += ["--detach"]
    try:
        ordinary_user.run(up, {"ANTHROPIC_API_KEY": KEY}, seconds=180)
        with Database(str(made / "state/hive.sqlite"), read_only=True) as db:
            done = "SELECT count(*) = 3 FROM messages WHERE state = 'acked' AND sender = 'operator'"
            until(lambda: db.value(done), "all mail is done in the copy", 90)
            assert db.value("SELECT outcome FROM turns ORDER BY id LIMIT 1") == "lost"
            redelivered = db.all("SELECT id FROM messages WHERE deliveries > 0")
            assert redelivered == [(first,)]
            assert [
                row[0] for row in db.all("SELECT id FROM messages WHERE sender = 'operator'")
            ] == [first, *later]
        assert (made / "state/agents/alice/state/notes.md").read_text() == "what alice knows"
    finally:
        ordinary_user.run([ROOT / "bin/hive-down", "--dir", made], check=False)
