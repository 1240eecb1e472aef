"""Idle, rung, restarted: what runs in a hive that has nothing to do, and that no ring of a bell is lost for long."""

import urllib.request
from collections.abc import Callable

import pytest

from tests.support import quick_claude, verdict
from tests.support.campaign import kill_a_sender
from tests.support.hive import LiveHive
from tests.support.people import Word
from tests.support.script import Gate, Rule, Say
from tests.support.source import ROOT
from tests.support.waiting import until

IDLE = {"mcp_seconds": 1.0, "egress_seconds": 1.0}
STAYING = ("bin/hive-broker", "bin/hive-dashboard")
RINGS = """
import random, sys, time
from hivelib.base import bell
from hivelib.flow import mailing
from hivelib.flow.opening import open_hive
hive, order = open_hive(), random.Random(int(sys.argv[1]))
for number in range(int(sys.argv[2])):
    with bell.Listener(hive.paths.bell, "events") as listener:
        sent = mailing.send(hive, mailing.SHELL, "alice", f"ring {number}").id
        while hive.db.value("SELECT state FROM messages WHERE id = ?", sent) != "acked":
            if not listener.wait(20):
                sys.exit(f"nobody took message {sent}")
    time.sleep(0.1 ** (1 + 3 * order.random()))  # from the turn's end until well after its process's: 0.1 to 100 ms
print(number + 1)
"""


@pytest.mark.timeout(240)
def test_a_byte_rung_while_the_turn_exits_is_not_lost(live_hive: Callable[..., LiveHive]) -> None:
    """With no broker to make up for it: what nobody takes stays where it is."""
    hive = live_hive([], turns={"per_hour": 1000})
    quick_claude.use(hive.directory, hive.person.user)
    hive.tool("hive-spawn", "alice")
    hive.systemctl("stop", "hive-broker.service")
    argv: list[Word] = [ROOT / ".venv/bin/python3", "-c", RINGS, "457", "50"]
    done = hive.person.run(argv, hive.environment, seconds=200, check=False)
    assert (done.stdout, done.stderr) == ("50\n", ""), hive.explain()
    assert hive.db.value("SELECT count(*) FROM turns WHERE outcome = 'ok'") == 50
    hive.until_unit("hive-turn@alice.service", "inactive")
    assert hive.unit("hive-turn@alice.socket") == "active"


@pytest.mark.timeout(240)
def test_an_idle_hive_is_broker_and_page_until_the_broker_finds_what_nobody_rang_for(
    live_hive: Callable[..., LiveHive],
) -> None:
    hive = live_hive([Rule("work", [Say("done")], endless=True)], idle=IDLE)
    hive.tool("hive-spawn", "alice")
    hive.until_acked(int(hive.tool("hive-send", "alice", "work").stdout))
    port = hive.hive.settings.web.port
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/login", timeout=20) as answer:
        assert answer.status == 200

    unrung = kill_a_sender(hive, ["alice", "work once more"])
    until(lambda: not verdict.left_over(hive), "an idle hive", 30, hive.explain)
    lines = list(hive.processes().values())
    assert [any(line.endswith(name) for line in lines) for name in STAYING] == [True, True]
    assert hive.db.value("SELECT state FROM messages WHERE id = ?", unrung) == "queued"

    hive.until_acked(unrung, seconds=75)  # it looks once a minute
    assert hive.db.value("SELECT count(*) FROM turns") == 2


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
