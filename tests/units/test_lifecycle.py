"""Agents come, stop, start and go, with real units; rows, events and files tell the same story."""

import json
import os
import signal
from collections.abc import Iterator

import pytest

from hivelib.base import slots
from hivelib.base.db import Database
from hivelib.model import wording
from tests.support.people import Word
from tests.support.raising import Upped
from tests.support.source import ROOT
from tests.support.waiting import until


@pytest.fixture
def db(hive: Upped) -> Iterator[Database]:
    """Its database, to look at."""
    with Database(f"{hive.directory}/state/hive.sqlite", read_only=True) as opened:
        yield opened


def kinds(db: Database, name: str) -> list[str]:
    """The kinds of an agent's events, oldest first, but for turns and jobs."""
    sql = (
        "SELECT kind FROM events WHERE subject = ? AND kind NOT LIKE 'turn%' AND kind NOT LIKE 'job%'"
        " ORDER BY seq"
    )
    return [row[0] for row in db.all(sql, name)]


def told(db: Database) -> list[dict[str, str]]:
    """What the manager was told by the hive itself, oldest first."""
    sql = "SELECT body FROM messages WHERE sender = 'system' AND recipient = 'manager' AND body LIKE '{%'"
    return [json.loads(body) for (body,) in db.all(f"{sql} ORDER BY id")]


def restarts(db: Database, name: str) -> int:
    """How often an agent was told that it was restarted."""
    sql = "SELECT count(*) FROM messages WHERE recipient = ? AND body = ?"
    return int(db.value(sql, name, wording.RESTARTED))


def test_an_agent_comes_stops_starts_and_goes(hive: Upped, db: Database) -> None:
    hive.tool("hive-spawn", "alice")
    assert hive.systemctl("is-active", "hive-agent@alice.target") == "active"
    assert kinds(db, "alice") == ["agent_added", "started", "spawned"]
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
    waits = int(hive.tool("hive-send", "alice", "waits for you"))
    assert db.value("SELECT state FROM agents WHERE name = 'alice'") == "stopped"

    hive.tool("hive-destroy", "alice")
    assert db.value("SELECT state FROM agents WHERE name = 'alice'") == "destroyed"
    assert db.value("SELECT state FROM messages WHERE id = ?", waits) == "dead"
    assert kinds(db, "alice")[-3:] == ["destroyed", "died", "tombstones_changed"]
    assert (files / "state/notes").exists()

    hive.tool("hive-spawn", "alice")
    row = db.one("SELECT state, incarnation FROM agents WHERE name = 'alice'")
    assert row == ("running", db.value("SELECT value + 0 FROM facts WHERE name = 'incarnations'"))
    assert row[1] > first
    assert not (files / "state/notes").exists()
    aside = hive.directory / f"state/agents/.alice.{first}"
    assert (aside / "state/notes").read_text() == "remember"


REFUSED = {
    ("hive-spawn", "operator"): "reserved",
    ("hive-spawn", "Alice"): "lower-case",
    ("hive-spawn", "../x"): "lower-case",
    ("hive-start", "managr"): "did you mean manager?",
    ("hive-restart", "managr"): "did you mean manager?",
    ("hive-destroy", "manager"): "cannot be destroyed",
    ("hive-purge", "manager"): "manager lives",
    ("hive-revive", "nobody"): "no tombstone",
}


def test_what_must_not_be_is_refused_and_changes_nothing(hive: Upped, db: Database) -> None:
    before = db.value("SELECT max(seq) FROM events")
    for words, reason in REFUSED.items():
        assert reason in hive.tool(*words, check=False), words
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


