"""What an agent may ask about itself."""

from typing import NamedTuple

import hivelib
from hivelib.flow.opening import Hive
from hivelib.model.records import Caller, Message
from hivelib.store import agents, mail


class Introduction(NamedTuple):
    """Who somebody is, and in whose hive."""

    name: str
    role: str
    hive_version: str
    operator: str
    pronouns: str


def caller(hive: Hive, name: str, turn: int | None) -> Caller | None:
    """The agent behind a door as who it is for every verb; None when it does not exist (any more)."""
    agent = agents.live(hive.db, name)
    return agent and Caller(name, agent.role, "mcp", turn)


def introduce(hive: Hive, who: Caller) -> Introduction:
    """Tells somebody who they are."""
    operator = hive.settings.operator
    return Introduction(who.name, who.role, hivelib.__version__, operator.name, operator.pronouns)


def history(hive: Hive, name: str, other: str | None, limit: int) -> list[Message]:
    """The newest messages from and to `name` (and `other`, when given), oldest of them first."""
    return mail.history(hive.db, name, other, limit)
