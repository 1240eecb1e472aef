"""What the tools that show say when there is little to show, and when nobody reads any more."""

import json
import os

import pytest

from tests.bin.conftest import Shell, on_a_terminal
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


def test_a_raw_line_does_not_steer_a_terminal(shell: Shell) -> None:
    """Not even one that is JSON: that may hold what is no control character of ASCII."""
    lines = ["no JSON \x1b[2J", json.dumps({"type": "x", "y": "\x9b2J\u202e"}, ensure_ascii=False)]
    write_transcript(shell, "alice", 1, lines)
    assert shell.run("hive-transcript", "alice", "--raw").stdout.splitlines() == lines
    shown = on_a_terminal(shell, "hive-transcript", "alice", "--raw")
    assert all(char.isprintable() or char == "\n" for char in shown) and "\\x1b[2J" in shown
