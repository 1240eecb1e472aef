"""hive-claude's merge, as the pure function that it is, and its --check."""

import importlib.machinery
import json
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.source import ROOT

TOOL = ROOT / "bin/hive-claude"


def loaded() -> ModuleType:
    """The tool as a module; no bytecode is left beside it."""
    loader = importlib.machinery.SourceFileLoader("hive_claude", str(TOOL))
    module = ModuleType("hive_claude")
    exec(loader.source_to_code(TOOL.read_bytes(), str(TOOL)), module.__dict__)
    return module


tool = loaded()
ARGS = ["--print", "--allowedTools", "Bash", "Read", "mcp__hyperhive__*", "--verbose"]
OURS = {"mcpServers": {"hyperhive": {"command": "/opt/hive/hive-mcp-pump"}}}


def test_without_settings_nothing_changes() -> None:
    assert tool.merged(ARGS, OURS, {}) == (ARGS, OURS)


def test_a_server_brings_all_its_tools_unless_it_says_which() -> None:
    servers = {
        "a": {"command": "x"},
        "b": {"command": "y", "env": {"K": "v"}, "allowedTools": ["t"]},
    }
    args, config = tool.merged(ARGS, OURS, {"extra_mcp_servers": servers})
    assert args == [*ARGS[:-1], "mcp__a__*", "mcp__b__t", "--verbose"]
    assert config["mcpServers"] == {
        "a": {"command": "x", "args": [], "env": {}},
        "b": {"command": "y", "args": [], "env": {"K": "v"}},
        **OURS["mcpServers"],
    }


def test_patterns_take_the_place_of_bash_wherever_it_stands() -> None:
    args, _ = tool.merged(ARGS, OURS, {"bash_patterns": ["git log:*", "ls"]})
    assert args == ["--print", "--allowedTools", "Bash(git log:*)", "Bash(ls)", *ARGS[3:]]


def test_arguments_without_a_list_of_tools_get_none() -> None:
    agent = {"extra_mcp_servers": {"a": {"command": "x"}}, "bash_patterns": ["ls"]}
    assert tool.merged(["--print"], {}, agent)[0] == ["--print"]


def test_a_server_of_the_box_never_takes_the_hosts_place() -> None:
    agent = {"extra_mcp_servers": {"other": {"command": "mine"}}}
    _, config = tool.merged([], {"mcpServers": {"other": {"command": "host"}}}, agent)
    assert config["mcpServers"]["other"] == {"command": "host"}


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        ([], "an object"),
        ({"extra_mcp_servers": []}, "an object"),
        ({"extra_mcp_servers": {"hyperhive": {"command": "x"}}}, "'hyperhive' is not allowed"),
        ({"extra_mcp_servers": {"a__b": {"command": "x"}}}, "not allowed"),
        ({"extra_mcp_servers": {"a b": {"command": "x"}}}, "not allowed"),
        ({"extra_mcp_servers": {"": {"command": "x"}}}, "not allowed"),
        ({"extra_mcp_servers": {"a": {}}}, "a.command"),
        ({"extra_mcp_servers": {"a": {"command": ""}}}, "a.command"),
        ({"extra_mcp_servers": {"a": {"command": "x", "url": "y"}}}, "a has command, args"),
        ({"extra_mcp_servers": {"a": {"command": "x", "args": "-v"}}}, "a.args"),
        ({"extra_mcp_servers": {"a": {"command": "x", "env": {"A": 1}}}}, "a.env"),
        ({"extra_mcp_servers": {"a": {"command": "x", "allowedTools": [1]}}}, "a.allowedTools"),
        ({"bash_patterns": "ls"}, "bash_patterns"),
        ({"bash_patterns": [None]}, "bash_patterns"),
    ],
)
def test_settings_of_a_wrong_shape_are_named(agent: Any, reason: str) -> None:
    with pytest.raises(tool.Bad) as caught:
        tool.merged(ARGS, OURS, agent)
    assert reason in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
)


@given(
    st.dictionaries(st.sampled_from(["extra_mcp_servers", "bash_patterns", "model"]), JSON) | JSON
)
def test_whatever_the_settings_are_they_are_merged_or_refused(agent: Any) -> None:
    try:
        args, config = tool.merged(ARGS, OURS, agent)
    except tool.Bad as problem:
        reason = str(problem)
    else:
        reason = ""
    if reason:
        assert "\n" not in reason
        return
    assert config["mcpServers"]["hyperhive"] == OURS["mcpServers"]["hyperhive"]
    assert args[:2] == ARGS[:2] and args[-1] == ARGS[-1]


def test_check_prints_what_would_be_run(tmp_path: Path) -> None:
    settings = tmp_path / "agent.json"
    settings.write_text('{"extra_mcp_servers": {"a": {"command": "x"}}, "bash_patterns": ["ls"]}')
    done = subprocess.run([TOOL, "--check", settings], capture_output=True, text=True, check=True)
    shown = json.loads(done.stdout)
    assert (
        shown["argv"][-2:] == ["Bash(ls)", "mcp__a__*"] and "a" in shown["mcp.json"]["mcpServers"]
    )


@pytest.mark.parametrize("text", [None, "{", "[]", '{"bash_patterns": 1}'])
def test_check_refuses_in_one_line(tmp_path: Path, text: str | None) -> None:
    settings = tmp_path / "agent.json"
    if text is not None:
        settings.write_text(text)
    done = subprocess.run([TOOL, "--check", settings], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("hive-claude: ") and len(done.stderr.splitlines()) == 1
