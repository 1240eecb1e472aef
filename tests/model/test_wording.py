"""What a model is told: all of it, in words that a body cannot imitate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivelib.model.records import Message
from hivelib.model.roles import system_prompt
from hivelib.model.settings import Operator
from hivelib.model.wording import wake_prompt

MARKER = "3f9c1d2e4b5a6978"
MESSAGE = Message(
    457,
    "operator",
    "alice",
    "look at the logs",
    "urgent",
    "claimed",
    1.0,
    None,
    None,
    88,
    0,
    0.0,
    None,
)


def prompt(message: Message = MESSAGE, waiting: int = 0) -> str:
    return wake_prompt(message, sent="THEN", now="NOW", waiting=waiting, marker=MARKER)


def test_who_when_what_and_how_much_more() -> None:
    text = prompt()
    assert "Message 457 from operator (sent THEN, urgent)." in text and "It is NOW." in text
    assert f"--- {MARKER}\nlook at the logs\n--- {MARKER}" in text
    assert "Nothing else waits." in text and "REDELIVERED" not in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"deliveries": 1}, "given this once before"),
        ({"deliveries": 3}, "given this 3 times before"),
        ({"in_reply_to": 12}, "in reply to message 12"),
        ({"broadcast_id": 450}, "to all"),
        ({"sender": "bob/cron"}, "written by bob/cron"),
    ],
)
def test_what_is_special_about_a_message_is_said(change: dict[str, object], words: str) -> None:
    assert words in prompt(MESSAGE._replace(**change))  # type: ignore[arg-type]


def test_how_many_more_wait_and_how_to_take_them() -> None:
    assert "1 more message waits" in prompt(waiting=1)
    assert "31 more messages wait" in prompt(waiting=31)
    assert "mcp__hyperhive__recv" in prompt(waiting=31)


@given(st.text())
def test_no_body_ends_before_its_marker(body: str) -> None:
    text = prompt(MESSAGE._replace(body=body))
    assert text.count(MARKER) == 3 + body.count(MARKER)
    assert text.split(f"--- {MARKER}\n", 1)[1].startswith(body)


@pytest.mark.parametrize(("role", "name"), [("agent", "alice"), ("manager", "manager")])
def test_every_role_knows_its_name_its_operator_and_its_box(role: str, name: str) -> None:
    text = system_prompt(name, role, Operator("Kim {x}", "they/them"), 4096)
    for words in (
        f"You are {name}",
        "Kim {x} (they/them)",
        "4096 bytes",
        "/state",
        "/shared",
        "451",
    ):
        assert words in text
    assert ("blast radius" in text) is (role == "manager")
    assert ("list_agents" in text) is (role == "manager")


def test_an_operator_without_a_name_is_the_operator() -> None:
    assert "person: the operator (she/her)" in " ".join(
        system_prompt("alice", "agent", Operator(), 4096).split()
    )
