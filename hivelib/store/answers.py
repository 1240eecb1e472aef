"""What calls were answered with, so that the same call asked again is answered the same and done once.

Two kinds: an operator's `--key` (table keys) and an MCP call's nonce and request id (table answers). An answer that
carries claimed messages is confirmed once it has reached the box; only then may the turn ack them.
"""

import json
from typing import Any

from hivelib.base.db import Database
from hivelib.model.records import Request


def known_key(db: Database, sender: str, key: str) -> int | None:
    """The id that the first send under this key was given."""
    found = db.value("SELECT message FROM keys WHERE sender = ? AND key = ?", sender, key)
    return None if found is None else int(found)


def keep_key(db: Database, sender: str, key: str, message: int, now: float) -> None:
    """Remembers the id given under a key."""
    db.execute(
        "INSERT INTO keys(sender, key, message, at) VALUES(?, ?, ?, ?)", (sender, key, message, now)
    )


def known(db: Database, request: Request) -> Any | None:
    """The committed outcome of this very request, or None when it was never done."""
    found = db.value(
        "SELECT outcome FROM answers WHERE agent = ? AND nonce = ? AND request_id = ?",
        request.agent,
        request.nonce,
        request.request_id,
    )
    return None if found is None else json.loads(found)


def reserve(db: Database, request: Request, now: float) -> int:
    """Makes the answer's row before its outcome is known, so that claims can name it; gives back its id."""
    cursor = db.execute(
        "INSERT INTO answers(agent, turn, nonce, request_id, outcome, at) VALUES(?, ?, ?, ?, 'null', ?)",
        (request.agent, request.turn, request.nonce, request.request_id, now),
    )
    return int(cursor.lastrowid or 0)


def fill(db: Database, answer: int, outcome: Any) -> None:
    """Writes the outcome into a reserved row, in the same transaction."""
    text = json.dumps(outcome, ensure_ascii=False, separators=(",", ":"))
    db.execute("UPDATE answers SET outcome = ? WHERE id = ?", (text, answer))


def amend(db: Database, request: Request, outcome: Any) -> None:
    """Replaces the outcome of a request by what became of it since."""
    text = json.dumps(outcome, ensure_ascii=False, separators=(",", ":"))
    db.execute(
        "UPDATE answers SET outcome = ? WHERE agent = ? AND nonce = ? AND request_id = ?",
        (text, request.agent, request.nonce, request.request_id),
    )


def confirm(db: Database, request: Request, now: float) -> bool:
    """Marks an answer as having reached the box; False when there is no such answer."""
    cursor = db.execute(
        "UPDATE answers SET confirmed_at = coalesce(confirmed_at, ?) WHERE agent = ? AND nonce = ? AND request_id = ?"
        " AND turn = ?",
        (now, request.agent, request.nonce, request.request_id, request.turn),
    )
    return cursor.rowcount > 0
