"""The demo's stand-in for claude: the stream it writes, and the tools it calls through a real MCP pipe."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hivelib.flow.raising import QUESTION
from tests.support.source import ROOT

SERVER = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    open(sys.argv[1], "a").write(line)
    if asked["method"] == "tools/list":
        result = {"tools": [{"name": "send"}, {"name": "recv"}]}
    elif asked["method"] == "tools/call":
        result = {"content": [{"type": "text", "text": "sent, number 7"}], "isError": False}
    else:
        result = {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {}}
    if "id" in asked:
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""


def play(where: Path, name: str, prompt: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """One turn of the agent `name`, whose host name a box would have: the stream, and what was sent (to, body)."""
    (where / "server.py").write_text(SERVER)
    (where / "asked").write_text("")
    server = {"command": sys.executable, "args": [f"{where}/server.py", f"{where}/asked"]}
    (where / "mcp.json").write_text(json.dumps({"mcpServers": {"hyperhive": server}}))
    box = ["bwrap", "--unshare-user", "--unshare-uts", "--hostname", name, "--dev-bind", "/", "/"]
    argv = [
        *box,
        str(ROOT / "bin/hive-demo-claude"),
        "--print",
        "--mcp-config",
        f"{where}/mcp.json",
    ]
    line = json.dumps({"type": "user", "message": {"role": "user", "content": prompt}})
    done = subprocess.run(
        argv, input=line + "\n", capture_output=True, text=True, check=True, timeout=60
    )
    asked = [json.loads(line) for line in (where / "asked").read_text().splitlines()]
    calls = [request["params"] for request in asked if request["method"] == "tools/call"]
    assert [call["name"] for call in calls] in ([], ["send"])
    return [json.loads(line) for line in done.stdout.splitlines()], (
        calls[0]["arguments"] if calls else {}
    )


def test_the_scene_goes_round(tmp_path: Path) -> None:
    stream, sent = play(tmp_path, "alice", f"from operator: Please ask bob: {QUESTION}")
    kinds = [line["type"] for line in stream]
    assert kinds == ["system", "assistant", "assistant", "user", "assistant", "result"]
    assert stream[0]["mcp_servers"] == [{"name": "hyperhive", "status": "connected"}]
    assert stream[0]["tools"] == ["mcp__hyperhive__send", "mcp__hyperhive__recv"]
    assert (stream[-1]["is_error"], stream[-1]["terminal_reason"]) == (False, "completed")
    assert sent["to"] == "bob"

    _, sent = play(tmp_path, "bob", f"from alice: {sent['body']}")
    assert sent["to"] == "alice"
    largest = max(Path("/usr/bin").iterdir(), key=lambda path: path.lstat().st_size)
    assert largest.name in sent["body"]

    _, sent = play(tmp_path, "alice", f"from bob: {sent['body']}")
    assert sent["to"] == "operator"
    assert largest.name in sent["body"]


@pytest.mark.parametrize("prompt", ["from system: you were restarted", "from bob: hello there"])
def test_nobody_is_answered_but_the_operator(tmp_path: Path, prompt: str) -> None:
    stream, sent = play(tmp_path, "alice", prompt)
    assert (sent, stream[-1]["type"]) == ({}, "result")


def test_the_operator_learns_that_no_model_is_called(tmp_path: Path) -> None:
    _, sent = play(tmp_path, "bob", "from operator: hello, who are you?")
    assert sent["to"] == "operator"
    assert "no model read your message" in sent["body"]
