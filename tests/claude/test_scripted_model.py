"""The stand-in is believed because the real CLI is content with it: plain answers, tools, faults, cuts."""

import json
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.claude_cli import VERSION
from tests.support.script import Call, Gate, Rule, Say, Step, overloaded, unauthorized
from tests.support.scripted_model import ScriptedModel

Lines = list[dict[str, Any]]
Ask = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def ask(claude: Path, tmp_path: Path) -> Ask:
    """Starts a turn of the real CLI with a prompt against a model."""

    def start(model: ScriptedModel, prompt: str, *more: str) -> subprocess.Popen[str]:
        (tmp_path / "home").mkdir(exist_ok=True)
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path / "home"),
            "ANTHROPIC_BASE_URL": model.url,
            "ANTHROPIC_API_KEY": "sk-scripted",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "2",
        }
        command = [str(claude), "--print", "--verbose", "--output-format", "stream-json"]
        return subprocess.Popen(
            [*command, "--model", "sonnet", *more, "--", prompt],
            env=environment,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )

    return start


def lines(process: subprocess.Popen[str]) -> Lines:
    out, _ = process.communicate(timeout=60)
    return [json.loads(line) for line in out.splitlines()]


def test_an_answer_and_the_version_that_got_it(ask: Ask) -> None:
    with ScriptedModel([Rule("hello", [Say("good day")])]) as model:
        said = lines(ask(model, "hello"))
    assert said[0]["claude_code_version"] == VERSION
    assert said[-1]["result"] == "good day"
    assert model.unmatched == []
    assert "Bash" in model.requests[0].tools


def test_a_tool_call_and_its_result(ask: Ask) -> None:
    steps: list[Step] = [
        Call("Bash", command="echo 6 times 7", description="reckon"),
        lambda seen: Say(seen.shown),
    ]
    with ScriptedModel([Rule("reckon", steps)]) as model:
        said = lines(ask(model, "reckon", "--allowedTools", "Bash"))
    assert "6 times 7" in said[-1]["result"]
    assert [result.tool for result in model.requests[1].results] == ["Bash"]


def test_faults_are_counted_and_then_over(ask: Ask) -> None:
    with ScriptedModel([Rule("go", [overloaded(times=1, then=Say("through"))])]) as model:
        said = lines(ask(model, "go"))
    assert said[-1]["result"] == "through"
    assert len(model.requests) == 2


def test_a_wrong_key_is_an_error_for_ever(ask: Ask) -> None:
    with ScriptedModel([Rule("go", [unauthorized()])]) as model:
        said = lines(ask(model, "go"))
    assert said[-1]["is_error"]
    assert said[-1]["api_error_status"] == 401


def test_a_cut_answer_is_asked_again_whole(ask: Ask) -> None:
    text = "a text that is longer than the forty characters of one piece"
    with ScriptedModel([Rule("go", [Say(text, cut=True)])]) as model:
        said = lines(ask(model, "go"))
    assert said[-1]["result"] == text
    assert [seen.body.get("stream", False) for seen in model.requests] == [True, False]


@pytest.mark.parametrize("midway", [False, True])
def test_a_gate_holds_an_answer_until_it_is_opened(ask: Ask, midway: bool) -> None:
    gate = Gate()
    with ScriptedModel([Rule("go", [Say("x" * 50, gate=gate, midway=midway)])]) as model:
        process = ask(model, "go")
        gate.reached()
        assert process.poll() is None
        gate.open()
        assert lines(process)[-1]["result"] == "x" * 50


def test_what_no_rule_knows_is_recorded(ask: Ask) -> None:
    with ScriptedModel([Rule("something else", [Say("no")])]) as model:
        said = lines(ask(model, "hello"))
    assert said[-1]["result"] == "(no rule knows this)"
    assert [seen.number for seen in model.unmatched] == [1]


def test_what_a_hook_adds_is_a_note_and_no_prompt(ask: Ask) -> None:
    said = {"hookEventName": "PostToolBatch", "additionalContext": "go: an urgent word"}
    command = f"echo '{json.dumps({'hookSpecificOutput': said})}'"
    hooks = {"PostToolBatch": [{"hooks": [{"type": "command", "command": command}]}]}
    steps: list[Step] = [Call("Bash", command="true", description="nothing"), Say("done")]
    with ScriptedModel([Rule("go", steps)]) as model:
        more = ["--allowedTools", "Bash", "--settings", json.dumps({"hooks": hooks})]
        assert lines(ask(model, "go", *more))[-1]["result"] == "done"
    assert [seen.step for seen in model.requests] == [0, 1]
    assert ["an urgent word" in seen.shown for seen in model.requests] == [False, True]
    assert "an urgent word" in model.requests[1].notes[-1]


def test_a_killed_turn_is_asked_anew_in_the_same_session(ask: Ask) -> None:
    session, gate = str(uuid.uuid4()), Gate()
    rules = [
        Rule(
            "first", [Call("Bash", command="true", description="nothing"), Say("never", gate=gate)]
        ),
        Rule("again", [Say("one"), Say("two")]),
    ]
    with ScriptedModel(rules) as model:
        killed = ask(model, "first", "--allowedTools", "Bash", "--session-id", session)
        gate.reached()
        killed.kill()
        killed.communicate()
        for _ in range(2):
            assert lines(ask(model, "again", "--resume", session))[-1]["result"] == "one"
    assert model.unmatched == []
    assert [seen.step for seen in model.requests] == [0, 1, 0, 0]