def test_a_tombstone_is_shown_revived_and_purged(hive: Upped, db: Database) -> None:
    hive.tool("hive-spawn", "alice")
    hive.tool("hive-stop", "alice")
    first = db.value("SELECT incarnation FROM agents WHERE name = 'alice'")
    files = hive.directory / "state/agents/alice"
    (files / "state/notes").write_bytes(b"x" * 3_000_000)
    (files / "claude/.credentials.json").write_text("{}")
    dead = int(hive.tool("hive-send", "alice", "too late"))
    assert "alice lives" in hive.tool("hive-purge", "alice", check=False)
    assert hive.tool("hive-revive", "alice").strip() == "already"
    hive.tool("hive-destroy", "alice")
    assert hive.tool("hive-destroy", "alice").strip() == "already"
    assert told(db) == [
        {"event": "killed", "agent": "alice", "by": "operator"},
        {"event": "destroyed", "agent": "alice", "by": "operator"},
    ]

    (row,) = hive.rows("hive-tombstones")
    assert 3_000_000 < row["bytes"] < 4_000_000
    assert (row["name"], row["login"], row["incarnation"]) == ("alice", True, first)
    assert "2.9 MiB" in hive.tool("hive-tombstones") and "has a login" in hive.tool(
        "hive-tombstones"
    )

    hive.tool("hive-revive", "alice")
    row = db.one("SELECT state, incarnation FROM agents WHERE name = 'alice'")
    assert row == ("running", first)
    assert (files / "state/notes").exists()
    assert hive.systemctl("is-active", "hive-agent@alice.target") == "active"
    assert db.value("SELECT state FROM messages WHERE id = ?", dead) == "dead"
    assert restarts(db, "alice") == 1
    assert hive.rows("hive-tombstones") == []

    hive.tool("hive-destroy", "alice")
    aside = hive.directory / f"state/agents/.alice.{first - 1}"  # as of an alice before her
    aside.mkdir()
    hive.person.own(aside)
    (files / "state/shut").mkdir()
    (files / "state/shut/file").touch()
    hive.person.own(files / "state/shut")
    (files / "state/shut").chmod(0)
    (files / "state/outside").symlink_to(hive.directory / "state/README")
    assert hive.tool("hive-purge", "alice").startswith("alice is gone, and ")
    assert db.one("SELECT * FROM agents WHERE name = 'alice'") is None
    assert not files.exists() and not aside.exists()
    assert (hive.directory / "state/README").exists()
    assert kinds(db, "alice")[-2:] == ["agent_removed", "tombstones_changed"]
    assert "no tombstone" in hive.tool("hive-purge", "alice", check=False)


def test_a_restart_is_told_to_the_agent_alone(hive: Upped, db: Database) -> None:
    hive.tool("hive-spawn", "alice")
    before = hive.systemctl(
        "show", "-p", "ActiveEnterTimestampMonotonic", "hive-agent@alice.target"
    )
    assert hive.tool("hive-restart", "alice").strip() == "alice restarted"
    after = hive.systemctl("show", "-p", "ActiveEnterTimestampMonotonic", "hive-agent@alice.target")
    assert before != after
    assert kinds(db, "alice")[3:] == ["killed", "started", "sent"]
    assert (told(db), restarts(db, "alice")) == ([], 1)
    hive.tool("hive-restart", "alice")
    hive.tool("hive-stop", "alice")
    assert hive.tool("hive-start", "alice").strip() == "alice started"
    assert hive.tool("hive-start", "alice").strip() == "already"
    waiting = "SELECT count(*) FROM messages WHERE recipient = 'alice' AND state = 'queued'"
    assert db.value(waiting) <= 1, "one notice is enough"
    hive.tool("hive-restart", "manager")
    hive.tool("hive-stop", "manager")
    assert [one["agent"] for one in told(db)] == ["alice"], "a manager is not told of itself"


def test_what_is_being_done_is_shown_and_done_though_nobody_waits(
    hive: Upped, db: Database
) -> None:
    hive.tool("hive-spawn", "alice")
    hive.tool("hive-start", "alice")
    with slots.locked(f"{hive.directory}/run/hyperhive/slots/alice.lifecycle"):
        tool = hive.person.start([ROOT / "bin/hive-stop", "alice"], hive.environment)
        until(lambda: db.value("SELECT 1 FROM jobs WHERE state = 'running'"), "its job has begun")
        shown = {row["name"]: row["transient"] for row in hive.rows("hive-agents")}
        assert shown == {"manager": None, "alice": "stopping"}
        assert "stopping" in hive.tool("hive-agents")
        (status,) = hive.rows("hive-status")
        (job,) = status["jobs"]
        assert (job["kind"], job["agent"], job["by"]) == ("stop", "alice", "operator")
        assert status["pending"] == 0
        assert "lifecycle" not in hive.tool("hive-status", "manager")
        tool.kill()
        tool.wait()
        assert db.value("SELECT state FROM agents WHERE name = 'alice'") == "running"
        os.kill(hive.main_pid("hive-lifecycle.service"), signal.SIGKILL)
    until(lambda: db.value("SELECT 1 FROM agents WHERE state = 'stopped'"), "another worker did it")
    until(lambda: not hive.rows("hive-status")[0]["jobs"], "and is done")
    assert kinds(db, "alice").count("killed") == 1
    assert [one["event"] for one in told(db)] == ["killed"]


def test_a_hive_that_is_down_says_so_at_once(hive: Upped, db: Database) -> None:
    hive.tool("hive-spawn", "alice")
    hive.down()
    for tool in ("hive-stop", "hive-start", "hive-restart", "hive-destroy", "hive-rebuild"):
        argv: list[Word] = [ROOT / "bin" / tool, "alice"]
        done = hive.person.run(argv, hive.environment, check=False, seconds=10)
        assert done.returncode == 75 and "the hive is down" in done.stderr
    assert "did you mean alice?" in hive.tool("hive-stop", "alic", check=False)
    assert db.value("SELECT count(*) FROM jobs WHERE ended_at IS NULL") == 0
