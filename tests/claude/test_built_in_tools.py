"""claude's own tools in a real box: Bash runs, files are written and read, and a turn that hangs in Bash is stopped."""

import json
from collections.abc import Callable

import pytest

from tests.support.hive import LiveHive
from tests.support.script import Call, Rule, Say
from tests.support.waiting import until

FILE = "/state/notes"


@pytest.mark.timeout(240)
def test_bash_and_the_file_tools_work(live_hive: Callable[..., LiveHive]) -> None:
    steps = [
        Call("Bash", command=f"echo one > {FILE}; id -un; ls /shared"),
        Call("Read", file_path=FILE),
        Call("Edit", file_path=FILE, old_string="one", new_string="two"),
        Call("Write", file_path="/shared/list", content="for all\n"),
        Say("done"),
    ]
    hive = live_hive([Rule("use your tools", steps)])
    hive.tool("hive-spawn", "alice")
    hive.tool("hive-send", "alice", "use your tools")
    hive.until_acked(1)
    results = hive.model.requests[-1].results
    assert [(result.text, result.is_error) for result in results if result.is_error] == []
    assert results[0].text.strip() == "agent"
    paths = hive.hive.paths
    with open(f"{paths.agent_state('alice')}/notes", encoding="utf-8") as file:
        assert file.read() == "two\n"
    with open(f"{paths.state}/shared/list", encoding="utf-8") as file:
        assert file.read() == "for all\n"


@pytest.mark.timeout(240)
def test_a_turn_that_hangs_in_bash_is_interrupted(live_hive: Callable[..., LiveHive]) -> None:
    hangs = Call("Bash", command="echo $$ > /state/began; exec sleep 1000")
    hive = live_hive([Rule("take long", [hangs, Say("done")])], mail={"pause_first": 300.0})
    hive.tool("hive-spawn", "alice")
    hive.tool("hive-send", "alice", "take long")
    began = f"{hive.hive.paths.agent_state('alice')}/began"
    until(lambda: _text(began), "the command's begin", explain=hive.explain)
    assert any(words.startswith("sleep 1000") for words in hive.processes().values())

    assert hive.tool("hive-interrupt", "alice").stdout == "1\n"
    assert hive.until_value("SELECT outcome FROM turns WHERE ended_at > 0") == "cancelled"
    until(lambda: "sleep 1000" not in json.dumps(hive.processes()), "the command's end")
    assert hive.db.value("SELECT state || deliveries FROM messages WHERE id = 1") == "queued1"


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""
