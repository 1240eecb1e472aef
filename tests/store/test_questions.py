"""Rows of questions: one that cannot be decoded is shown as it is and hides no other."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hivelib.base.db import Database
from hivelib.model.records import Broken, Question
from hivelib.store import questions
from hivelib.store.schema import migrate

WHOLE = Question(
    *(0, "alice", 1, "bob", 2, "Which\nof these?", ("a", "ä, 😀"), True),
    *(1000.0, 2000.5, "open", None, None, None),
)

BROKEN: dict[str, tuple[str, Any]] = {
    "options that are no JSON": ("options", "yes, no"),
    "options that are no list": ("options", '{"a": 1}'),
    "options that are no text": ("options", '["a", 1]'),
    "options nested too deep": ("options", "[" * 100_000),
    "half a character": ("options", r'["\ud800"]'),
    "options of a blob": ("options", b'["a"]'),
    "a question of bytes": ("question", b"\xff\x00"),
    "an asker that is a number": ("asker", b"7"),
    "neither yes nor no": ("multi", 7),
    "a flag in words": ("multi", "yes"),
    "a deadline in words": ("deadline_at", "tomorrow"),
    "an infinite deadline": ("deadline_at", float("inf")),
    "a deadline beyond clocks": ("deadline_at", 1e300),
    "a time before time": ("asked_at", -1.0),
    "an incarnation that is none": ("asker_incarnation", 1.5),
}


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    path = str(tmp_path / "hive.sqlite")
    migrate(path)
    with Database(path) as made:
        yield made


def add(db: Database, **columns: Any) -> int:
    """A question some of whose columns hold what no program of ours writes there."""
    with db.write():
        number = questions.add(db, WHOLE)
        for name, value in columns.items():
            db.execute(f"UPDATE questions SET {name} = ? WHERE id = ?", (value, number))
    return number


def test_a_row_comes_back_as_it_was(db: Database) -> None:
    number = add(db)
    assert questions.get(db, number) == WHOLE._replace(id=number)
    assert questions.get(db, number + 1) is None


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_row_is_shown_and_hides_no_other(db: Database, what: str) -> None:
    column, value = BROKEN[what]
    first, bad, last = add(db), add(db, **{column: value}), add(db)
    for listed in (questions.unsettled(db), questions.latest(db, 9)):
        assert [one.id for one in listed] == [first, bad, last]
        assert [isinstance(one, Broken) for one in listed] == [False, True, False]
        found = listed[1]
        assert isinstance(found, Broken) and found.why.startswith(column)
        raw = json.loads(found.raw)
        assert raw.keys() == set(Question._fields) and raw["id"] == bad
        assert found.raw.isascii() and raw["target"] == "bob"
    if column != "asker":
        assert bad in [one.id for one in questions.unsettled(db, "alice")]


def test_text_that_is_no_text_hides_nothing(db: Database) -> None:
    """Python gives up a query over one such cell."""
    first, bad = add(db), add(db)
    with db.write():
        db.execute("UPDATE questions SET question = CAST(x'ff41' AS TEXT) WHERE id = ?", (bad,))
    whole, found = questions.unsettled(db)
    assert whole.id == first
    assert isinstance(found, Broken) and found.why == "question is not valid UTF-8"
    assert json.loads(found.raw)["question"] == "\\xffA"


def test_a_question_ends_once(db: Database) -> None:
    number = add(db)
    with db.write():
        assert questions.settle(db, number, "answered", "yes", "bob", 3.0) is True
        assert questions.settle(db, number, "cancelled", "no", "alice", 4.0) is False
    found = questions.get(db, number)
    assert isinstance(found, Question)
    assert found[-4:] == ("answered", 3.0, "yes", "bob")
    assert questions.unsettled(db) == [] and questions.next_deadline(db) is None


def test_the_next_deadline_is_a_number_whatever_stands_there(db: Database) -> None:
    for deadline in ("tomorrow", float("inf"), b"\xff", None):
        add(db, deadline_at=deadline)
    assert questions.next_deadline(db) is None
    assert questions.overdue(db, 1e9, 9) == []
    late = add(db, deadline_at=500, options="broken")
    assert questions.next_deadline(db) == 500.0
    assert questions.overdue(db, 499.9, 9) == []
    assert [one.id for one in questions.overdue(db, 500.0, 9)] == [late]


def test_what_is_open_is_found_by_index_whatever_lies_behind(db: Database) -> None:
    asked: list[str] = []
    db.connection.set_trace_callback(asked.append)
    questions.unsettled(db)
    questions.unsettled(db, "alice")
    questions.count_open(db, asker="alice")
    questions.count_open(db, target="operator")
    questions.overdue(db, 1.0, 1)
    questions.next_deadline(db)
    db.connection.set_trace_callback(None)
    plans = [" ".join(row[3] for row in db.all(f"EXPLAIN QUERY PLAN {sql}")) for sql in asked]
    assert len(plans) == 6
    assert all("INDEX questions_" in plan for plan in plans), plans
