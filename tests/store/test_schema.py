"""The schema: made once however many try, refused when it is newer, its names are the contract."""

import subprocess
import sys
from pathlib import Path

import pytest

from hivelib.base.db import Database
from hivelib.base.errors import HiveError, NotNow
from hivelib.model.records import Agent, EventRow, Line, Message, Question, Turn
from hivelib.store import schema
from hivelib.store.schema import HIVE, TRANSCRIPT, migrate, refuse_newer

MIGRATE = "import sys; from hivelib.store.schema import migrate; sys.stdin.readline(); print(migrate(sys.argv[1]))"


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "hive.sqlite")


def test_eight_processes_migrate_at_once_and_one_does_it(path: str) -> None:
    for _ in range(3):
        Path(path).unlink(missing_ok=True)
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", MIGRATE, path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(8)
        ]
        for process in processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        said = [process.communicate()[0].strip() for process in processes]
        assert sorted(said) == ["0"] * 7 + [str(len(HIVE))]
        assert [process.returncode for process in processes] == [0] * 8


def test_migrating_again_changes_nothing(path: str) -> None:
    assert (migrate(path), migrate(path)) == (len(HIVE), 0)


def test_a_newer_schema_is_refused_and_left_alone(path: str) -> None:
    migrate(path)
    with Database(path) as db:
        db.execute(f"PRAGMA user_version={len(HIVE) + 1}")
        for attempt in (lambda: refuse_newer(db), lambda: migrate(path)):
            with pytest.raises(HiveError, match="written by a newer hyperhive") as error:
                attempt()
            assert "upgrade" in error.value.hint
        assert db.value("PRAGMA user_version") == len(HIVE) + 1


def test_an_empty_database_is_not_called_an_older_one(path: str) -> None:
    with (
        Database(path, create=True) as db,
        pytest.raises(NotNow, match="only being made, or was lost"),
    ):
        refuse_newer(db)


def test_an_older_schema_says_what_migrates_it(path: str) -> None:
    migrate(path, HIVE[:1])
    with Database(path) as db, pytest.raises(HiveError, match="older schema") as error:
        refuse_newer(db)
    assert "hive-up" in error.value.hint


def test_a_migration_that_breaks_leaves_the_version_before(path: str) -> None:
    migrate(path)
    with pytest.raises(Exception, match="nonsense"):
        migrate(path, (*HIVE, "CREATE TABLE half(a); SELECT nonsense"))
    with Database(path) as db:
        assert db.value("PRAGMA user_version") == len(HIVE)
        assert db.value("SELECT count(*) FROM sqlite_master WHERE name = 'half'") == 0


@pytest.mark.parametrize(
    ("table", "record"),
    [
        *[("messages", Message), ("agents", Agent), ("turns", Turn), ("events", EventRow)],
        ("questions", Question),
    ],
)
def test_a_record_has_the_columns_of_its_table(
    path: str, table: str, record: type[Message]
) -> None:
    migrate(path)
    with Database(path) as db:
        columns = {row[0] for row in db.all(f"SELECT name FROM pragma_table_info('{table}')")}
    assert set(record._fields) <= columns


def test_a_transcript_has_the_columns_of_a_line(path: str) -> None:
    migrate(path, TRANSCRIPT)
    with Database(path) as db:
        assert {row[0] for row in db.all("SELECT name FROM pragma_table_info('lines')")} == set(
            Line._fields
        )


def test_the_map_at_the_head_of_the_schema_names_every_table(path: str) -> None:
    migrate(path)
    with Database(path) as db:
        names = {
            row[0]
            for row in db.all("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not row[0].startswith(("sqlite_", "messages_search_"))
        }
    assert {name for name in names if name not in (schema.__doc__ or "")} == set()


@pytest.mark.parametrize("rows", [1, 20_000])
def test_a_claim_uses_the_index_of_waiting_mail_whatever_lies_behind(path: str, rows: int) -> None:
    migrate(path)
    with Database(path) as db:
        with db.write():
            db.connection.executemany(
                "INSERT INTO messages(sender, recipient, body, state, sent_at) VALUES('a', 'b', 'x', 'acked', ?)",
                ((float(row),) for row in range(rows)),
            )
        plan = db.all(
            "EXPLAIN QUERY PLAN SELECT id FROM messages WHERE recipient = 'b' AND state = 'queued'"
            " AND not_before <= 1 ORDER BY lane DESC, id LIMIT 1"
        )
    assert "messages_queued" in plan[0][3] and len(plan) == 1, "no sorting, no scan"
