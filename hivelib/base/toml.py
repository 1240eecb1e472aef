"""Changes single keys of a settings file and leaves everything else in it, comments too, as its owner wrote it."""

import json
import re
import tomllib
from typing import Any

from hivelib.base.errors import Misuse

Value = str | int | float | bool


def changed(text: str, values: dict[str, Value], *, keep: bool) -> str:
    """Given the text of a TOML file and values by dotted key (`web.port`); gives back the new text.

    A key that is there already stays as it is with `keep`, else it gets the new value. Raises Misuse when the file
    is written in a way this does not understand (inline tables); then it is the owner's to change.
    """
    for key, value in values.items():
        present, now = _lookup(tomllib.loads(text), key)
        if (now == value and type(now) is type(value)) or (present and keep):
            continue
        text = _replaced(text, key, value) if present else _inserted(text, key, value)
        if _lookup(_parsed(text), key) != (True, value):
            raise Misuse(
                f"cannot set {key} in this file", f"write `{key} = {_literal(value)}` yourself"
            )
    return text


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _lookup(table: dict[str, Any], key: str) -> tuple[bool, Any]:
    found: Any = table
    for word in key.split("."):
        if not isinstance(found, dict) or word not in found:
            return False, None
        found = found[word]
    return True, found


def _literal(value: Value) -> str:
    # A JSON string is a TOML basic string too, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _section(lines: list[str], table: str) -> tuple[int, int] | None:
    """The lines of a table, without its header: from, to; None when it has no header of its own."""
    headers = [i for i, line in enumerate(lines) if re.match(r"\s*\[", line)]
    if not table:
        return 0, headers[0] if headers else len(lines)
    for place, start in enumerate(headers):
        if re.match(rf"\s*\[\s*{re.escape(table)}\s*\]", lines[start]):
            return start + 1, headers[place + 1] if place + 1 < len(headers) else len(lines)
    return None


def _replaced(text: str, key: str, value: Value) -> str:
    table, _, name = key.rpartition(".")
    lines = text.rstrip("\n").split("\n")
    start, end = _section(lines, table) or (0, 0)
    for i in range(start, end):
        if re.match(rf"\s*{re.escape(name)}\s*=", lines[i]):
            lines[i] = f"{name} = {_literal(value)}"
    return "\n".join(lines) + "\n"


def _inserted(text: str, key: str, value: Value) -> str:
    table, _, name = key.rpartition(".")
    lines = text.rstrip("\n").split("\n")
    section = _section(lines, table)
    if section is None:
        lines += ["", f"[{table}]", f"{name} = {_literal(value)}"]
    else:
        start, end = section
        # before blank lines and comments that belong to the next table, unless there is nothing else
        last = max((i for i in range(start, end) if _says_something(lines[i])), default=end - 1)
        at = last + 1
        lines.insert(at, f"{name} = {_literal(value)}")
    return "\n".join(lines) + "\n"


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")
