"""The file of a database: what is free in it, and how that goes back to the disk without anybody having to wait."""

import os

from hivelib.base.db import Database

_INCREMENTAL = 2
_LOG_MOST = 32 * 1024 * 1024
"""Bytes of write-ahead log that are left: overwriting it syncs in half the time of a log that grows anew."""


def can_shrink(db: Database) -> bool:
    """Whether free pages can be given back a few at a time; a database of before this was so must be made over once."""
    return int(db.value("PRAGMA auto_vacuum")) == _INCREMENTAL


def size(db: Database) -> int:
    """Bytes of the database, free pages included, the write-ahead log not."""
    return int(db.value("PRAGMA page_count")) * int(db.value("PRAGMA page_size"))


def free_pages(db: Database) -> int:
    """How many pages of the file hold nothing."""
    return int(db.value("PRAGMA freelist_count"))


def give_back(db: Database, pages: int) -> None:
    """Moves that many pages from the end of the file into free ones, in a transaction of its own; call it `alone`."""
    # Not execute: it makes one step, and each step frees one page.
    db.connection.executescript(f"PRAGMA incremental_vacuum({int(pages)})")


def make_over(db: Database) -> None:
    """Rewrites the whole database so that it can shrink from now on; it takes twice its size on the disk meanwhile.

    Readers go on, writers wait in line. Raises NotNow when there is no room.
    """
    before = os.environ.get("SQLITE_TMPDIR")
    # A confined service may write nowhere else, and there is where the room was looked for.
    os.environ["SQLITE_TMPDIR"] = os.path.dirname(os.path.abspath(db.path))
    try:
        with db.alone():
            db.execute("PRAGMA auto_vacuum=INCREMENTAL")
            db.execute("VACUUM")
        shorten_log(db)
    finally:
        if before is None:
            del os.environ["SQLITE_TMPDIR"]
        else:
            os.environ["SQLITE_TMPDIR"] = before


def keep_log_short(db: Database) -> None:
    """Copies what the log holds into the file, outside of any transaction: else the next commit has to, before the eyes
    of all who wait. What a reader still needs stays."""
    db.all("PRAGMA wal_checkpoint(PASSIVE)")


def shorten_log(db: Database) -> bool:
    """Cuts off a log that has grown beyond what is useful; False when it is in use, and then it stays."""
    keep_log_short(db)
    try:
        if os.stat(f"{db.path}-wal").st_size <= _LOG_MOST:
            return True
    except FileNotFoundError:
        return True
    with db.alone():
        waits = db.value("PRAGMA busy_timeout")
        db.execute("PRAGMA busy_timeout=0")  # waiting for a reader here would hold up every writer
        try:
            return int(db.value("PRAGMA wal_checkpoint(TRUNCATE)")) == 0
        finally:
            db.execute(f"PRAGMA busy_timeout={int(waits)}")


def leave_checkpoints(db: Database) -> None:
    """No commit of this connection copies the log: its owner does that between commits (`keep_log_short`)."""
    db.execute("PRAGMA wal_autocheckpoint=0")
