"""What a change of agent.json means is said in words, and what opens a wall is said loudly."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hivelib.model.comparing import CARE, DANGER, NOTE, Meaning, meaning

SERVER = {"command": "npx", "args": ["-y", "two words"], "env": {"KEY": "s3cret"}}


def changed(old: Any, new: Any) -> Meaning:
    """The meaning of a change; None: no file."""
    return meaning(*(None if one is None else json.dumps(one) for one in (old, new)))


def all_words(found: Meaning) -> str:
    return "\n".join([*found.words, *(caution.words for caution in found.cautions)])


def severities(found: Meaning) -> set[str]:
    return {caution.severity for caution in found.cautions}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({}, {"model": "opus"}, "model: the hive's own → opus"),
        ({"model": "opus"}, {"model": "haiku"}, "model: opus → haiku"),
        (
            {"allowed_recipients": ["bob"]},
            {"allowed_recipients": ["bob", "eve"]},
            'recipients: adds "eve"',
        ),
        ({}, {"allowed_recipients": ["bob"]}, 'recipients: adds "bob"'),
        (
            {"bash_patterns": ["git *", "ls"]},
            {"bash_patterns": ["ls"]},
            'shell patterns: drops "git *"',
        ),
        ({}, {"egress": ["claude", "wiki.example"]}, 'egress: adds "wiki.example"'),
        ({"egress": ["claude", "a.example"]}, {}, 'egress: drops "a.example"'),
        ({}, {"egress": []}, "egress: closed"),
        ({"limits": {"memory": "4G"}}, {"limits": {"memory": "8G"}}, 'memory: "4G" → "8G"'),
        ({"budgets": {"usd": 3}}, {}, "the budget usd is gone"),
        ({"budgets": {"usd": 3}}, {"budgets": {"usd": 30}}, "budgets: usd: 3 → 30"),
        ({}, {"extra_mcp_servers": {"f": SERVER}}, "f: added, runs  npx -y 'two words'"),
        ({"extra_mcp_servers": {"f": SERVER}}, {}, "MCP server f: removed"),
        ({}, {"extra_mcp_servers": {"f": SERVER}}, "variable KEY added (value hidden)"),
        ({}, {"extra_mcp_servers": {"f": SERVER}}, 'tools that need no asking: "*"'),
        ({}, None, "there is no agent.json"),
        ({"model": "opus"}, {"model": "opus"}, "means the same as before"),
    ],
)
def test_each_change_is_said(old: Any, new: Any, said: str) -> None:
    assert said in all_words(changed(old, new))


@pytest.mark.parametrize(
    ("old", "new", "severity", "said"),
    [
        ({}, {"egress": ["*"]}, DANGER, "EVERYTHING on the internet"),
        ({}, {"egress": ["10.0.0.7:22"]}, CARE, "address 10.0.0.7"),
        ({}, {"egress": ["*.example.org"]}, CARE, "every host below example.org"),
        ({"allowed_recipients": ["bob"]}, {}, DANGER, "EVERYBODY"),
        ({"bash_patterns": ["ls"]}, {}, DANGER, "ALL of Bash"),
        ({"bash_patterns": ["ls"]}, {"bash_patterns": ["ls", ":*"]}, DANGER, "ALL of Bash"),
        (None, {}, NOTE, "ALL of Bash"),
        ({}, {"extra_mcp_servers": {"f": SERVER}}, CARE, "a new command will run"),
        (
            {"extra_mcp_servers": {"f": SERVER}},
            {"extra_mcp_servers": {"f": {**SERVER, "env": {"LD_PRELOAD": "/x"}}}},
            CARE,
            "sets LD_PRELOAD",
        ),
    ],
)
def test_what_opens_something_is_a_caution(old: Any, new: Any, severity: str, said: str) -> None:
    found = changed(old, new)
    assert [c for c in found.cautions if c.severity == severity and said in c.words], found


def test_what_was_open_before_is_not_cried_about_again() -> None:
    assert changed({"egress": ["*"]}, {"egress": ["*"], "model": "opus"}).cautions == ()
    assert changed({}, {"model": "opus"}).cautions == ()


def test_a_changed_command_shows_both_and_a_value_is_never_shown() -> None:
    new = {**SERVER, "args": ["-y", "other"], "env": {"KEY": "n3w"}, "allowedTools": ["read_*"]}
    found = all_words(
        changed({"extra_mcp_servers": {"f": SERVER}}, {"extra_mcp_servers": {"f": new}})
    )
    assert "f: runs  npx -y other" in found and "f: ran  npx -y 'two words'" in found
    assert "KEY: value changed (hidden)" in found and 'no asking: "read_*"' in found
    assert "s3cret" not in found and "n3w" not in found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ("[]", "must be an object"),
        ("[" * 5000, "no JSON"),
        ('{"modle": "x"}', "did you mean model"),
        ('{"bash_patterns": "ls"}', "bash_patterns"),
        ('{"egress": [], "egress": ["*"]}', "egress is there twice"),
        ('{"model": "\udcff"}', "not valid"),
        ("", "no JSON"),
    ],
)
def test_what_cannot_be_read_is_said_and_is_a_danger(text: str, said: str) -> None:
    found = meaning("{}", text)
    assert said in all_words(found) and severities(found) == {DANGER}
    assert "as it was is not valid" in all_words(meaning(text, '{"model": "opus"}'))


JSON = some.recursive(
    some.none() | some.booleans() | some.floats() | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner),
    max_leaves=8,
)
CONFIG = some.dictionaries(
    some.sampled_from(
        ["model", "egress", "bash_patterns", "extra_mcp_servers", "limits", "budgets", "x"]
    ),
    JSON,
)


@given(some.none() | some.text() | CONFIG.map(json.dumps), CONFIG.map(json.dumps) | some.text())
def test_whatever_the_texts_are_something_is_said(old: str | None, new: str) -> None:
    assert meaning(old, new).words


@given(CONFIG.map(json.dumps))
def test_what_stays_the_same_means_nothing(text: str) -> None:
    found = meaning(text, text)
    assert not found.cautions or severities(found) == {DANGER}
