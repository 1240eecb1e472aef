"""Rows that nobody will ever do anything with, and what the search index has lost: what `hive-doctor --deep` asks."""

from hivelib.base.db import Database
from hivelib.base.errors import HiveError


def integrity(db: Database) -> list[str]:
    """What sqlite finds wrong with all of the file, in its words; empty when it is whole."""
    return [str(row[0]) for row in db.all("PRAGMA integrity_check(20)") if row[0] != "ok"]


def index_faults(db: Database) -> list[str]:
    """What is wrong with the search index: pages that cannot be read, mail that it should have and has not.

    FTS5's own `integrity-check` is a write, and would hold up all mail; this reads every term instead.
    """
    try:
        db.all(
            "CREATE VIRTUAL TABLE IF NOT EXISTS temp.terms USING fts5vocab(main, messages_search, row)"
        )
        db.value("SELECT sum(doc) FROM temp.terms")
        upto = int(db.value("SELECT value FROM facts WHERE name = 'searchable_to'"))
        wanted = int(db.value("SELECT count(*) FROM messages WHERE id <= ?", upto))
        missing = "SELECT count(*) FROM messages WHERE id <= ? AND id NOT IN (SELECT id FROM messages_search_docsize)"
        lost = int(db.value(missing, upto))
        has = int(db.value("SELECT count(*) FROM messages_search_docsize WHERE id <= ?", upto))
    except HiveError as error:
        return [error.message]
    found = [f"{lost} of {wanted} messages are not in it"] if lost else []
    return found + ([f"it has {has - wanted} that are gone"] if has > wanted - lost else [])


def stray_claims(db: Database) -> list[tuple[int, str, int]]:
    """Messages that are claimed by no turn that runs: id, recipient, turn."""
    rows = db.all(
        "SELECT m.id, m.recipient, m.claimed_by FROM messages m LEFT JOIN turns t ON t.id = m.claimed_by"
        " WHERE m.state = 'claimed' AND (t.id IS NULL OR t.ended_at IS NOT NULL OR t.agent <> m.recipient)"
        " ORDER BY m.id LIMIT 1000"
    )
    return [(row[0], row[1], row[2]) for row in rows]


def stray_turns(db: Database) -> list[tuple[int, str]]:
    """Turns that run for no agent of today: id, name."""
    rows = db.all(
        "SELECT t.id, t.agent FROM turns t LEFT JOIN agents a ON a.name = t.agent AND a.incarnation = t.incarnation"
        " WHERE t.ended_at IS NULL AND (a.name IS NULL OR a.state = 'destroyed') ORDER BY t.id"
    )
    return [(row[0], row[1]) for row in rows]


def stray_reminders(db: Database) -> list[tuple[int, str]]:
    """Reminders that wait for an agent which is neither there nor a tombstone: id, name."""
    rows = db.all(
        "SELECT id, owner FROM reminders WHERE state IN ('pending', 'failed') AND NOT EXISTS(SELECT 1 FROM agents"
        " WHERE name = owner AND agents.incarnation = reminders.incarnation) ORDER BY id LIMIT 1000"
    )
    return [(row[0], row[1]) for row in rows]
