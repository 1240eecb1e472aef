"""How claude is called; that the real one understands it is shown in tests/claude."""

import json

import pytest

from hivelib.host import claude
from hivelib.model.settings import Api, Claude, Settings

SESSION = "90ce87cc-bab0-48df-bb1a-77ee844d7064"


def listed(words: list[str], option: str) -> list[str]:
    """The values that follow an option, up to the next one."""
    rest = words[words.index(option) + 1 :]
    return rest[: next((i for i, word in enumerate(rest) if word.startswith("--")), len(rest))]


@pytest.mark.parametrize(("known", "option"), [(False, "--session-id"), (True, "--resume")])
def test_the_first_turn_names_the_session_and_later_ones_resume_it(
    known: bool, option: str
) -> None:
    words = claude.arguments("opus", claude.Session(SESSION, known))
    assert listed(words, option) == [SESSION]
    assert not {"--session-id", "--resume", "--continue"} - {option} & set(words)
    assert listed(words, "--model") == ["opus"]  # without it a resumed session changes its model


def test_an_agent_has_few_tools_and_none_past_the_broker() -> None:
    words = claude.arguments("sonnet", claude.Session(SESSION, False))
    assert listed(words, "--allowedTools")[-1] == "mcp__hyperhive__*"
    forbidden = listed(words, "--disallowedTools")
    assert {"mcp__hyperhive__inbox_hook", "SendMessage", "AskUserQuestion"} <= set(forbidden)
    assert not set(forbidden) & set(listed(words, "--tools")[0].split(","))
    assert "--strict-mcp-config" in words and "--dangerously-skip-permissions" not in words


def test_the_hooks_ask_for_urgent_mail_and_need_no_shell() -> None:
    made = claude.files(88, "You are alice.")
    assert made["system.md"] == "You are alice."
    for event in ("PostToolBatch", "Stop"):
        (hook,) = made["settings.json"]["hooks"][event][0]["hooks"]
        assert (hook["type"], hook["server"]) == ("mcp_tool", "hyperhive")
        assert (hook["tool"], hook["input"]) == ("inbox_hook", {"event": event})
    server = made["mcp.json"]["mcpServers"]["hyperhive"]
    assert server["args"] == ["/run/hive/mcp/mcp.sock", "88"] and server["alwaysLoad"] is True
    json.dumps(made)


def test_the_environment_follows_the_settings_and_holds_no_key() -> None:
    plain = claude.environment(Settings())
    assert plain["CLAUDE_CODE_MAX_RETRIES"] == "4"
    assert not [name for name in plain if name.startswith("ANTHROPIC") or "SEARCH" in name]
    chosen = Settings(
        api=Api("https://api.example", "/secret/key"),
        claude=Claude(max_retries=1, tool_search=True),
    )
    env = claude.environment(chosen)
    assert env["ANTHROPIC_BASE_URL"] == "http://api.hive"
    assert env["ENABLE_TOOL_SEARCH"] == "true" and env["CLAUDE_CODE_MAX_RETRIES"] == "1"
    assert "secret" not in json.dumps(env) and "example" not in json.dumps(env)


def test_what_is_said_to_claude_is_a_line_that_it_knows() -> None:
    said = claude.user_line("one\ntwo")
    assert said == {"type": "user", "message": {"role": "user", "content": "one\ntwo"}}
    assert claude.interrupt_line()["request"] == {"subtype": "interrupt"}
