"""hive-reminder as a unit: what it says of itself, what its confinement lets it do, and that it comes back."""

import os

from tests.conftest import RaiseHive
from tests.support.hive import LiveHive
from tests.support.waiting import until

UNIT = "hive-reminder.service"


def shown(hive: LiveHive, what: str) -> str:
    return hive.systemctl("show", UNIT, f"--property={what}", "--value").strip()


def says(hive: LiveHive, words: str) -> None:
    until(
        lambda: words in shown(hive, "StatusText"), words, explain=lambda: shown(hive, "StatusText")
    )


def test_hive_reminder_waits_delivers_and_comes_back(live_hive: RaiseHive) -> None:
    hive = live_hive([])
    hive.tool("hive-stop", "manager")  # its inbox is looked at, not taken
    says(hive, "nothing is due")
    assert shown(hive, "WatchdogUSec") == "10min"
    assert int(shown(hive, "WatchdogTimestampMonotonic")) > 0
    later = hive.tool("hive-remind", "manager", "2030-01-01T00:00Z", "far away").stdout.strip()
    says(hive, f"waits for reminder {later} at 2030-01-01T00:00:00Z")
    hive.tool("hive-remind", "manager", "now", "x" * 5000)
    sql = "SELECT body FROM messages WHERE sender = 'reminder'"
    body = hive.until_value(sql)
    path = f"{hive.hive.paths.agent_state('manager')}/reminders/2.md"
    assert "/state/reminders/2.md is what" in body and os.path.getsize(path) == 5000
    before = hive.main_pid(UNIT)
    os.kill(before, 9)
    hive.until_unit(UNIT, "active")
    until(lambda: hive.main_pid(UNIT) not in (0, before), "it was started again")
    hive.tool("hive-remind", "manager", "in 1 s", "soon")
    hive.until_value(f"{sql} AND body LIKE '%soon'")
    [left] = hive.rows("hive-reminders")
    assert (str(left["id"]), left["state"], left["owner"]) == (later, "pending", "manager")
    assert [hive.tool("hive-reminders", verb, later).stdout for verb in ("cancel", "cancel")] == [
        f"{later} is cancelled\n",
        "already\n",
    ]
    says(hive, "nothing is due")
