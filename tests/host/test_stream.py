"""What claude's lines come to: every row of the facts' table, and anything at all that a box may say."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivelib.host.stream import KEPT_MOST, RESET_MOST, Reading, Verdict
from hivelib.model.states import OUTCOMES

NOW = 1795330000.0
RESULT = {"type": "result", "subtype": "success", "is_error": False, "api_error_status": None}
SAID = {"type": "assistant", "message": {"model": "claude-sonnet-5", "content": []}}


def made_up(error: str, words: str = "words") -> dict[str, Any]:
    """A line that claude writes in the model's place."""
    message = {"model": "<synthetic>", "content": [{"type": "text", "text": words}]}
    return {"type": "assistant", "message": message, "error": error}


def failed(
    status: int | None = None, reason: str = "completed", words: str = "why"
) -> dict[str, Any]:
    """A result line that tells of an error."""
    told = {
        "is_error": True,
        "api_error_status": status,
        "terminal_reason": reason,
        "result": words,
    }
    return {**RESULT, **told}


def reading(*lines: dict[str, Any]) -> Reading:
    """A run that has said these lines."""
    made = Reading()
    for line in lines:
        made.take(json.dumps(line))
    return made


def verdict(*lines: dict[str, Any]) -> Verdict:
    """How a run with these lines ended."""
    found = reading(*lines).verdict(NOW)
    assert found
    return found


