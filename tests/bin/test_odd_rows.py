"""Rows that hold what no program of ours writes: each tool that lists them shows it, with all the others."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.bin.conftest import give
from tests.support import forked, scene
from tests.support.state import make_state, short_directory

VALUES = ("'x'", "x'fffe'", "CAST(x'ff41' AS TEXT)", "9e999")
LISTS: dict[str, tuple[str, list[list[str]]]] = {
    "agents": ("name = 'alice'", [["hive-agents"], ["hive-status"]]),
    "messages": ("id = 40", [["hive-thread", "40"], ["hive-search", "build"]]),
    "turns": ("ended_at IS NULL", [["hive-status"]]),
    "approvals": ("id = 4", [["hive-pending"], ["hive-show", "4"]]),
    "jobs": ("id = (SELECT max(id) FROM jobs)", [["hive-status"]]),
    "reminders": ("id = 1", [["hive-reminders"], ["hive-reminders", "--json"]]),
    "questions": ("id = 1", [["hive-questions", "--all"]]),
    "warnings": ("name = 'disk'", [["hive-status"]]),
    "events": ("seq = (SELECT max(seq) FROM events)", [["hive-events"], ["hive-events", "--json"]]),
}
"""Of each table a row, and the tools that list it."""
LOOKS = ("hive-show", "hive-thread")
"""These show the very thing, and may refuse."""


@pytest.fixture(scope="module")
def where() -> Iterator[Path]:
    with short_directory() as directory:
        hive = make_state(directory)
        for place in ("applied", "meta", "proposed", "decisions", "transcripts", "agents"):
            os.makedirs(f"{hive.paths.state}/{place}", exist_ok=True)
        os.makedirs(hive.paths.bell)
        scene.fill(hive)
        for trigger in ("messages", "events"):
            hive.db.execute(f"DROP TRIGGER {trigger}_keep_newest")
        hive.db.close()
        give(directory)
        yield directory


@pytest.mark.parametrize("table", LISTS)
def test_no_row_ends_a_tool(where: Path, table: str) -> None:
    which, tools = LISTS[table]
    path, wrong = f"{where}/state/hive.sqlite", []
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(where), "HIVE_CONFIG": f"{where}/hive.toml"}
    with closing(sqlite3.connect(path)) as db:
        columns = [row[0] for row in db.execute(f"SELECT name FROM pragma_table_info('{table}')")]
    for column in columns:
        for value in VALUES:
            with closing(sqlite3.connect(path, isolation_level=None)) as db:
                db.execute("BEGIN")
                db.execute(f"CREATE TABLE IF NOT EXISTS kept_{table} AS SELECT * FROM {table}")
                db.execute(f"DELETE FROM {table}")
                db.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")
                try:
                    db.execute(f"UPDATE {table} SET {column} = {value} WHERE {which}")
                except sqlite3.IntegrityError:
                    db.execute("COMMIT")
                    continue
                db.execute("COMMIT")
            for tool, *words in tools:
                ran = forked.run(tool, words, environment)
                if ran.status not in ((0, 1) if tool in LOOKS else (0,)) or "bug" in ran.err:
                    wrong.append((column, value, tool, ran.status, ran.err[:200]))
    assert not wrong
