"""A transcript's line as a person reads it, whatever a box wrote."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hivelib.face.transcript import shown
from hivelib.face.web.lines import TEXT_MOST, Piece, pieces
from hivelib.model.records import Line


def line(data: Any, kind: str = "x") -> Line:
    return Line(1, 1, 0.0, kind, data if isinstance(data, str) else json.dumps(data))


def said(who: str, *blocks: dict[str, Any]) -> list[Piece]:
    return pieces(line({"type": who, "message": {"content": list(blocks)}}))


def test_each_kind_has_its_short_form() -> None:
    assert said("assistant", {"type": "text", "text": "hello"}) == [Piece("text", "", "hello")]
    assert said("user", {"type": "text", "text": "do"}) == [Piece("prompt", "", "do")]
    call = {"type": "tool_use", "name": "Bash", "input": {"command": "ls\n-l"}}
    assert said("assistant", call) == [Piece("call", "Bash ls\\n-l", "command: ls\n-l", True)]
    mail = {
        "type": "tool_use",
        "name": "mcp__hyperhive__send",
        "input": {"to": "bob", "body": "hi"},
    }
    assert said("assistant", mail)[0].title == "send to bob: hi"
    short = {"type": "tool_result", "content": [{"type": "text", "text": "ok"}]}
    assert said("user", short) == [Piece("result", "", "ok")]
    failed = {"type": "tool_result", "content": "no", "is_error": True}
    assert said("user", failed) == [Piece("error", "", "no")]
    assert pieces(line({"type": "stream_event"})) == []


def test_long_results_are_folded_and_cut() -> None:
    [piece] = said("user", {"type": "tool_result", "content": "first\n" + "x" * 50_000})
    assert piece.folded and piece.title.startswith("first (2 lines, 50006 characters)")
    assert len(piece.text) < TEXT_MOST + 60 and piece.text.endswith("in the transcript")


def test_an_edit_is_shown_as_what_it_changes() -> None:
    change = {"file_path": "/a.py", "old_string": "a\nb\nc", "new_string": "a\nB\nc"}
    [piece] = said("assistant", {"type": "tool_use", "name": "Edit", "input": change})
    assert (piece.title, piece.edits) == ("Edit /a.py", (" a", "-b", "+B", " c"))
    several = {"file_path": "/a.py", "edits": [change, change]}
    [piece] = said("assistant", {"type": "tool_use", "name": "MultiEdit", "input": several})
    assert len(piece.edits) == 8
    long = {"old_string": "x\n" * 50_000, "new_string": "y\n" * 50_000}
    [piece] = said("assistant", {"type": "tool_use", "name": "Edit", "input": long})
    assert len(piece.edits) == 401 and piece.edits[-1] == "@@ 99600 more lines @@"
    odd = {"edits": [change, 3]}
    [piece] = said("assistant", {"type": "tool_use", "name": "Edit", "input": odd})
    assert piece.edits == () and piece.text


@pytest.mark.parametrize("text", ["", "no JSON", "[" * 100_000, "[1]", "null", "\0", '{"type":'])
def test_a_line_that_is_no_object_is_a_note(text: str) -> None:
    assert [piece.kind for piece in pieces(line(text))] == ["note"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
block = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "thinking", "tool_use", "tool_result"]) | json_values},
    optional=dict.fromkeys(("text", "thinking", "name", "input", "content"), json_values),
)


@example("assistant", {"content": 5}, None, "")
@example("system", {}, 5, "init")
@given(
    st.sampled_from(["assistant", "user", "result", "system", "rate_limit_event"]) | json_values,
    st.fixed_dictionaries({}, optional={"content": st.lists(block | json_values) | json_values})
    | json_values,
    json_values,
    st.just("init") | json_values,
)
def test_no_line_breaks_the_page_or_the_tool(
    kind: Any, message: Any, more: Any, subtype: Any
) -> None:
    names = ("is_error", "result", "duration_ms", "total_cost_usd", "model", "mcp_servers")
    data = {"type": kind, "subtype": subtype, "message": message, **dict.fromkeys(names, more)}
    assert "\x1b" not in shown(line(data), first=True)
    for piece in pieces(line(data)):
        assert isinstance(piece.title, str) and isinstance(piece.text, str)
