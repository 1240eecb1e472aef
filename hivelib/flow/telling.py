"""What an agent may ask about itself and, if it is the manager, about the others."""

from typing import Any, NamedTuple

import hivelib
from hivelib.flow import jobs
from hivelib.flow.opening import Hive
from hivelib.model.records import Agent, Caller, Message, Turn
from hivelib.store import agents, mail, turns, web


class Introduction(NamedTuple):
    """Who somebody is, and in whose hive."""

    name: str
    role: str
    hive_version: str
    operator: str
    pronouns: str


class Listed(NamedTuple):
    """An agent in the manager's list; `running` is the turn that runs now, `transient` what a job makes of it."""

    agent: Agent
    queued: int
    running: Turn | None
    transient: str | None

    def public(self) -> dict[str, Any]:
        """The fields that the manager sees."""
        agent = self.agent
        parked = {"kind": agent.parked_kind, "until": agent.parked_until, "why": agent.parked_why}
        return {
            "name": agent.name,
            "role": agent.role,
            "state": agent.state,
            "transient": self.transient,
            "turn": self.running.id if self.running else None,
            "queued": self.queued,
            "model": agent.model,
            "needs_login": bool(agent.needs_login),
            "parked": parked if agent.parked else None,
        }


def caller(hive: Hive, name: str, turn: int | None) -> Caller | None:
    """The agent behind a door as who it is for every verb; None when it does not exist (any more)."""
    agent = agents.live(hive.db, name)
    return agent and Caller(name, agent.role, "mcp", turn)


def introduce(hive: Hive, who: Caller) -> Introduction:
    """Tells somebody who they are."""
    operator = hive.settings.operator
    return Introduction(who.name, who.role, hivelib.__version__, operator.name, operator.pronouns)


def agents_listed(hive: Hive) -> list[Listed]:
    """All live agents, the manager first, with what waits for them and whether they work."""
    with hive.db.snapshot() as db:
        listed = agents.all_of(db)
        queued = web.queued(db, [agent.name for agent in listed])
        running = {turn.agent: turn for turn in turns.running(db)}
        becoming = jobs.transients(hive)
        return [
            Listed(
                agent,
                queued.get(agent.name, 0),
                running.get(agent.name),
                becoming.get(agent.name),
            )
            for agent in listed
        ]


def history(hive: Hive, name: str, other: str | None, limit: int) -> list[Message]:
    """The newest messages from and to `name` (and `other`, when given), oldest of them first."""
    return mail.history(hive.db, name, other, limit)
