"""Questions put, spoiled and looked at, for tests that need no process."""

import json
from typing import Any

from hivelib.base import clock
from hivelib.flow import asking
from hivelib.flow.opening import Hive
from hivelib.model.records import Caller
from hivelib.store import agents, events, mail

MANAGER = Caller("manager", "manager", "mcp")


def inbox(hive: Hive, name: str) -> list[dict[str, Any]]:
    """What waits for somebody, as the hive told it."""
    found = mail.peek(hive.db, name, 99)
    assert {message.sender for message in found} <= {"system"}
    return [json.loads(message.body) for message in found]


def answers(hive: Hive, name: str) -> list[tuple[int, str, str]]:
    """Each answer that somebody was told of."""
    told = [one for one in inbox(hive, name) if one["event"] == "question_answered"]
    assert all(one.keys() == {"event", "id", "question", "answer", "answerer"} for one in told), (
        told
    )
    return [(one["id"], one["answer"], one["answerer"]) for one in told]


def kinds(hive: Hive, number: int) -> list[str]:
    """The events of a question."""
    return [row.kind for row in events.after(hive.db, 0) if row.subject == f"question:{number}"]


def spoil(hive: Hive, number: int, **columns: Any) -> None:
    """Writes into a question what no program of ours does."""
    with hive.db.write() as db:
        for name, value in columns.items():
            db.execute(f"UPDATE questions SET {name} = ? WHERE id = ?", (value, number))


def destroy(hive: Hive, name: str) -> list[str]:
    """As the job does, without a box."""
    with hive.db.write() as db:
        agents.set_state(db, name, "destroyed", clock.now())
        return asking.end_for(hive, db, name, "operator")
