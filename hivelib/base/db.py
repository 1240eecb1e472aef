"""sqlite, and nobody else opens it: WAL, every write in one fair, immediate transaction.

Why a gate (an flock) around each write: sqlite's own busy handler polls, and with eight writers one of them got one
insert in two seconds while the others had thousands; with the gate the worst wait fell from 2-3 s to a few hundred ms
and nobody is told "database is locked" (facts/performance.md). A deferred BEGIN that reads and then writes
fails at once whatever the timeout, so every transaction here begins IMMEDIATE.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from hivelib.base.errors import HiveError, NotNow, Replaced, explained

Row = tuple[Any, ...]
_BUSY_SECONDS = 60.0


class Database:
    """One connection and its gate; one of these per thread. Use as a context manager, or keep it open in a service."""

    def __init__(self, path: str, *, create: bool = False, read_only: bool = False) -> None:
        """Opens `path`; raises HiveError when it is missing (unless `create`) or is not a database."""
        # sqlite itself makes it 0644, and then the group of the state directory cannot write.
        how = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            if create:
                os.close(os.open(path, how, 0o660))
            there = os.stat(path)
        except FileNotFoundError:
            raise HiveError(
                f"no hive here: {path} does not exist", "start one with `hive-up`"
            ) from None
        except PermissionError:
            raise NotNow(f"cannot open {path}: permission denied", "run as its owner") from None
        except OSError as error:
            raise explained(error) from None
        self.path = path
        self._inode = (there.st_dev, there.st_ino)
        self._opened_read_only = _is_read_only(path)
        mode = "ro" if read_only else "rwc" if create else "rw"
        with _plain_errors(path):
            self.connection = sqlite3.connect(
                f"file:{_quoted(path)}?mode={mode}",
                uri=True,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            if create and not there.st_size:  # before there is a table, or it is a write each time
                self.connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            if create:
                self.connection.execute("PRAGMA journal_mode=WAL")  # stays with the file
        # Four times sqlite's own 1000 pages: a checkpoint syncs twice, and came after every 200th send.
        self.connection.execute("PRAGMA wal_autocheckpoint=4000")
        self._gate = -1
        self._log = -1
        self.execute = self.connection.execute

    def all(self, sql: str, *values: Any) -> list[Row]:
        """Every row of a query."""
        try:  # not `with _plain_errors`: these two are in every hot path
            return self.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            if _is_text(sql, error):
                return self._all_leniently(sql, values)
            raise _explain(self.path, error) from error

    def one(self, sql: str, *values: Any) -> Row | None:
        """The first row of a query, or None."""
        try:
            row: Row | None = self.execute(sql, values).fetchone()
        except sqlite3.DatabaseError as error:
            if _is_text(sql, error):
                return next(iter(self._all_leniently(sql, values)), None)
            raise _explain(self.path, error) from error
        return row

    def _all_leniently(self, sql: str, values: Row) -> list[Row]:
        """As `all`, where a text is not UTF-8: with its odd bytes as escapes, for one bad row must hide no other."""
        before = self.connection.text_factory
        self.connection.text_factory = _escaped
        try:
            return self.execute(sql, values).fetchall()
        finally:
            self.connection.text_factory = before

    def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row, or None."""
        row = self.one(sql, *values)
        return row[0] if row else None

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Self]:
        """One write transaction: all of the block or nothing of it.

        `durable` ones are on the disk when this returns; the others may be lost at power failure until somebody calls
        `sync`, never at a crash of a process. Not for nesting. Raises NotNow when the disk is full or read-only, and as
        `still_there` does.
        """
        try:
            gate = self._open_gate()
            fcntl.flock(gate, fcntl.LOCK_EX)
            try:
                self.still_there()
                self.execute("BEGIN IMMEDIATE")
                try:
                    yield self
                    self.execute("COMMIT")
                except BaseException:
                    if self.connection.in_transaction:
                        self.execute("ROLLBACK")
                    raise
            finally:
                fcntl.flock(gate, fcntl.LOCK_UN)
        except sqlite3.DatabaseError as error:
            raise _explain(self.path, error) from error
        if durable:
            self.sync()

    def still_there(self) -> None:
        """Raises Replaced when the file was removed, or another was put in its place, or its log was removed: what is
        written from then on nobody would ever read, and the next checkpoint would damage what lies there now. Also when
        it was opened on a read-only file system that can be written now: sqlite never tries again in this process."""
        try:
            there = os.stat(self.path)
            same = self._inode == (there.st_dev, there.st_ino)
            same = same and (self._log < 0 or os.fstat(self._log).st_nlink > 0)
        except OSError:
            same = False
        if not same:
            why = f"{self.path} was removed or replaced while it was open"
            raise Replaced(why, "what runs starts anew with the one that is there")
        if self._opened_read_only and not _is_read_only(self.path):
            why = f"{self.path} can be written again"
            raise Replaced(why, "what runs starts anew: try again in a moment")

    @contextmanager
    def alone(self) -> Iterator[Self]:
        """Keeps every other writer waiting in line, without a transaction: for what begins none, or its own."""
        gate = self._open_gate()
        fcntl.flock(gate, fcntl.LOCK_EX)
        try:
            self.still_there()
            with _plain_errors(self.path):
                yield self
        finally:
            fcntl.flock(gate, fcntl.LOCK_UN)

    def sync(self) -> None:
        """Returns once everything that was committed before, by whomever, is on the disk; raises NotNow if it failed.

        What synchronous=FULL does inside each COMMIT, done after it: so nobody waits at the gate for another's disk,
        and whom the commit concerns can be rung meanwhile. Checkpoints sync for themselves, also with NORMAL.
        """
        try:
            if self._log < 0:
                self._log = os.open(f"{self.path}-wal", os.O_RDONLY | os.O_CLOEXEC)
            os.fdatasync(self._log)
        except OSError as error:
            why = f"the disk answered with an error: {error.strerror}; what was done may be lost"
            raise NotNow(why, "look at the machine's log") from error

    @contextmanager
    def snapshot(self) -> Iterator[Self]:
        """One read transaction: everything read inside is of the same instant."""
        with _plain_errors(self.path):
            self.execute("BEGIN")
            try:
                yield self
            finally:
                self.execute("ROLLBACK")

    def _open_gate(self) -> int:
        if self._gate < 0:
            self.execute("PRAGMA synchronous=NORMAL")  # `sync` does the rest of FULL
            how = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            try:
                self._gate = os.open(f"{self.path}.lock", how, 0o660)
            except OSError as error:
                raise explained(error) from None
        return self._gate

    def close(self) -> None:
        """Closes the connection and what belongs to it."""
        self.connection.close()
        for fd in (self._gate, self._log):
            if fd >= 0:
                os.close(fd)
        self._gate = self._log = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


