"""Whether a database is whole."""

from hivelib.base.db import Database


def faults(db: Database) -> list[str]:
    """What sqlite finds wrong with the file, in its words; empty when it is whole. Reads all of it."""
    rows = db.all("PRAGMA quick_check(5)")
    return [str(row[0]) for row in rows if row[0] != "ok"]
