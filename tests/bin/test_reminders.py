"""hive-remind and hive-reminders as a person uses them."""

import json
import time

import pytest

from hivelib.flow import firing, reminding
from hivelib.host.moments import timestamp
from hivelib.store import reminders
from tests.bin.conftest import Shell

DAY = 86400.0


def test_one_is_set_listed_and_taken_back(shell: Shell) -> None:
    done = shell.run("hive-remind", "alice", "2030-01-01T00:00:00+00:00", "\x1b[2Jtea")
    assert done.stdout == "1\n" and done.stderr.startswith("hive-remind: due ")
    listed = shell.run("hive-reminders").stdout
    assert "alice" in listed and "pending" in listed and "\\x1b[2Jtea" in listed
    [row] = map(json.loads, shell.run("hive-reminders", "--json").stdout.splitlines())
    assert (row["due_at"], row["state"], row["created_by"]) == (1893456000.0, "pending", "operator")
    assert shell.run("hive-reminders", "retry", "1").stdout == "already\n"
    assert shell.run("hive-reminders", "cancel", "1").stdout == "1 is cancelled\n"
    assert shell.run("hive-reminders", "cancel", "1").stdout == "already\n"
    assert "no reminder waits" in shell.run("hive-reminders").stderr
    assert "cancelled" in shell.run("hive-reminders", "--all").stdout
    assert "cancelled" in shell.run("hive-reminders", "retry", "1", status=1).stderr


def test_a_long_one_comes_by_stdin_and_one_that_failed_is_tried_again(shell: Shell) -> None:
    row = shell.run("hive-remind", "alice", "now", "-", "--json", stdin=b"x" * 65536 + b"\n").stdout
    assert json.loads(row)["owner"] == "alice"
    assert shell.run("hive-remind", "alice", "now", "-", stdin=b"x" * 65538, status=1).stdout == ""
    with shell.hive.db.write() as db:
        reminders.change(db, 1, state="failed", error="a link is in the way")
    assert "failed (a link is in the way)" in shell.run("hive-reminders").stdout
    assert shell.run("hive-reminders", "retry", "1").stdout == "1 is pending\n"
    assert firing.next_due(shell.hive) == reminding.get(shell.hive, 1).due_at


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("in 20 min", 1200),
        ("IN 1h 30min", 5400),
        ("+90s", 90),
        ("now", 0),
        ("20 min ago", -1200),
    ],
)
def test_moments_from_now(words: str, seconds: float) -> None:
    assert timestamp(words) == pytest.approx(time.time() + seconds, abs=30)


def test_moments_of_the_clock_are_local_unless_they_say_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        at = 1796095800.0  # 2026-12-01 09:00 there
        local = ("2026-12-01T09:00", "2026-12-01 09:00", "2026-12-01 09:00:00.0")
        there = ("2026-12-01T03:30Z", "2026-12-01T03:30:00+00:00", "@1796095800")
        assert [timestamp(words) for words in local + there] == [at] * 6
        assert timestamp("2026-12-01") == at - 9 * 3600
        today, tomorrow = timestamp("today 09:00"), timestamp("Tomorrow  09:00")
        assert tomorrow - today == DAY and (today - at) % DAY == 0
        assert timestamp("09:00") == today and abs(today - time.time()) <= DAY
    finally:
        monkeypatch.undo()
        time.tzset()
