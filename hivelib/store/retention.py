"""What is old enough to go, in each table, and how rows go. What waits never does: queued, claimed and dead mail,
turns and jobs that are not over, reminders to come. Approvals, questions and warnings are not here: nobody ages them.

Rows are found by reading, which holds up nobody, and deleted some at a time; each deletion looks at its row again.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from hivelib.base.db import Database

Key = tuple[Any, ...]


class Rule(NamedTuple):
    """Which rows of a table go: those for which the SQL `over` holds (`?1`: the time before which they are old).

    `age` names a field of [retention], or is days. `came` is the column that says when a row was made, which grows with
    the number that is its key; empty where the key is no number: then all rows are looked at.
    """

    table: str
    key: tuple[str, ...]
    over: str
    age: str | float
    came: str = ""


HIVE = (
    Rule("messages", ("id",), "state = 'acked' AND acked_at < ?1", "acked_days", "sent_at"),
    # A key is known as long as the message it stands for is.
    Rule(
        "keys",
        ("sender", "key"),
        "at < ?1 AND NOT EXISTS(SELECT 1 FROM messages WHERE messages.id = keys.message)",
        "acked_days",
    ),
    # A call is asked again by the pump of its turn only.
    Rule(
        "answers",
        ("id",),
        "at < ?1 AND NOT EXISTS(SELECT 1 FROM turns WHERE turns.id = answers.turn AND ended_at IS NULL)",
        2.0,
        "at",
    ),
    # One that an approval stands for stays with it, so that it cannot be done a second time. A time to come
    # also counts for one that was cancelled: nothing else says how long it was wanted.
    Rule(
        "reminders",
        ("id",),
        "state IN ('fired', 'cancelled') AND approval IS NULL AND max(due_at, coalesce(fired_at, 0)) < ?1",
        "acked_days",
        "created_at",
    ),
    # Each agent's newest turn says how full its context is.
    Rule(
        "turns",
        ("id",),
        "ended_at < ?1 AND id < (SELECT max(id) FROM turns AS one WHERE one.agent = turns.agent)",
        "turns_days",
        "started_at",
    ),
    Rule("jobs", ("id",), "ended_at < ?1", "events_days", "queued_at"),
    Rule("events", ("seq",), "at < ?1", "events_days", "at"),
    Rule("web_logins", ("hash",), "expires_at < ?1", 0.0),
    Rule("web_sessions", ("hash",), "expires_at < ?1", 0.0),
)
TRANSCRIPT = (Rule("lines", ("row",), "at < ?1", "lines_days", "at"),)


def horizon(db: Database, rule: Rule, cutoff: float, now: float) -> int | None:
    """The number up to which rows have to be looked at; None means all. Below the newest row, which always stays: its
    number would be given again, and whoever follows by numbers would miss what comes.

    Halves the numbers, so that it costs the same however much is kept. Rows from the future, written while the clock
    was wrong, say nothing about those around them.
    """
    if not rule.came:
        return None
    key = rule.key[0]
    low, high = db.one(f"SELECT min({key}) - 1, max({key}) - 1 FROM {rule.table}") or (None, None)
    if low is None:
        return 0
    while low < high:
        middle = (low + high + 1) // 2
        found = db.one(
            f"SELECT {key}, {rule.came} FROM {rule.table} WHERE {key} >= ? AND {key} <= ? AND {rule.came} <= ?"
            f" ORDER BY {key} LIMIT 1",
            middle,
            high,
            now,
        )
        if found and found[1] < cutoff:
            low = found[0]
        else:
            high = middle - 1
    return int(low)


def count(db: Database, rule: Rule, cutoff: float, now: float) -> int:
    """How many rows would go."""
    sql = f"SELECT count(*) FROM {rule.table} WHERE {_over(rule)}"
    bounds = (cutoff, horizon(db, rule, cutoff, now)) if rule.came else (cutoff,)
    return int(db.value(sql, *bounds))


def old(
    db: Database, rule: Rule, cutoff: float, upto: int | None, after: Key, limit: int
) -> list[Key]:
    """The keys of the next rows that may go, in order, at most `limit`; `after` () begins, `upto` is the horizon."""
    keys = ", ".join(rule.key)
    marks = ", ".join(f"?{place}" for place in range(4, 4 + len(after)))
    later = f" AND ({keys}) > ({marks})" if after else ""
    sql = f"SELECT {keys} FROM {rule.table} WHERE {_over(rule)}{later} ORDER BY {keys} LIMIT ?3"
    return db.all(sql, cutoff, upto, limit, *after)


def remove(db: Database, rule: Rule, cutoff: float, keys: Sequence[Key]) -> int:
    """Deletes these rows, as far as they may still go, inside the caller's write transaction; gives back how many."""
    these = " AND ".join(f"{name} = ?{place}" for place, name in enumerate(rule.key, 2))
    which = f"{rule.over} AND {these}"
    if rule.table == "messages":
        _forget_words(db, which, cutoff, keys)
    sql = f"DELETE FROM {rule.table} WHERE {which}"
    return db.connection.executemany(sql, [(cutoff, *key) for key in keys]).rowcount


def _forget_words(db: Database, which: str, cutoff: float, keys: Sequence[Key]) -> None:
    """Takes messages out of the search index, which has to be told the words that it was given. Those that are not in
    it yet must not be taken out: that would damage it."""
    upto = int(db.value("SELECT value FROM facts WHERE name = 'searchable_to'"))
    db.connection.executemany(
        "INSERT INTO messages_search(messages_search, rowid, body)"
        f" SELECT 'delete', id, body FROM messages WHERE {which}",
        [(cutoff, number) for (number,) in keys if number <= upto],
    )


def _over(rule: Rule) -> str:
    return rule.over + (f" AND {rule.key[0]} <= ?2" if rule.came else "")
