"""Reminders on the page: set as hive-remind sets them, shown, taken back, tried again."""

from urllib.parse import urlencode

import pytest

from hivelib.base import clock
from hivelib.flow import reminding
from hivelib.flow.opening import Hive
from tests.support.browser import Browser
from tests.support.residents import settle_in


@pytest.fixture
def hive(private_state: Hive) -> Hive:
    """Alice runs."""
    settle_in(private_state, "manager", "alice")
    return private_state


def test_one_is_set_shown_and_taken_back(inside: Browser, hive: Hive) -> None:
    said = {"name": "alice", "when": "2030-01-01T09:00Z", "message": "look <b>again</b>"}
    assert inside.ask("POST", "/api/reminders", urlencode(said)).status == 303
    shown = inside.ask("GET", "/system").text
    assert "look &lt;b&gt;again&lt;/b&gt;" in shown
    assert "look &lt;b&gt;again&lt;/b&gt;" in inside.ask("GET", "/agent/alice").text
    [one] = inside.ask("GET", "/api/reminders").json["reminders"]
    assert (one["owner"], one["state"]) == ("alice", "pending")
    path = f"/api/reminders/{one['id']}/cancel"
    assert [inside.ask("POST", path, {}).json["already"] for _ in range(2)] == [False, True]
    assert "None is to come" in inside.ask("GET", "/system").text


def test_one_that_recurs_needs_no_time(inside: Browser, hive: Hive) -> None:
    said = {"name": "alice", "every": "1h", "message": "each hour"}
    made = inside.ask("POST", "/api/reminders", said).json
    assert 3500 < made["due_at"] - clock.now() < 3700
    assert reminding.get(hive, made["id"]).every == 3600.0


@pytest.mark.parametrize(
    "said",
    [
        {"name": "alice", "message": "when?"},
        {"name": "alice", "message": "when?", "when": "nonsense at noon"},
        {"name": "nobody", "message": "x", "when": "2099-01-01"},
        {"name": "alice", "message": "", "when": "2099-01-01"},
        {"name": "alice", "message": ["a", "b"], "when": "2099-01-01"},
        {"name": "alice", "message": "x", "calendar": "--help"},
    ],
)
def test_what_cannot_be_set_is_refused_in_words(
    inside: Browser, hive: Hive, said: dict[str, object]
) -> None:
    answer = inside.ask("POST", "/api/reminders", said)
    assert answer.status in (400, 409) and answer.json["error"]
    assert reminding.listed(hive) == []
