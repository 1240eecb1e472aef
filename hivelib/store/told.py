"""How far each of the operator's addresses was told of what happened, in `facts`.

In the same database as the events, so a copy that is restored, or a file that lost its last commits, has both of the
same instant: no number of another run of the stream is ever compared with one of this.
"""

import json
from typing import NamedTuple

from hivelib.base.db import Database


class Told(NamedTuple):
    """`seq` is the last event that was told or needed no telling; `sent` when the last hour's notifications left."""

    seq: int
    sent: tuple[float, ...] = ()


def read(db: Database, key: str) -> Told | None:
    """How far the address with this key was told; None: it is new."""
    text = db.value("SELECT value FROM facts WHERE name = ?", _name(key))
    if text is None:
        return None
    seq, sent = json.loads(text)
    return Told(seq, tuple(sent))


def keep(db: Database, key: str, told: Told) -> None:
    """Remembers how far the address was told."""
    db.execute(
        "INSERT INTO facts VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
        (_name(key), json.dumps(told)),
    )


def keys(db: Database) -> set[str]:
    """The keys of all addresses that are remembered."""
    rows = db.all("SELECT name FROM facts WHERE name LIKE 'told:%'")
    return {name.removeprefix("told:") for (name,) in rows}


def forget(db: Database, key: str) -> None:
    """Forgets an address."""
    db.execute("DELETE FROM facts WHERE name = ?", (_name(key),))


def _name(key: str) -> str:
    return f"told:{key}"
