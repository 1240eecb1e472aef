"""What needs the operator's eye now: raised once, cleared once."""

from hivelib.base.db import Database


def raise_once(db: Database, name: str, why: str, mend: str, now: float) -> bool:
    """Raises a warning; False when it stands already."""
    cursor = db.execute("INSERT OR IGNORE INTO warnings VALUES(?, ?, ?, ?)", (name, now, why, mend))
    return cursor.rowcount > 0


def clear(db: Database, name: str) -> bool:
    """Takes a warning back; False when it did not stand."""
    return db.execute("DELETE FROM warnings WHERE name = ?", (name,)).rowcount > 0


def standing(db: Database) -> list[tuple[str, float, str, str]]:
    """All warnings that stand: name, since when, why, what mends it."""
    return [
        (row[0], row[1], row[2], row[3])
        for row in db.all("SELECT name, raised_at, why, mend FROM warnings ORDER BY raised_at")
    ]
