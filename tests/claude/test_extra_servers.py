"""An agent's own MCP servers: their tools reach the model, also where claude defers tools until a search."""

import json
from collections.abc import Callable

import pytest

from tests.support.hive import LiveHive
from tests.support.script import Call, Rule, Say

SERVER = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if asked["method"] == "initialize":
        result = {"protocolVersion": asked["params"]["protocolVersion"], "capabilities": {"tools": {}},
                  "serverInfo": {"name": "echo", "version": "1"}}
    elif asked["method"] == "tools/list":
        schema = {"type": "object", "properties": {"words": {"type": "string"}}}
        result = {"tools": [{"name": "shout", "description": "shouts", "inputSchema": schema}]}
    elif asked["method"] == "tools/call":
        text = asked["params"]["arguments"]["words"].upper()
        result = {"content": [{"type": "text", "text": text}]}
    else:
        continue
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""
AGENT = {"extra_mcp_servers": {"echo": {"command": "/usr/bin/python3", "args": ["-c", SERVER]}}}
SHOUT = Call("mcp__echo__shout", words="hear me")


@pytest.mark.parametrize("tool_search", [False, True])
def test_the_tools_of_an_agents_own_server_can_be_called(
    live_hive: Callable[..., LiveHive], tool_search: bool
) -> None:
    search = [Call("ToolSearch", query="select:mcp__echo__shout")] if tool_search else []
    rules = [Rule("please shout", [*search, SHOUT, Say("shouted")])]
    hive = live_hive(rules, claude={"tool_search": tool_search})
    hive.tool("hive-spawn", "alice", "--config", "-", stdin=json.dumps(AGENT))

    hive.until_acked(int(hive.tool("hive-send", "alice", "please shout").stdout))

    first, last = hive.model.requests[0], hive.model.requests[-1]
    assert ("mcp__echo__shout" in first.tools) is not tool_search
    assert ("ToolSearch" in first.tools) is tool_search
    assert "mcp__hyperhive__send" in first.tools
    assert (last.results[-1].text, last.results[-1].is_error) == ("HEAR ME", False)
    assert hive.model.unmatched == []
