"""Rows of looks: how the crash watch found each agent last."""

import json

from hivelib.base.db import Database
from hivelib.model.crashing import Axes, Look


def get(db: Database, agent: str) -> Look | None:
    """The last look at an agent; None when there was none."""
    row = db.one(
        "SELECT incarnation, running, logged_in, up_to_date, looked_at, crashes FROM looks WHERE agent = ?",
        agent,
    )
    if row is None:
        return None
    incarnation, running, logged_in, up_to_date, looked_at, crashes = row
    axes = Axes(bool(running), bool(logged_in), bool(up_to_date))
    return Look(agent, incarnation, axes, looked_at, tuple(json.loads(crashes)))


def put(db: Database, look: Look) -> None:
    """Keeps a look in the place of the one before."""
    db.execute(
        "INSERT OR REPLACE INTO looks(agent, incarnation, running, logged_in, up_to_date, looked_at, crashes)"
        " VALUES(?, ?, ?, ?, ?, ?, ?)",
        (look.agent, look.incarnation, *look.axes, look.looked_at, json.dumps(look.crashes)),
    )


def told_login(db: Database, agent: str, logged_in: bool) -> None:
    """Whoever has just told of a login keeps the watch from telling it again."""
    db.execute("UPDATE looks SET logged_in = ? WHERE agent = ?", (logged_in, agent))


def told_stale(db: Database, agent: str) -> bool:
    """Notes that an agent was told of as built by an older program; False when that was noted before."""
    noted = db.value("SELECT up_to_date FROM looks WHERE agent = ?", agent)
    db.execute("UPDATE looks SET up_to_date = 0 WHERE agent = ?", (agent,))
    return bool(noted != 0)


def names(db: Database) -> list[str]:
    """Whom the watch has looked at, also when they are gone by now."""
    return [row[0] for row in db.all("SELECT agent FROM looks ORDER BY agent")]


def forget(db: Database, agent: str) -> None:
    """Takes away the look at an agent that is gone."""
    db.execute("DELETE FROM looks WHERE agent = ?", (agent,))
