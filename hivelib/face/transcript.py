"""A line of claude's stream as people read it. Every line may be hostile: parsed strictly, shown safely, cut short."""

import json
import sys
from collections.abc import Iterator
from typing import Any

from hivelib.base import clock
from hivelib.base.text import shortened, visible
from hivelib.face.tables import indented
from hivelib.model.records import Line

_WIDE = 160
_MAIN = ("command", "file_path", "pattern", "path", "url", "to", "query", "prompt", "description")
"""The argument of a tool call that says most, first come first shown."""


def shown(line: Line, *, first: bool) -> str:
    """A transcript's line as text, empty when it is of no interest; `first` puts the turn's number above it."""
    try:
        data = json.loads(line.payload)
        texts = list(_said(data)) if isinstance(data, dict) else [_note(line)]
    except (ValueError, RecursionError, OverflowError):  # no JSON, too deep, a number too large
        texts = [_note(line)]
    head = [f"── turn {line.turn}, {clock.local(line.at)} ──"] if first else []
    return "\n".join(head + [text for text in texts if text])


def as_it_came(line: Line) -> str:
    """A line as it came, but for what would steer a terminal when it goes to one."""
    return visible(line.payload, one_line=True) if sys.stdout.isatty() else line.payload


def _note(line: Line) -> str:
    return f"{shortened(line.kind, 20)}: {shortened(line.payload, _WIDE)}"


def _said(data: dict[str, Any]) -> Iterator[str]:
    kind = data.get("type")
    if kind == "assistant":
        yield from map(_of_claude, blocks(data))
    elif kind == "user":
        yield from map(_to_claude, blocks(data))
    elif kind == "result":
        yield _result(data)
    elif kind == "system":
        yield _system(data)
    elif kind == "rate_limit_event":
        yield f"! rate limit: {_short(data.get('rate_limit_info'))}"


def blocks(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The content of a message of the stream: what was said, thought, called and answered; words alone are a text."""
    message = data.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    return [block for block in _list(content) if isinstance(block, dict)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _of_claude(block: dict[str, Any]) -> str:
    if block.get("type") == "text":
        return indented(str(block.get("text", ""))).strip("\n")
    if block.get("type") == "tool_use":
        return f"→ {_short(block.get('name'))}  {_short(_main_argument(block.get('input')))}"
    if block.get("type") == "thinking":
        return f"~ {_short(block.get('thinking'))}"
    return ""


def _main_argument(given: Any) -> Any:
    if isinstance(given, dict):
        for name in _MAIN:
            if isinstance(given.get(name), str):
                return given[name]
    return given


def _to_claude(block: dict[str, Any]) -> str:
    if block.get("type") == "text":
        return _prompt(str(block.get("text", "")))
    if block.get("type") != "tool_result":
        return ""
    content = block.get("content")
    if isinstance(content, list):
        content = "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return f"{'✗' if block.get('is_error') else '←'} {_folded(content)}"


def _prompt(text: str) -> str:
    """What claude was told, whole, for that is where mail is read; `>` before each line that says something."""
    lines = visible(text).split("\n")
    return "\n".join(f"> {line}" for line in lines if line.strip())


def _folded(text: Any) -> str:
    """The first line that says something, and how many more there are."""
    lines = [line for line in str("" if text is None else text).splitlines() if line.strip()]
    more = f"  (+{len(lines) - 1} lines)" if len(lines) > 1 else ""
    return f"{_short(lines[0].strip() if lines else '')}{more}"


def _result(data: dict[str, Any]) -> str:
    facts = [
        "failed" if data.get("is_error") else "done",
        _short(data.get("terminal_reason") or data.get("subtype")),
        _figure(data.get("num_turns"), "{:.0f} steps"),
        _figure(data.get("duration_ms"), "{:.1f} s", 1000),
        _figure(data.get("total_cost_usd"), "{:.4f} USD"),
    ]
    said = f": {_folded(data['result'])}" if data.get("is_error") and data.get("result") else ""
    return f"= {', '.join(filter(None, facts))}{said}"


def _figure(value: Any, form: str, divided_by: float = 1) -> str:
    return form.format(value / divided_by) if isinstance(value, int | float) else ""


def _system(data: dict[str, Any]) -> str:
    kind = data.get("subtype")
    if kind == "init":
        servers = [
            f"{_short(server.get('name'))} {_short(server.get('status'))}"
            for server in _list(data.get("mcp_servers"))
            if isinstance(server, dict)
        ]
        return f"* {_short(data.get('model'))}, session {_short(data.get('session_id'))}, {'; '.join(servers)}"
    if kind == "api_retry":
        return f"! tries again: {_short(data.get('error'))}"
    if kind == "compact_boundary":
        return "* the session was compacted"
    return ""


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value) if value is not None else ""
    return shortened(text, _WIDE)
