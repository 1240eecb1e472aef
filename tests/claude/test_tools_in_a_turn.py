"""What the real CLI makes of hive-mcp's answers: what the model is shown, and that a restart of ours is not noticed."""

import json
import os
import signal
from collections.abc import Callable

import pytest

from tests.support.hive import LiveHive
from tests.support.script import Call, Gate, Rule, Say
from tests.support.waiting import until

TOOL = "mcp__hyperhive__"


@pytest.mark.timeout(240)
def test_urgent_mail_reaches_a_running_turn(live_hive: Callable[..., LiveHive]) -> None:
    """Once between two of its steps, and once as it is about to end."""
    working, ending = Gate(), Gate()
    rules = [
        Rule(
            "begin",
            [
                Say(calls=Call(TOOL + "whoami").calls, gate=working),
                Say("all done", gate=ending),
                Say("seen that too"),
            ],
        )
    ]
    hive = live_hive(rules)
    hive.tool("hive-spawn", "alice")
    hive.tool("hive-send", "alice", "begin")
    working.reached()
    hive.tool("hive-send", "alice", "now this")
    working.open()
    ending.reached()
    hive.tool("hive-send", "alice", "and that")
    ending.open()

    hive.until_acked(1, 2, 3)
    assert hive.db.all("SELECT outcome FROM turns") == [("ok",)], "all in one turn"
    assert hive.model.unmatched == []
    second, third = hive.model.requests[1:3]
    assert "> now this" in second.shown and "from operator" in second.shown
    assert "> now this" not in hive.model.requests[0].shown
    assert "> and that" in json.dumps(third.body)
    whoami = json.loads(second.results[0].text)
    assert whoami["name"] == "alice", "claude shows structured content rather than text"


@pytest.mark.timeout(240)
def test_a_recv_waits_through_a_restart_of_hive_mcp(live_hive: Callable[..., LiveHive]) -> None:
    rules = [
        Rule(
            "begin",
            [
                Call(TOOL + "recv", wait_seconds=120),
                Call(TOOL + "send", to="nobody", body="x"),
                Call(TOOL + "request_next_turn"),
                Say("done"),
            ],
        ),
        Rule("continue", [Say("went on")]),
    ]
    hive = live_hive(rules)
    hive.tool("hive-spawn", "alice")
    hive.tool("hive-send", "alice", "begin")
    bell = f"{hive.hive.paths.bell}/mail.alice"
    hive.until_value("SELECT count(*) FROM turns")
    until_listening(hive, bell)
    os.kill(hive.main_pid("hive-mcp.service"), signal.SIGKILL)
    hive.until_unit("hive-mcp.service", "active")
    hive.tool("hive-send", "alice", "what you waited for")

    hive.until_acked(1, 2)
    hive.until_value("SELECT count(*) = 2 FROM turns WHERE outcome = 'ok'")
    received, refused = (seen.results[-1] for seen in hive.model.requests[1:3])
    assert json.loads(received.text)["messages"][0]["body"] == "what you waited for"
    assert refused.is_error and "no agent is called ‘nobody’" in refused.text
    assert hive.model.requests[-1].prompt.count("continue"), "the turn it wished for"
    assert hive.db.value("SELECT sender FROM messages WHERE body = 'continue'") == "alice/self"
    assert hive.model.unmatched == []


@pytest.mark.timeout(240)
def test_the_manager_stops_and_starts_an_agent(live_hive: Callable[..., LiveHive]) -> None:
    """From inside hive-mcp's hardened unit, through the hive's own systemd."""
    rules = [
        Rule(
            "look after alice",
            [
                Call(TOOL + "kill", name="alice"),
                Call(TOOL + "list_agents"),
                Call(TOOL + "restart", name="alice"),
                Call(TOOL + "start", name="alice"),
                Call(TOOL + "get_logs", agent="alice", lines=5),
                Say("looked after"),
            ],
            agent="manager",
        ),
        Rule("restarted", [Say("hello again")]),
    ]
    hive = live_hive(rules)
    hive.tool("hive-spawn", "alice")
    hive.tool("hive-send", "manager", "look after alice")
    hive.until_acked(1)

    shown = [
        seen.results[-1] for seen in hive.model.requests if seen.step and "after" in seen.prompt
    ]
    assert [one.is_error for one in shown] == [False] * 5, shown
    killed, listed, restarted, started, logs = (json.loads(one.text) for one in shown)
    assert killed == {"agent": "alice", "already": False}
    states = {one["name"]: one["state"] for one in listed["agents"]}
    assert states == {"manager": "running", "alice": "stopped"}
    assert restarted == {"agent": "alice", "already": False}
    assert started == {"agent": "alice", "already": True}
    assert len(logs["lines"]) <= 5
    assert hive.unit("hive-agent@alice.target") == "active"


def until_listening(hive: LiveHive, bell: str) -> None:
    """Waits until somebody waits for mail."""
    until(lambda: os.path.isdir(bell) and os.listdir(bell), "recv listens", explain=hive.explain)
