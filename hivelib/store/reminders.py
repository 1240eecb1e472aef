"""Rows of reminders. Every change here happens inside the caller's write transaction, which also writes the event.

A reminder belongs to one incarnation of its owner: while that one is a tombstone it waits, and nobody else gets it.
"""

from typing import Any

from hivelib.base.db import Database
from hivelib.model.records import Reminder
from hivelib.model.soundness import LATEST

_COLUMNS = ", ".join(Reminder._fields)
_WAITS = (
    "state = 'pending' AND EXISTS(SELECT 1 FROM agents"
    " WHERE name = owner AND agents.incarnation = reminders.incarnation AND agents.state != 'destroyed')"
)
_WHEN = "max(due_at, not_before)"


def add(
    db: Database,
    owner: str,
    incarnation: int,
    body: str,
    *,
    due_at: float,
    by: str,
    at: float,
    file_path: str = "",
    every: float | None = None,
    calendar: str = "",
    approval: int | None = None,
) -> int:
    """Adds a pending reminder; gives back its id."""
    cursor = db.execute(
        "INSERT INTO reminders(owner, incarnation, body, file_path, due_at, every, calendar, created_at, created_by,"
        " approval) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (owner, incarnation, body, file_path, due_at, every, calendar, at, by, approval),
    )
    return int(cursor.lastrowid or 0)


def get(db: Database, number: int) -> Reminder | None:
    """The reminder with that id."""
    row = db.one(f"SELECT {_COLUMNS} FROM reminders WHERE id = ?", number)
    return Reminder(*row) if row else None


def due(db: Database, now: float, limit: int) -> list[Reminder]:
    """Pending reminders of agents that are there whose time has come, earliest first."""
    rows = db.all(
        f"SELECT {_COLUMNS} FROM reminders WHERE {_WAITS} AND {_WHEN} <= ? ORDER BY {_WHEN}, id LIMIT ?",
        now,
        limit,
    )
    return [Reminder(*row) for row in rows]


def next_due(db: Database) -> tuple[int, float] | None:
    """The reminder that is due next, and when; None when none of an agent that is there is pending."""
    sql = f"SELECT id, {_WHEN} FROM reminders WHERE {_WAITS} AND {_WHEN} < ? ORDER BY {_WHEN}, id LIMIT 1"
    row = db.one(sql, LATEST)
    return (int(row[0]), float(row[1])) if row else None


def is_due(db: Database, number: int, now: float) -> bool:
    """Whether this one is pending, its time has come, and its owner is there."""
    sql = f"SELECT 1 FROM reminders WHERE id = ? AND {_WAITS} AND {_WHEN} <= ?"
    return db.value(sql, number, now) is not None


def change(db: Database, number: int, **columns: Any) -> None:
    """Sets columns of a reminder."""
    names = ", ".join(f"{name} = ?" for name in columns)
    db.execute(f"UPDATE reminders SET {names} WHERE id = ?", (*columns.values(), number))


def waiting(db: Database, owner: str | None = None) -> list[Reminder]:
    """What is pending or waits for the operator, of one owner or of all, in the order in which it is due."""
    rows = db.all(
        f"SELECT {_COLUMNS} FROM reminders WHERE state IN ('pending', 'failed') AND (?1 IS NULL OR owner = ?1)"
        f" ORDER BY {_WHEN}, id",
        owner,
    )
    return [Reminder(*row) for row in rows]


def count_waiting(db: Database, owner: str, incarnation: int) -> int:
    """How many of an agent's reminders are pending or wait for the operator."""
    sql = "SELECT count(*) FROM reminders WHERE owner = ? AND incarnation = ? AND state IN ('pending', 'failed')"
    return int(db.value(sql, owner, incarnation))


def latest(db: Database, limit: int) -> list[Reminder]:
    """The newest reminders, over or not, oldest of them first."""
    rows = db.all(f"SELECT {_COLUMNS} FROM reminders ORDER BY id DESC LIMIT ?", limit)
    return [Reminder(*row) for row in reversed(rows)]


def of_approval(db: Database, approval: int) -> Reminder | None:
    """The recurring reminder that an approval became: at most one (reminders_approval)."""
    row = db.one(f"SELECT {_COLUMNS} FROM reminders WHERE approval = ?", approval)
    return Reminder(*row) if row else None


def recurring(db: Database) -> list[Reminder]:
    """What is pending, comes again, and belongs to an agent that is there."""
    rows = db.all(
        f"SELECT {_COLUMNS} FROM reminders WHERE {_WAITS} AND (every IS NOT NULL OR calendar != '') ORDER BY id"
    )
    return [Reminder(*row) for row in rows]
