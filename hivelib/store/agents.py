"""Rows of agents."""

import json

from hivelib.base.db import Database
from hivelib.model.records import Agent
from hivelib.model.soundness import LATEST

_COLUMNS = ", ".join(Agent._fields)


def get(db: Database, name: str) -> Agent | None:
    """The agent of that name, also when it is a tombstone."""
    row = db.one(f"SELECT {_COLUMNS} FROM agents WHERE name = ?", name)
    return Agent(*row) if row else None


def live(db: Database, name: str) -> Agent | None:
    """The agent of that name, unless it is a tombstone."""
    found = get(db, name)
    return found if found and found.state != "destroyed" else None


def all_of(db: Database, *, destroyed: bool = False) -> list[Agent]:
    """All live agents, the manager first; or all tombstones."""
    rows = db.all(
        f"SELECT {_COLUMNS} FROM agents WHERE (state = 'destroyed') = ? ORDER BY role != 'manager', name",
        destroyed,
    )
    return [Agent(*row) for row in rows]


def troubled(db: Database) -> list[Agent]:
    """The live agents that are parked or have no login, the manager first."""
    rows = db.all(
        f"SELECT {_COLUMNS} FROM agents WHERE state != 'destroyed' AND (parked_kind IS NOT NULL OR needs_login)"
        " ORDER BY role != 'manager', name"
    )
    return [Agent(*row) for row in rows]


def live_names(db: Database) -> list[str]:
    """The names of all agents that can have mail: running or stopped."""
    return [
        row[0] for row in db.all("SELECT name FROM agents WHERE state != 'destroyed' ORDER BY name")
    ]


def is_live(db: Database, name: str) -> bool:
    """Whether mail for that name is accepted."""
    return (
        db.value("SELECT 1 FROM agents WHERE name = ? AND state != 'destroyed'", name) is not None
    )


def add(db: Database, name: str, role: str, backend: str, config: str, now: float) -> int:
    """Adds a stopped agent; gives back its incarnation, a number no agent had before."""
    incarnation = int(db.value("SELECT value FROM facts WHERE name = 'incarnations'") or 0) + 1
    db.execute(
        "INSERT INTO facts VALUES('incarnations', ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
        (str(incarnation),),
    )
    db.execute(
        "INSERT INTO agents(name, role, backend, incarnation, state, config, created_at, changed_at)"
        " VALUES(?, ?, ?, ?, 'stopped', ?, ?, ?)",
        (name, role, backend, incarnation, config, now, now),
    )
    return incarnation


def set_state(db: Database, name: str, state: str, now: float) -> None:
    """Changes running, stopped or destroyed."""
    db.execute("UPDATE agents SET state = ?, changed_at = ? WHERE name = ?", (state, now, name))


def set_config(db: Database, name: str, config: str, now: float) -> None:
    """Replaces the deployed agent.json."""
    db.execute("UPDATE agents SET config = ?, changed_at = ? WHERE name = ?", (config, now, name))


def set_deployed(db: Database, name: str, commit: str, revision: str, now: float) -> None:
    """Notes which commit of its config runs, and which program built it."""
    db.execute(
        "UPDATE agents SET deployed_sha = ?, revision = ?, changed_at = ? WHERE name = ?",
        (commit, revision, now, name),
    )


def config(db: Database, name: str) -> str | None:
    """The deployed agent.json of a live agent as text."""
    found = db.value("SELECT config FROM agents WHERE name = ? AND state != 'destroyed'", name)
    return None if found is None else str(found)


def allowed_recipients(db: Database, name: str) -> list[str]:
    """Whom a live agent's deployed config lets it write to; empty means everybody."""
    # sqlite reads the JSON, and mostly finds nothing: each send asks this, and Python's parser takes ten times as long.
    found = db.value(
        "SELECT json_extract(config, '$.allowed_recipients') FROM agents WHERE name = ? AND state != 'destroyed'",
        name,
    )
    return [str(one) for one in json.loads(found)] if found else []


def park(db: Database, name: str, kind: str, until: float | None, why: str, now: float) -> None:
    """No more turns until that time; None means until somebody unparks it."""
    db.execute(
        "UPDATE agents SET parked_kind = ?, parked_until = ?, parked_why = ?, changed_at = ? WHERE name = ?",
        (kind, until, why, now, name),
    )


def unpark(db: Database, name: str, now: float) -> None:
    """Turns may start again."""
    db.execute(
        "UPDATE agents SET parked_kind = NULL, parked_until = NULL, parked_why = NULL, changed_at = ? WHERE name = ?",
        (now, name),
    )


def parked_until(db: Database, now: float) -> list[Agent]:
    """The agents whose parking time is over."""
    rows = db.all(
        f"SELECT {_COLUMNS} FROM agents WHERE parked_kind IS NOT NULL AND parked_until <= ?", now
    )
    return [Agent(*row) for row in rows]


def next_unpark(db: Database) -> float | None:
    """When the next parking ends."""
    when = db.value(
        "SELECT min(parked_until) FROM agents WHERE parked_kind IS NOT NULL AND state != 'destroyed'"
        " AND parked_until < ?",
        LATEST,
    )
    return None if when is None else float(when)


def set_needs_login(db: Database, name: str, needs: bool) -> bool:
    """Remembers whether the login works; gives back whether that is news."""
    cursor = db.execute(
        "UPDATE agents SET needs_login = ? WHERE name = ? AND needs_login != ?",
        (needs, name, needs),
    )
    return cursor.rowcount > 0


def set_session(db: Database, name: str, session_id: str | None) -> None:
    """The session that the next turn continues; None begins a new one."""
    db.execute("UPDATE agents SET session_id = ? WHERE name = ?", (session_id, name))


def remove(db: Database, name: str) -> None:
    """Takes the row of a destroyed agent away, to make room for a new incarnation."""
    db.execute("DELETE FROM agents WHERE name = ? AND state = 'destroyed'", (name,))
