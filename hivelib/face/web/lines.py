"""One line of a turn's stream as pieces that a person reads; pure. The line comes from a box: anything may be in it."""

import difflib
import json
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any, NamedTuple

from hivelib.base.text import shortened
from hivelib.face.transcript import blocks
from hivelib.model.records import Line

TEXT_MOST = 16_000
"""Characters of one piece beyond which it is cut; the whole is in the transcript."""
LINE_MOST = 64_000
"""Characters of all pieces of a line; what comes after them is only counted."""
_EDITS_MOST = 400
"""Lines of an edit that are compared and shown."""
_EDIT_MOST = 4000
"""Characters of one line of an edit."""
_TITLE = 160
_OPEN_MOST = 280
_TELLING = ("command", "file_path", "path", "pattern", "url", "query", "description", "prompt")


class Piece(NamedTuple):
    """What one part of a line says: `kind` is prompt, text, thinking, call, result, error, end or note; `text` lies in
    a fold under `title` when `folded`. `edits` are the lines that a call takes away and puts in, with their signs."""

    kind: str
    title: str
    text: str = ""
    folded: bool = False
    edits: tuple[str, ...] = ()


def pieces(line: Line) -> list[Piece]:
    """What to show of a line, in order; empty for what a person need not see."""
    try:
        return _few(_pieces(line))
    except RecursionError:  # it could be read, but not be written again: that nests a little deeper
        return [Piece("note", f"{line.kind}: nested too deeply", _cut(line.payload), True)]


def _few(found: Iterable[Piece]) -> list[Piece]:
    """As many of the pieces as a person can take in."""
    shown: list[Piece] = []
    size = left_out = 0
    for piece in found:
        size += len(piece.title) + len(piece.text) + sum(map(len, piece.edits)) + 100
        if size <= LINE_MOST:
            shown.append(piece)
        else:
            left_out += 1
    if left_out:
        shown.append(Piece("note", f"… {left_out} more pieces of this line in the transcript"))
    return shown


def _pieces(line: Line) -> list[Piece]:
    try:
        data = json.loads(line.payload)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        words = "a line too long to show" if not line.payload else "not JSON"
        return [Piece("note", f"{line.kind}: {words}", _cut(line.payload), bool(line.payload))]
    kind = data.get("type")
    if kind in ("assistant", "user"):
        return list(_said(data, kind))
    if kind == "result":
        return [_end(data)]
    if kind == "system" and data.get("subtype") == "init":
        return [Piece("note", f"session begins, model {shortened(str(data.get('model')), 40)}")]
    if kind == "stream_event":
        return []  # the same words come again as a whole
    subtype = data.get("subtype")
    title = shortened(f"{kind or line.kind} {subtype or ''}".strip(), _TITLE)
    return [Piece("note", title, _cut(_compact(data)), True)]


def _said(data: dict[str, Any], who: str) -> Iterator[Piece]:
    for block in blocks(data):
        kind = block.get("type")
        if kind == "text":
            yield Piece(
                "text" if who == "assistant" else "prompt",
                "",
                _cut(_text(block["text"])) if "text" in block else "",
            )
        elif kind == "thinking":
            yield Piece("thinking", "thinking", _cut(_text(block.get("thinking"))), True)
        elif kind == "tool_use":
            yield _call(block)
        elif kind == "tool_result":
            yield _result(block)
        else:
            yield Piece("note", shortened(str(kind), _TITLE), _cut(_compact(block)), True)


def _call(block: dict[str, Any]) -> Piece:
    name = _text(block.get("name")).removeprefix("mcp__hyperhive__")
    given = block.get("input")
    given = given if isinstance(given, dict) else {}
    if "to" in given and "body" in given:
        told = f"to {_text(given['to'])}: {_text(given['body'])}"
    else:
        told = next((_text(given[key]) for key in _TELLING if key in given), "")
    title = shortened(f"{name} {told or _compact(given)}", _TITLE)
    if edits := _edits(given):
        return Piece("call", title, "", True, edits)
    whole = "\n".join(f"{key}: {_text(value)}" for key, value in given.items())
    return Piece("call", title, _cut(whole), bool(whole))


def _edits(given: dict[str, Any]) -> tuple[str, ...]:
    """What claude's Edit and MultiEdit change, as a diff; empty for any other call."""
    several = given.get("edits")
    edits = several if isinstance(several, list) else [given]
    lines: list[str] = []
    for edit in edits:
        if not isinstance(edit, dict):
            return ()
        old, new = edit.get("old_string"), edit.get("new_string")
        if not isinstance(old, str) or not isinstance(new, str):
            return ()
        lines += _changed(old.splitlines(), new.splitlines())
    lines = [line if len(line) <= _EDIT_MOST else line[:_EDIT_MOST] + "…" for line in lines]
    fit = sum(upto <= TEXT_MOST * 2 for upto in accumulate(map(len, lines[:_EDITS_MOST])))
    more = len(lines) - fit
    return tuple(lines) if more <= 0 else (*lines[:fit], f"@@ {more} more lines @@")


def _changed(old: list[str], new: list[str]) -> list[str]:
    if max(len(old), len(new)) > _EDITS_MOST:  # comparing takes time that grows with the square
        return [*(f"-{line}" for line in old), *(f"+{line}" for line in new)]
    return list(difflib.unified_diff(old, new, n=2, lineterm=""))[3:]


def _result(block: dict[str, Any]) -> Piece:
    content = block.get("content")
    parts = content if isinstance(content, list) else [content]
    text = "\n".join(
        _text(part.get("text", part.get("type"))) if isinstance(part, dict) else _text(part)
        for part in parts
    ).strip()
    kind = "error" if block.get("is_error") else "result"
    if len(text) <= _OPEN_MOST and text.count("\n") < 4:
        return Piece(kind, "", text or "(nothing)")
    lines = text.count("\n") + 1
    first = shortened(text.split("\n", 1)[0], 100)
    return Piece(kind, f"{first} ({lines} lines, {len(text)} characters)", _cut(text), True)


def _end(data: dict[str, Any]) -> Piece:
    if data.get("is_error"):
        said = _text(data.get("result") or data.get("terminal_reason") or data.get("subtype"))
        return Piece("error", "", f"ended with an error: {_cut(said)}")
    milliseconds, cost = _figure(data.get("duration_ms")), _figure(data.get("total_cost_usd"))
    span = "" if milliseconds is None else f" in {milliseconds / 1000:.1f} s"
    money = "" if cost is None else f", ${cost:.4f}"
    return Piece("end", f"claude ended{span}{money}")


def _figure(value: Any) -> float | None:
    """A number that a person can take in; a box may have written 10**400."""
    return float(value) if isinstance(value, int | float) and abs(value) < 1e12 else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else _compact(value)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _cut(text: str) -> str:
    more = len(text) - TEXT_MOST
    return text if more <= 0 else f"{text[:TEXT_MOST]}\n… {more} more characters in the transcript"
