"""An agent's stream of turns, in a database of its own so that a chatty turn never holds up mail."""

from hivelib.base.db import Database
from hivelib.model.records import Line


def append(db: Database, turn: int, at: float, kind: str, payload: str) -> int:
    """Keeps one line of a turn's stream; gives back its row."""
    with db.write(durable=False):
        cursor = db.execute(
            "INSERT INTO lines(turn, at, kind, payload) VALUES(?, ?, ?, ?)",
            (turn, at, kind, payload),
        )
    return int(cursor.lastrowid or 0)


def after(db: Database, row: int, limit: int = 500, turn: int | None = None) -> list[Line]:
    """The lines that follow `row`, oldest first, of one turn or of all."""
    rows = db.all(
        "SELECT row, turn, at, kind, payload FROM lines WHERE row > ?1"
        " AND (?2 IS NULL OR turn = ?2) ORDER BY row LIMIT ?3",
        row,
        turn,
        limit,
    )
    return [Line(*found) for found in rows]


def latest(db: Database, limit: int) -> list[Line]:
    """The newest lines, oldest of them first."""
    rows = db.all("SELECT row, turn, at, kind, payload FROM lines ORDER BY row DESC LIMIT ?", limit)
    return [Line(*found) for found in reversed(rows)]


def last_row(db: Database) -> int:
    """The newest row, 0 when there is none."""
    return int(db.value("SELECT max(row) FROM lines") or 0)


def first_row(db: Database) -> int:
    """The oldest row that is kept, 0 when there is none."""
    return int(db.value("SELECT min(row) FROM lines") or 0)