@contextmanager
def _plain_errors(path: str) -> Iterator[None]:
    """Turns sqlite's errors that a user can do something about into one line each; the others are bugs."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _explain(path, error) from error


def _escaped(data: bytes) -> str:
    return data.decode(errors="backslashreplace")


def _is_text(sql: str, error: sqlite3.DatabaseError) -> bool:
    """Whether a query, which may be asked again, met text that is not UTF-8."""
    is_query = sql.lstrip()[:6].upper().startswith(("SELECT", "WITH "))
    return is_query and str(error).startswith("Could not decode to UTF-8")


def _is_read_only(path: str) -> bool:
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _explain(path: str, error: sqlite3.DatabaseError) -> Exception:
    """The error in words that help, or itself: then it is a bug of ours."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return NotNow("the disk is full: nothing was changed", "make room and try again")
    if code == sqlite3.SQLITE_READONLY:
        return NotNow(
            f"{path} is read-only: nothing was changed",
            "look at the file system and the file's owner",
        )
    if code == sqlite3.SQLITE_IOERR:
        return NotNow(f"the disk answered with an error: {error}", "look at the machine's log")
    if code == sqlite3.SQLITE_CANTOPEN and _is_read_only(path):
        return NotNow(
            f"cannot open {path}: its file system is read-only",
            "look why it is mounted so: the machine's log says",
        )
    if code == sqlite3.SQLITE_CANTOPEN:
        return NotNow(f"cannot open {path}", "is it yours, and is there room on the disk?")
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return HiveError(
            f"{path} is damaged: {error}",
            "stop the hive and restore a backup (docs/persistence.md)",
        )
    return error
