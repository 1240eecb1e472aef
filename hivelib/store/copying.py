"""Copies of databases: consistent while others write, and made fit to go on elsewhere."""

from hivelib.base.db import Database


def copy(db: Database, path: str) -> None:
    """Copies all of a database, as it is at one instant, into the new file `path`; writers go on meanwhile."""
    with db.snapshot(), Database(path, create=True) as target:
        db.connection.backup(target.connection)  # in one step: nobody can change it between two
        target.execute("PRAGMA journal_mode=DELETE")  # one file, no -wal beside it


def forget_visitors(db: Database) -> None:
    """Ends all sessions of the dashboard: a cookie of the hive that was copied does not open the copy."""
    db.execute("DELETE FROM web_logins")
    db.execute("DELETE FROM web_sessions")
