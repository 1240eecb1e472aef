"""Which agents asked for one more turn after the one that runs: at most one wish an agent, in `facts`."""

from hivelib.base.db import Database


def keep(db: Database, agent: str, turn: int) -> None:
    """Remembers that the agent asked for another turn during this one."""
    db.execute(
        "INSERT INTO facts VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
        (_name(agent), str(turn)),
    )


def take(db: Database, agent: str, turn: int) -> bool:
    """Forgets the agent's wish; gives back whether it was made during that very turn."""
    row = db.execute("DELETE FROM facts WHERE name = ? RETURNING value", (_name(agent),)).fetchone()
    return row is not None and row[0] == str(turn)


def _name(agent: str) -> str:
    return f"next_turn:{agent}"
