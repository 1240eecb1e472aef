"""Rows of approvals. An index: the decision files and the tags of applied are what counts (DESIGN, rule 4)."""

from typing import Any

from hivelib.base.db import Database
from hivelib.model.records import Approval
from hivelib.model.soundness import LATEST

_COLUMNS = ", ".join(Approval._fields)
# Else sqlite walks through all that there ever were, for they are in the order of id.
_OPEN = "approvals INDEXED BY approvals_open WHERE resolved_at IS NULL"


def add(
    db: Database,
    kind: str,
    agent: str,
    commit_ref: str,
    *,
    incarnation: int | None,
    description: str,
    by: str,
    at: float,
    expires_at: float,
    config: str = "",
) -> int:
    """Adds an approval that is being submitted; gives back its id."""
    cursor = db.execute(
        "INSERT INTO approvals(kind, agent, commit_ref, incarnation, description, requested_by, requested_at,"
        " expires_at, config) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (kind, agent, commit_ref, incarnation, description, by, at, expires_at, config),
    )
    return int(cursor.lastrowid or 0)


def get(db: Database, approval: int) -> Approval | None:
    """The approval with that id."""
    row = db.one(f"SELECT {_COLUMNS} FROM approvals WHERE id = ?", approval)
    return Approval(*row) if row else None


def move(db: Database, approval: int, before: str, after: str, **columns: Any) -> bool:
    """Takes an approval from the status `before` to `after` and sets more columns; False when it was not `before`."""
    names = "".join(f", {name} = ?" for name in columns)
    cursor = db.execute(
        f"UPDATE approvals SET status = ?{names} WHERE id = ? AND status = ?",
        (after, *columns.values(), approval, before),
    )
    return cursor.rowcount > 0


def look_again(db: Database, approval: int, base: str) -> None:
    """A pending approval was shown against this base."""
    db.execute(
        "UPDATE approvals SET base = ? WHERE id = ? AND status = 'pending'", (base, approval)
    )


def unresolved(db: Database, agent: str | None = None) -> list[Approval]:
    """The approvals that are not over, of one agent or of all, oldest first."""
    rows = db.all(
        f"SELECT {_COLUMNS} FROM {_OPEN} AND (?1 IS NULL OR agent = ?1) ORDER BY id",
        agent,
    )
    return [Approval(*row) for row in rows]


def latest(db: Database, limit: int) -> list[Approval]:
    """The newest approvals, over or not, oldest of them first."""
    rows = db.all(f"SELECT {_COLUMNS} FROM approvals ORDER BY id DESC LIMIT ?", limit)
    return [Approval(*row) for row in reversed(rows)]


def expired(db: Database, now: float) -> list[Approval]:
    """The pending approvals whose time is over."""
    rows = db.all(
        f"SELECT {_COLUMNS} FROM {_OPEN} AND status = 'pending' AND expires_at <= ?",
        now,
    )
    return [Approval(*row) for row in rows]


def next_expiry(db: Database) -> float | None:
    """When the next pending approval expires."""
    when = db.value(
        f"SELECT min(expires_at) FROM {_OPEN} AND status = 'pending' AND expires_at < ?", LATEST
    )
    return None if when is None else float(when)
