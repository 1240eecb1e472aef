"""Rows of questions. One that cannot be decoded is a Broken, and never keeps another from being read.

Every column is read with its type, and text as bytes: sqlite keeps any type in any column, and Python gives up a whole
query over one text that is no UTF-8.
"""

import json
from collections.abc import Callable
from typing import Any

from hivelib.base.db import Database, Row
from hivelib.model.records import Broken, Question

_COLUMNS = Question._fields
_SELECT = "SELECT " + ", ".join(
    f"typeof({name}), CASE typeof({name}) WHEN 'text' THEN CAST({name} AS BLOB) ELSE {name} END"
    for name in _COLUMNS
)
# For the order of id sqlite would rather read the whole table than sort the few that are open.
_OPEN = "questions INDEXED BY questions_open WHERE state = 'open'"
_LATEST = 253402300800.0  # the year 10000: no clock shows it
_RECENT = 1000  # questions among which those of the last minute are looked for


def add(db: Database, question: Question) -> int:
    """Adds an open question; gives back its id, whatever `question.id` was."""
    values = question._replace(options=json.dumps(question.options))[1:]  # type: ignore[arg-type]
    names, marks = ", ".join(_COLUMNS[1:]), ", ".join("?" * len(values))
    cursor = db.execute(f"INSERT INTO questions({names}) VALUES({marks})", values)
    return int(cursor.lastrowid or 0)


def get(db: Database, number: int) -> Question | Broken | None:
    """The question with that id."""
    row = db.one(f"{_SELECT} FROM questions WHERE id = ?", number)
    return _decoded(row) if row else None


def unsettled(db: Database, name: str | None = None) -> list[Question | Broken]:
    """The open questions, oldest first: all, or those that `name` asked or was asked."""
    rows = db.all(
        f"{_SELECT} FROM {_OPEN} AND (?1 IS NULL OR ?1 IN (asker, target)) ORDER BY id",
        name,
    )
    return [_decoded(row) for row in rows]


def latest(db: Database, limit: int) -> list[Question | Broken]:
    """The newest questions, over or not, oldest of them first."""
    rows = db.all(f"{_SELECT} FROM questions ORDER BY id DESC LIMIT ?", limit)
    return [_decoded(row) for row in reversed(rows)]


def count_open(db: Database, asker: str | None = None, target: str | None = None) -> int:
    """How many questions are open: all, or those of an asker, or to a target."""
    sql = (
        f"SELECT count(*) FROM {_OPEN}"
        " AND (?1 IS NULL OR asker = ?1) AND (?2 IS NULL OR target = ?2)"
    )
    return int(db.value(sql, asker, target))


def settle(db: Database, number: int, state: str, answer: str, answerer: str, now: float) -> bool:
    """Ends an open question, as answered, cancelled or expired; False when it was not open (any more)."""
    cursor = db.execute(
        "UPDATE questions SET state = ?, answer = ?, answerer = ?, answered_at = ? WHERE id = ? AND state = 'open'",
        (state, answer, answerer, now, number),
    )
    return cursor.rowcount > 0


def overdue(db: Database, now: float, limit: int) -> list[Question | Broken]:
    """Open questions whose time is over, the oldest deadline first."""
    # Text and blobs are greater than any number: a deadline that is none is never over.
    rows = db.all(
        f"{_SELECT} FROM questions WHERE state = 'open' AND deadline_at IS NOT NULL AND deadline_at <= ?"
        " ORDER BY deadline_at LIMIT ?",
        now,
        limit,
    )
    return [_decoded(row) for row in rows]


def next_deadline(db: Database) -> float | None:
    """When the next open question expires."""
    when = db.value(
        "SELECT min(deadline_at) FROM questions WHERE state = 'open' AND deadline_at IS NOT NULL AND deadline_at < ?",
        _LATEST,
    )
    return None if when is None else float(when)


def asked_between(db: Database, one: str, other: str, since: float, now: float) -> list[float]:
    """When these two asked each other something after `since`."""
    rows = db.all(
        "SELECT asked_at FROM (SELECT asker, target, asked_at FROM questions ORDER BY id DESC LIMIT ?)"
        " WHERE ((asker = ?2 AND target = ?3) OR (asker = ?3 AND target = ?2)) AND asked_at > ?4 AND asked_at <= ?5",
        _RECENT,
        one,
        other,
        since,
        now,
    )
    return [float(row[0]) for row in rows]


def _decoded(row: Row) -> Question | Broken:
    cells = dict(zip(_COLUMNS, zip(row[::2], row[1::2], strict=True), strict=True))
    try:
        return Question(*(_READ[name](name, *cells[name]) for name in _COLUMNS))
    except ValueError as error:
        raw = json.dumps({name: _shown(*cell) for name, cell in cells.items()})
        return Broken(int(row[1]), raw, str(error))


def _shown(kind: str, value: Any) -> Any:
    """A cell as JSON has it."""
    if kind == "text":
        return value.decode(errors="backslashreplace")
    if kind == "blob":
        return f"x'{value.hex()}'"
    return str(value) if kind == "real" and not abs(value) < float("inf") else value


def _text(name: str, kind: str, value: Any) -> str:
    if kind != "text":
        raise ValueError(f"{name} is no text")
    try:
        return str(value, "utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{name} is not valid UTF-8") from None


def _options(name: str, kind: str, value: Any) -> tuple[str, ...]:
    try:
        found = json.loads(_text(name, kind, value))
        if isinstance(found, list) and all(isinstance(one, str) for one in found):
            "".join(found).encode()  # JSON can spell half a character
            return tuple(found)
    except (ValueError, RecursionError):
        pass
    raise ValueError(f"{name} is no JSON list of text")


def _whole(name: str, kind: str, value: Any) -> int:
    if kind != "integer":
        raise ValueError(f"{name} is no whole number")
    return int(value)


def _flag(name: str, kind: str, value: Any) -> bool:
    if kind != "integer" or value not in (0, 1):
        raise ValueError(f"{name} is neither 0 nor 1")
    return bool(value)


def _time(name: str, kind: str, value: Any) -> float:
    if kind != "real" or not 0 <= value < _LATEST:
        raise ValueError(f"{name} is no time")
    return float(value)


def _or_none(read: Callable[[str, str, Any], Any]) -> Callable[[str, str, Any], Any]:
    return lambda name, kind, value: None if kind == "null" else read(name, kind, value)


_READ: dict[str, Callable[[str, str, Any], Any]] = {
    "id": _whole,
    "asker": _text,
    "asker_incarnation": _or_none(_whole),
    "target": _text,
    "target_incarnation": _or_none(_whole),
    "question": _text,
    "options": _options,
    "multi": _flag,
    "asked_at": _time,
    "deadline_at": _or_none(_time),
    "state": _text,
    "answered_at": _or_none(_time),
    "answer": _or_none(_text),
    "answerer": _or_none(_text),
}
