"""What the tools that show say when there is little to show, and when nobody reads any more."""

import json
import os

import pytest

from tests.bin.conftest import Shell
from tests.bin.test_looking import write_transcript
from tests.support.residents import settle_in
from tests.support.waiting import until


@pytest.mark.parametrize("tool", ["hive-events", "hive-recv", "hive-transcript"])
def test_a_follower_ends_with_its_reader(shell: Shell, tool: str) -> None:
    """Also when nothing comes any more that it could fail to write."""
    words = ["alice"] if tool == "hive-transcript" else []
    following = shell.start(tool, *words, "--follow")
    until(lambda: any(True for _ in os.scandir(shell.hive.paths.bell)), "it listens")
    assert following.stdout
    following.stdout.close()
    assert following.wait(30) == 0


def test_what_is_not_there_is_said(shell: Shell) -> None:
    write_transcript(shell, "alice", 1, ["{}"])
    assert "no turn 7 of alice" in shell.run("hive-transcript", "alice", "--turn", "7").stderr
    assert "no events" in shell.run("hive-events", "--subject", "nobody").stderr
    assert "into quotes" in shell.run("hive-send", "alice", "hello", "bob", status=2).stderr
    assert "did you mean '--lane'?\n" in shell.run("hive-send", "--lan", "x", status=2).stderr


def test_a_prompt_is_shown_whole(shell: Shell) -> None:
    prompt = {
        "type": "user",
        "message": {"role": "user", "content": "You have mail.\n\nlook\x1b[2J"},
    }
    write_transcript(shell, "alice", 1, [json.dumps(prompt)])
    lines = shell.run("hive-transcript", "alice").stdout.splitlines()
    assert lines[1:] == ["> You have mail.", "> look\\x1b[2J"]


def test_an_agent_that_is_called_like_a_unit_has_logs_of_its_own(shell: Shell) -> None:
    settle_in(shell.hive, "hive-mcp")
    os.makedirs(shell.hive.paths.log, exist_ok=True)
    for unit in ("hive-turn@hive-mcp", "hive-mcp"):
        with open(f"{shell.hive.paths.log}/{unit}.log", "w") as log:
            log.write(f"of {unit}\n")
    assert "of hive-turn@hive-mcp" in shell.run("hive-logs", "hive-mcp").stdout
    assert "of hive-mcp\n" in shell.run("hive-logs", "hive-mcp.service").stdout
