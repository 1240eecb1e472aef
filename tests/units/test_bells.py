"""Rung, restarted: no ring of a bell is lost. What runs while nothing rings is in test_idle.py."""

from collections.abc import Callable

import pytest

from tests.support import ringing, verdict
from tests.support.hive import LiveHive
from tests.support.script import Gate, Rule, Say


@pytest.mark.timeout(240)
def test_a_byte_rung_while_the_turn_exits_is_not_lost(live_hive: Callable[..., LiveHive]) -> None:
    ringing.lose_none(live_hive([], turns={"per_hour": 1000}), 457, 50)


@pytest.mark.timeout(240)
def test_a_restart_in_mid_turn_loses_nothing(live_hive: Callable[..., LiveHive]) -> None:
    gate = Gate()
    rules = [
        Rule("hard work", [Say("I begin", gate=gate), Say("done")]),
        Rule("more", [Say("yes")]),
    ]
    hive = live_hive(rules, mail={"pause_first": 0.1})
    hive.tool("hive-spawn", "alice")
    hive.tool("hive-send", "alice", "hard work")
    gate.reached()
    hive.tool("hive-send", "alice", "more", "--lane", "normal")

    hive.tool("hive-down", "--dir", str(hive.directory))
    assert hive.processes() == {}
    # Which of the two ends was first to be told: hive-turn, then it says so; the box, then it is missed.
    (stopped,) = hive.db.one("SELECT outcome FROM turns") or ("",)
    assert stopped in ("cancelled", "lost")
    states = "SELECT state, claimed_by FROM messages ORDER BY id"
    assert hive.db.all(states) == [("queued", None)] * 2
    gate.open()
    hive.tool(
        "hive-send", "alice", "more of it", "--lane", "normal"
    )  # a hive that is down takes mail
    hive.tool("hive-up", "--dir", str(hive.directory), "--detach", seconds=120)

    hive.until_acked(1, 2, 3)
    outcomes = [outcome for (outcome,) in hive.db.all("SELECT outcome FROM turns ORDER BY id")]
    assert outcomes == [stopped, "ok", "ok", "ok"]
    assert hive.model.seen("hard work")[-1].number > 1
    acked = [number for one in verdict.payloads(hive, "acked") for number in one["ids"]]
    assert sorted(acked) == [1, 2, 3]
