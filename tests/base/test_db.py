"""The database's promises: all or nothing, one instant, plain words for what a person can mend."""

import os
import sqlite3
from pathlib import Path

import pytest

from hivelib.base.db import Database
from hivelib.base.errors import HiveError, NotNow


@pytest.fixture
def path(tmp_path: Path) -> str:
    where = str(tmp_path / "test.sqlite")
    with Database(where, create=True) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)")
    return where


def test_a_write_that_breaks_leaves_nothing(path: str) -> None:
    with Database(path) as db:
        with pytest.raises(KeyError), db.write():  # noqa: PT012  what breaks is in its middle
            db.execute("INSERT INTO t(b) VALUES('half')")
            raise KeyError
        assert db.value("SELECT count(*) FROM t") == 0
        with db.write():
            db.execute("INSERT INTO t(b) VALUES('whole')")
    with Database(path) as db:
        assert db.all("SELECT b FROM t") == [("whole",)]


def test_what_was_promised_is_synced_and_what_was_not_is_not(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, sync = [], os.fdatasync

    def seen(fd: int) -> None:
        sync(fd)
        synced.append(os.readlink(f"/proc/self/fd/{fd}"))

    monkeypatch.setattr(os, "fdatasync", seen)
    with Database(path) as db:
        with db.write(durable=False):
            db.execute("INSERT INTO t(b) VALUES('forgotten by a power failure')")
        assert synced == []
        with db.write():
            db.execute("INSERT INTO t(b) VALUES('kept')")
        assert synced == [f"{path}-wal"]


def test_a_snapshot_is_of_one_instant(path: str) -> None:
    with Database(path) as reader, Database(path) as writer:
        with reader.snapshot():
            assert reader.value("SELECT count(*) FROM t") == 0
            with writer.write():
                writer.execute("INSERT INTO t(b) VALUES('later')")
            assert reader.value("SELECT count(*) FROM t") == 0
        assert reader.value("SELECT count(*) FROM t") == 1


def test_a_read_only_database_reads_and_says_that_it_cannot_write(path: str) -> None:
    with Database(path, read_only=True) as db:
        assert db.all("SELECT * FROM t") == []
        with pytest.raises(NotNow, match="read-only: nothing was changed"), db.write():
            db.execute("INSERT INTO t(b) VALUES('x')")


def test_a_missing_database_is_said_in_one_line_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(HiveError, match="no hive here") as error:
        Database(str(tmp_path / "none.sqlite"))
    assert "hive-up" in error.value.hint and os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", [b"this is no database, but long enough to be looked at" * 40])
def test_a_file_that_is_no_database_is_said_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "test.sqlite"
    path.write_bytes(content)
    with pytest.raises(HiveError, match="damaged"), Database(str(path)) as db:
        db.all("SELECT * FROM t")


def test_a_full_disk_is_not_now_and_changes_nothing(path: str) -> None:
    with Database(path) as db:
        pages = db.value("PRAGMA page_count")
        db.execute(f"PRAGMA max_page_count={pages}")  # sqlite answers as on a full disk
        with pytest.raises(NotNow, match="disk is full: nothing was changed"), db.write():
            db.execute("INSERT INTO t(b) VALUES(?)", ("x" * 100_000,))
        assert db.value("SELECT count(*) FROM t") == 0


def test_our_own_mistakes_stay_bugs(path: str) -> None:
    with Database(path) as db, pytest.raises(sqlite3.OperationalError):
        db.all("SELECT nonsense")


@pytest.mark.parametrize("name", ["a?b", "a#b", "a%20b", "a b", "ä"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / name)
    with Database(path, create=True) as db, db.write():
        db.execute("CREATE TABLE t(a)")
    assert os.path.exists(path)
    with Database(path) as db:
        assert db.all("SELECT * FROM t") == []


def test_text_that_is_not_utf8_hides_no_row(short_path: Path) -> None:
    with Database(str(short_path / "a"), create=True) as db:
        db.execute("CREATE TABLE words(id INTEGER PRIMARY KEY, word TEXT)")
        db.execute("INSERT INTO words(word) VALUES('ä'), (CAST(x'61ff62' AS TEXT)), ('c')")
        rows = [(1, "ä"), (2, "a\\xffb"), (3, "c")]
        assert db.all("SELECT id, word FROM words") == rows
        assert db.one("SELECT id, word FROM words WHERE id = 2") == rows[1]
        assert db.all("WITH r AS (SELECT * FROM words) SELECT id, word FROM r") == rows
        assert db.connection.text_factory is str
