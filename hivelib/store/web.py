"""Rows of the dashboard: one-time links and sessions (as hashes only), and what its views sum up."""

import json
from collections.abc import Sequence

from hivelib.base.db import Database
from hivelib.model.records import Line, Message


def add_login(db: Database, digest: str, role: str, now: float, expires_at: float) -> None:
    """Keeps a one-time link by the hash of its token, and forgets the expired ones."""
    db.execute("DELETE FROM web_logins WHERE expires_at <= ?", (now,))
    db.execute("INSERT INTO web_logins VALUES(?, ?, ?, ?)", (digest, role, now, expires_at))


def take_login(db: Database, digest: str, now: float) -> str | None:
    """Uses up a one-time link; gives back the role it lets in as, None when there is no such link or it is too old."""
    row = db.execute(
        "DELETE FROM web_logins WHERE hash = ? RETURNING role, expires_at", (digest,)
    ).fetchone()
    return str(row[0]) if row and row[1] > now else None


def add_session(
    db: Database, digest: str, role: str, now: float, expires_at: float, address: str
) -> None:
    """Opens a session by the hash of its secret, and forgets the expired ones."""
    db.execute("DELETE FROM web_sessions WHERE expires_at <= ?", (now,))
    db.execute(
        "INSERT INTO web_sessions VALUES(?, ?, ?, ?, ?, ?)",
        (digest, role, now, expires_at, now, address),
    )


def session(db: Database, digest: str, now: float) -> tuple[str, float] | None:
    """The role of an open session and when it was last noted as seen; None when there is none."""
    row = db.one(
        "SELECT role, seen_at FROM web_sessions WHERE hash = ? AND expires_at > ?", digest, now
    )
    return (str(row[0]), float(row[1])) if row else None


def note_seen(db: Database, digest: str, now: float) -> None:
    """Notes when a session was last used."""
    db.execute("UPDATE web_sessions SET seen_at = ? WHERE hash = ?", (now, digest))


def drop_session(db: Database, beginning: str) -> int:
    """Ends the sessions whose hash begins so (all of it: that one); gives back how many there were."""
    cursor = db.execute(
        "DELETE FROM web_sessions WHERE substr(hash, 1, length(?1)) = ?1", (beginning,)
    )
    return cursor.rowcount


def sessions(db: Database, now: float) -> list[tuple[str, str, float, float, str]]:
    """The open sessions, newest first: hash, role, since when, last seen, from where."""
    rows = db.all(
        "SELECT hash, role, created_at, seen_at, address FROM web_sessions WHERE expires_at > ?"
        " ORDER BY created_at DESC",
        now,
    )
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]


def queued(db: Database, names: Sequence[str]) -> dict[str, int]:
    """How many messages wait in each of these inboxes. The operator's may be long, and is nobody's to count here."""
    rows = db.all(
        "SELECT value, (SELECT count(*) FROM messages WHERE recipient = value AND state = 'queued')"
        " FROM json_each(?)",
        json.dumps(names),
    )
    return {row[0]: row[1] for row in rows}


def messages(db: Database, ids: Sequence[int]) -> list[Message]:
    """The messages with these ids, oldest first."""
    columns = ", ".join(Message._fields)
    marks = ",".join("?" * len(ids))
    rows = db.all(f"SELECT {columns} FROM messages WHERE id IN ({marks}) ORDER BY id", *ids)
    return [Message(*row) for row in rows]


_LINE = "row, turn, at, kind, CASE WHEN length(payload) <= ?1 THEN payload ELSE '' END"
"""A line without its payload when that is longer than the page would ever show."""


def lines_after(db: Database, row: int, limit: int, most: int) -> list[Line]:
    """Transcript lines that follow `row`, oldest first; the payload is empty where it is longer than `most`."""
    rows = db.all(
        f"SELECT {_LINE} FROM lines WHERE row > ?2 ORDER BY row LIMIT ?3", most, row, limit
    )
    return [Line(*found) for found in rows]


def lines_latest(db: Database, limit: int, most: int, total: int) -> list[Line]:
    """The newest transcript lines, oldest of them first, no more than have `total` characters; the payload is empty
    where it is longer than `most`."""
    sizes = "SELECT row, min(length(payload), ?1) AS size FROM lines ORDER BY row DESC LIMIT ?2"
    upto = f"SELECT row, sum(size) OVER (ORDER BY row DESC) AS upto FROM ({sizes})"
    first = f"SELECT min(row) FROM ({upto}) WHERE upto <= ?3"
    sql = f"SELECT {_LINE} FROM lines WHERE row >= ({first}) ORDER BY row DESC LIMIT ?2"
    rows = db.all(sql, most, limit, total)
    return [Line(*found) for found in reversed(rows)]
