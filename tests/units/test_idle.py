"""An idle hive, counted: what runs, how often it wakes, what it costs; and what ends its rest."""

import pytest

from tests.conftest import RaiseHive
from tests.support import idling, verdict
from tests.support.campaign import kill_a_sender
from tests.support.script import Rule, Say

IDLE = {"mcp_seconds": 1.0, "egress_seconds": 1.0}
SECONDS = 120.0


@pytest.mark.timeout(400)
def test_an_idle_hive_is_broker_and_page_until_the_broker_finds_what_nobody_rang_for(
    live_hive: RaiseHive,
) -> None:
    hive = live_hive([Rule("work", [Say("done")], endless=True)], idle=IDLE)
    hive.tool("hive-spawn", "alice")
    hive.until_acked(int(hive.tool("hive-send", "alice", "work").stdout))
    verdict.is_idle(hive)
    asked = len(hive.model.requests)
    found = idling.idled(hive, SECONDS)
    print(found)
    assert found.faults() == []
    assert len(hive.model.requests) == asked, "no model is called"

    unrung = kill_a_sender(hive, ["alice", "work once more"])
    assert hive.db.value("SELECT state FROM messages WHERE id = ?", unrung) == "queued"
    hive.until_acked(unrung, seconds=75)  # it looks once a minute
    assert hive.db.value("SELECT count(*) FROM turns") == 2
