"""Rows of turns: one for each run of claude. A row without `ended_at` is the turn that runs now."""

import json
from collections.abc import Sequence
from typing import Any

from hivelib.base.db import Database
from hivelib.model.records import Turn

_COLUMNS = ", ".join(Turn._fields)


def begin(db: Database, agent: str, incarnation: int, model: str, now: float) -> int:
    """Starts a turn; gives back its number."""
    cursor = db.execute(
        "INSERT INTO turns(agent, incarnation, started_at, model) VALUES(?, ?, ?, ?)",
        (agent, incarnation, now, model),
    )
    return int(cursor.lastrowid or 0)


def set_wake(db: Database, turn: int, source: str, message: int | None) -> None:
    """Who woke the turn, and with which message."""
    db.execute(
        "UPDATE turns SET wake_source = ?, wake_message = ? WHERE id = ?", (source, message, turn)
    )


def end(db: Database, turn: int, outcome: str, note: str, now: float, **figures: Any) -> bool:
    """Ends a running turn; `figures` are further columns. False when it had ended already."""
    names = ", ".join(f"{name} = ?" for name in figures)
    cursor = db.execute(
        f"UPDATE turns SET outcome = ?, note = ?, ended_at = ?{', ' + names if names else ''}"
        " WHERE id = ? AND ended_at IS NULL",
        (outcome, note, now, *figures.values(), turn),
    )
    return cursor.rowcount > 0


def running(db: Database, agent: str | None = None) -> list[Turn]:
    """The turns that run now, of one agent or of all."""
    rows = db.all(
        f"SELECT {_COLUMNS} FROM turns WHERE ended_at IS NULL AND (?1 IS NULL OR agent = ?1)", agent
    )
    return [Turn(*row) for row in rows]


def is_running(db: Database, agent: str, turn: int) -> bool:
    """Whether that very turn of that agent runs now: only then may it act (no zombie takes another turn's mail)."""
    return (
        db.value("SELECT 1 FROM turns WHERE id = ? AND agent = ? AND ended_at IS NULL", turn, agent)
        is not None
    )


def get(db: Database, turn: int) -> Turn | None:
    """The turn of that number."""
    row = db.one(f"SELECT {_COLUMNS} FROM turns WHERE id = ?", turn)
    return Turn(*row) if row else None


def newest(db: Database) -> int:
    """The number of the newest turn; 0 when there was none."""
    return int(db.value("SELECT max(id) FROM turns") or 0)


def several(db: Database, ids: Sequence[int]) -> list[Turn]:
    """The turns with these numbers."""
    sql = f"SELECT {_COLUMNS} FROM turns WHERE id IN (SELECT value FROM json_each(?))"
    return [Turn(*row) for row in db.all(sql, json.dumps(ids))]


def spent(db: Database, after: int, upto: int | None) -> list[tuple[str, int, float, int]]:
    """Of the ended turns later than turn `after`, none beyond `upto`, for each agent's incarnation: its name, number,
    USD and the newest of them. One pass in their order: by an index each would be looked up on a page of its own."""
    return db.all(
        "SELECT agent, incarnation, total(cost_usd), max(id) FROM turns NOT INDEXED"
        " WHERE id > ?1 AND (?2 IS NULL OR id <= ?2) AND ended_at IS NOT NULL GROUP BY agent, incarnation",
        after,
        upto,
    )


def latest(db: Database, agent: str | None, limit: int) -> list[Turn]:
    """The newest turns, of one agent or of all, oldest of them first."""
    where = "WHERE agent = ?" if agent else ""
    values = (agent, limit) if agent else (limit,)
    rows = db.all(f"SELECT {_COLUMNS} FROM turns {where} ORDER BY id DESC LIMIT ?", *values)
    return [Turn(*row) for row in reversed(rows)]


def started_since(db: Database, agent: str, since: float) -> list[float]:
    """When the agent's turns of a span began, oldest first."""
    rows = db.all(
        "SELECT started_at FROM turns WHERE agent = ? AND started_at > ? ORDER BY started_at",
        agent,
        since,
    )
    return [row[0] for row in rows]


def request_cancel(db: Database, turn: int, now: float) -> bool:
    """Asks a running turn to stop; False when it does not run or was asked before."""
    cursor = db.execute(
        "UPDATE turns SET cancel_requested_at = ? WHERE id = ? AND ended_at IS NULL AND cancel_requested_at IS NULL",
        (now, turn),
    )
    return cursor.rowcount > 0


def summed(
    db: Database, since: float, width: float, agent: str | None
) -> list[tuple[int, str, int, float, int]]:
    """Ended turns since `since`, summed up in spans of `width` seconds (numbered from 0) and by outcome: span,
    outcome, how many, cost in USD, output tokens."""
    rows = db.all(
        "SELECT CAST((started_at - ?1) / ?2 AS INTEGER) AS span, outcome, count(*), total(cost_usd),"
        " CAST(total(output_tokens) AS INTEGER) FROM turns"
        " WHERE started_at >= ?1 AND ended_at IS NOT NULL AND (?3 IS NULL OR agent = ?3) GROUP BY span, outcome",
        since,
        width,
        agent,
    )
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]


def by_agent(db: Database, since: float) -> list[tuple[str, int, int, float, float, int]]:
    """Of each agent the ended turns since then: name, how many, how many ok, seconds, cost in USD, output tokens."""
    rows = db.all(
        "SELECT agent, count(*), sum(outcome = 'ok'), sum(ended_at - started_at), total(cost_usd),"
        " CAST(total(output_tokens) AS INTEGER) FROM turns"
        " WHERE started_at >= ? AND ended_at IS NOT NULL GROUP BY agent ORDER BY 5 DESC, agent",
        since,
    )
    return [(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows]