LIMIT = {
    "type": "rate_limit_event",
    "rate_limit_info": {"status": "rejected", "resetsAt": NOW + 3600, "rateLimitType": "five_hour"},
}
TABLE = [
    ("ok", [SAID, RESULT], "ok", None, False),
    ("compacted", [{"type": "system", "subtype": "compact_boundary"}, RESULT], "ok", None, False),
    ("prompt too long", [made_up("invalid_request"), failed(400, "prompt_too_long")], "prompt_too_long", None, False),
    ("refused locally", [{**RESULT, "terminal_reason": "blocking_limit"}], "prompt_too_long", None, False),
    ("429", [made_up("rate_limit"), failed(429)], "rate_limited", None, True),
    ("429 of a subscription", [LIMIT, made_up("rate_limit"), failed(429)], "rate_limited", NOW + 3600, True),
    ("overloaded", [made_up("server_error"), failed(None)], "failed", None, True),
    ("overloaded after words", [SAID, made_up("server_error"), failed(None)], "failed", None, False),
    ("529", [made_up("overloaded"), failed(529)], "failed", None, True),
    ("500", [made_up("server_error"), failed(500)], "failed", None, False),
    ("401 with a key", [made_up("authentication_failed"), failed(401)], "auth_failed", None, True),
    ("no login", [made_up("authentication_failed"), failed(None)], "auth_failed", None, True),
    ("organisation", [made_up("oauth_org_not_allowed"), failed(403)], "auth_failed", None, True),
    ("connection refused", [made_up("server_error"), failed(None)], "failed", None, True),
    ("retries", [{"type": "system", "subtype": "api_retry", "error": "rate_limit"}, SAID, RESULT], "ok", None, False),
    ("no such model", [made_up("model_not_found"), failed(404)], "failed", None, False),
    ("no credit", [made_up("billing_error"), failed(400)], "rate_limited", None, True),
    ("egress refused", [made_up("unknown"), failed(451)], "failed", None, False),
    ("max turns", [{**RESULT, "is_error": True, "subtype": "error_max_turns", "errors": ["e"]}], "failed", None, False),
    ("interrupted in a tool", [SAID, failed(None, "aborted_tools")], "cancelled", None, False),
    ("interrupted in text", [SAID, failed(None, "aborted_streaming")], "cancelled", None, False),
    ("allowed", [{"type": "rate_limit_event", "rate_limit_info": {"status": "allowed"}}, RESULT], "ok", None, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "kind", "reset", "unseen"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_every_way_a_run_can_end(
    lines: list[dict[str, Any]], kind: str, reset: float | None, unseen: bool
) -> None:
    found = verdict(*lines)
    assert (found.kind, found.reset) == (kind, reset)
    assert found.unseen is (unseen and kind == "failed")


def test_without_a_result_there_is_no_verdict() -> None:
    assert reading(SAID, made_up("rate_limit")).verdict(NOW) is None


@pytest.mark.parametrize(
    "words", ["rate_limit 429", "authentication_failed", "Prompt is too long", "aborted_tools"]
)
def test_words_are_no_errors(words: str) -> None:
    message = {"model": "claude-sonnet-5", "content": [{"type": "text", "text": words}]}
    said = {"type": "assistant", "message": message}
    assert verdict(said, {**RESULT, "result": words}).kind == "ok"
    user = {"type": "user", "message": {"content": words}, "error": "rate_limit"}
    assert verdict(user, failed(500, words=words)).kind == "failed"


@pytest.mark.parametrize("reset", [NOW - 1, NOW, NOW + RESET_MOST + 1, "soon", None, True, 10**400])
def test_a_reset_that_cannot_be_is_not_believed(reset: Any) -> None:
    limit = {
        "type": "rate_limit_event",
        "rate_limit_info": {"status": "rejected", "resetsAt": reset},
    }
    assert verdict(limit, made_up("rate_limit"), failed(429)).reset is None


def test_an_error_that_claude_got_over_does_not_count() -> None:
    assert verdict(made_up("rate_limit"), SAID, failed(500)).kind == "failed"


def test_the_first_result_decides_and_the_last_one_counts_the_cost() -> None:
    first = {**RESULT, "total_cost_usd": 0.25}
    run = reading(SAID, first, {**failed(401), "total_cost_usd": 0.5})
    found = run.verdict(NOW)
    assert found and found.kind == "ok"
    assert run.figures()["cost_usd"] == 0.5


def test_a_server_that_did_not_come_up_is_seen_at_once() -> None:
    for status, without in (("connected", False), ("pending", False), ("failed", True)):
        servers = [{"name": "hyperhive", "status": status}]
        run = reading({"type": "system", "subtype": "init", "mcp_servers": servers})
        assert run.without_tools is without


def test_a_session_that_is_gone_or_taken_is_told_from_other_trouble() -> None:
    gone = "No conversation found with session ID: 90ce87cc"
    assert reading({**failed(), "errors": [gone]}).session_gone()
    taken, other = Reading(), Reading()
    taken.take_error("Error: Session ID 90ce87cc is already in use.")
    other.take_error("Error: no space left on device")
    assert taken.session_gone() and not other.session_gone()
    assert not reading(SAID, {**failed(), "errors": [gone]}).session_gone()


def test_what_is_kept_of_a_line_is_one_line_of_json() -> None:
    run = Reading()
    assert run.take('{"type":\n "user"}') == ("user", '{"type":  "user"}')
    assert run.take("no json")[0] == "text"
    kind, kept = run.take(json.dumps({"type": "user", "x": "y" * KEPT_MOST}))
    assert kind == "user" and json.loads(kept)["type"] == "cut"
    kind, kept = run.take("[" * 3 * KEPT_MOST)
    assert kind == "text" and len(kept) < KEPT_MOST + 100
    assert run.take('{"type": "UPPER; drop"}')[0] == "unknown"


def test_no_number_of_tools_makes_the_row_long() -> None:
    blocks = [{"type": "tool_use", "name": f"tool{i}" * 50} for i in range(1000)]
    run = reading({"type": "assistant", "message": {"model": "m", "content": blocks}})
    assert len(run.figures()["tools"]) < 64 * 120


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = [
    "type",
    "subtype",
    "is_error",
    "api_error_status",
    "terminal_reason",
    "result",
    "errors",
    "usage",
    "modelUsage",
    "message",
    "error",
    "model",
    "content",
    "name",
    "rate_limit_info",
    "status",
    "resetsAt",
    "mcp_servers",
    "total_cost_usd",
    "parent_tool_use_id",
]
KNOWN = [
    "result",
    "assistant",
    "system",
    "rate_limit_event",
    "init",
    "success",
    "rejected",
    "tool_use",
    "rate_limit",
]
LIKELY = st.recursive(
    JSON | st.sampled_from(KNOWN),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=8)
    ),
    max_leaves=20,
)


@given(st.lists(LIKELY.map(json.dumps) | st.text(), max_size=6))
def test_nothing_that_a_box_says_raises_or_gives_more_than_sane_columns(lines: list[str]) -> None:
    run = Reading()
    for line in [*lines, json.dumps(RESULT)]:
        kind, kept = run.take(line)
        assert len(kind) <= 32 and "\n" not in kept
    found = run.verdict(NOW)
    assert found and found.kind in OUTCOMES and len(found.note) <= 200 and found.note.isprintable()
    for name, value in run.figures().items():
        assert name == "tools" or 0 <= value <= 3 * 2**53
    assert isinstance(run.session_gone(), bool) and len(run.trouble()) <= 200
