"""What the manager sees and does."""

import pytest

from tests.support.mcp_rig import McpRig


def test_the_manager_sees_all_agents(rig: McpRig) -> None:
    box = rig.box("manager")
    turn = rig.begin("bob")
    rig.post("bob", "x")
    found = box.call("list_agents")["structuredContent"]["agents"]
    assert [one["name"] for one in found] == ["manager", "alice", "bob"]
    assert (found[2]["turn"], found[2]["queued"], found[2]["parked"]) == (turn.id, 1, None)


@pytest.mark.parametrize("verb", ["start", "kill", "restart", "update"])
def test_the_manager_may_not_stop_itself_or_nobody(rig: McpRig, verb: str) -> None:
    box = rig.box("manager")
    assert "yourself" in box.call(verb, {"name": "manager"})["content"][0]["text"]
    refused = box.call(verb, {"name": "bobb"})["content"][0]["text"]
    assert "bobb" in refused and "bob?" in refused


def test_an_agent_has_no_tool_of_the_manager(rig: McpRig) -> None:
    result = rig.box("alice").call("kill", {"name": "bob"})
    assert result["isError"] and "no tool" in result["content"][0]["text"]


def test_logs_are_read_from_where_the_units_write(rig: McpRig) -> None:
    log = rig.where / "log" / "hive-turn@bob.log"
    log.write_text("".join(f"line {n}\n" for n in range(80)) + "evil \x1b[2J\n")
    box = rig.box("manager")
    lines = box.call("get_logs", {"agent": "bob", "lines": 3})["structuredContent"]["lines"]
    assert [line.split(": ", 1)[1] for line in lines] == ["line 78", "line 79", "evil \\x1b[2J"]
    assert len(box.call("get_logs", {"agent": "bob"})["structuredContent"]["lines"]) == 50
    assert box.call("get_logs", {"agent": "../etc"})["isError"]
