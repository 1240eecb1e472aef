"""The log of what happened. `seq` order is commit order, for sqlite has one writer; readers see no gaps."""

import json
from collections.abc import Sequence

from hivelib.base import clock
from hivelib.base.db import Database
from hivelib.model.events import Event
from hivelib.model.records import EventRow

_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def record(db: Database, *events: Event, at: float | None = None) -> int:
    """Appends events inside the caller's write transaction; gives back the last one's seq (0 for none)."""
    at = clock.now() if at is None else at
    seq = 0
    for event in events:
        values = (
            at,
            event.kind,
            event.subject,
            _text(event.payload),
        )
        seq = (
            db.execute(
                "INSERT INTO events(at, kind, subject, payload) VALUES(?, ?, ?, ?)", values
            ).lastrowid
            or 0
        )
    return seq


def after(db: Database, seq: int, limit: int = 500) -> list[EventRow]:
    """The events that follow `seq`, oldest first."""
    rows = db.all(
        "SELECT seq, at, kind, subject, payload FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
        seq,
        limit,
    )
    return [EventRow(*row) for row in rows]


def of_kinds(
    db: Database, kinds: Sequence[str], seq: int, upto: int, limit: int = 500
) -> list[EventRow]:
    """The events of these kinds that follow `seq`, up to and with `upto`, oldest first."""
    rows = db.all(
        "SELECT seq, at, kind, subject, payload FROM events WHERE seq > ? AND seq <= ?"
        " AND kind IN (SELECT value FROM json_each(?)) ORDER BY seq LIMIT ?",
        seq,
        upto,
        _text(kinds),
        limit,
    )
    return [EventRow(*row) for row in rows]


def latest(
    db: Database, limit: int, *, subject: str | None = None, kind: str | None = None
) -> list[EventRow]:
    """The newest events, oldest of them first; `subject` and `kind` narrow them down."""
    rows = db.all(
        "SELECT seq, at, kind, subject, payload FROM events"
        " WHERE (?1 IS NULL OR subject = ?1) AND (?2 IS NULL OR kind = ?2) ORDER BY seq DESC LIMIT ?3",
        subject,
        kind,
        limit,
    )
    return [EventRow(*row) for row in reversed(rows)]


def last_seq(db: Database) -> int:
    """The seq of the newest event; 0 when there was none."""
    return int(db.value("SELECT max(seq) FROM events") or 0)


def first_seq(db: Database) -> int:
    """The seq of the oldest event that is kept; 0 when there is none."""
    return int(db.value("SELECT min(seq) FROM events") or 0)


def epoch(db: Database) -> str:
    """Names this run of the event stream; a restored or otherwise replaced database gets a new one."""
    return str(db.value("SELECT value FROM facts WHERE name = 'epoch'"))


def note_boot(db: Database, boot: str) -> bool:
    """Begins a new epoch when the machine was off since the last time: the last events before a power failure may not
    have reached the disk, and then their numbers are given again. Says whether it did."""
    before = db.value("SELECT value FROM facts WHERE name = 'boot'")
    if before == boot:
        return False
    db.execute(
        "INSERT INTO facts VALUES('boot', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        (boot,),
    )
    if before is not None:
        new_epoch(db)
    return before is not None


def new_epoch(db: Database) -> None:
    """Begins a new epoch, so that no reader takes old sequence numbers for ones of this file."""
    db.execute("UPDATE facts SET value = lower(hex(randomblob(6))) WHERE name = 'epoch'")
