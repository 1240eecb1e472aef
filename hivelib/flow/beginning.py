"""Begins a turn: its row, the claim of the message that wakes it and the events, in one transaction."""

import json
from typing import NamedTuple
from uuid import uuid4

from hivelib.base import bell, clock
from hivelib.base.db import Database
from hivelib.flow import taking
from hivelib.flow.opening import Hive
from hivelib.model.events import Claimed, SessionReset, TurnStarted
from hivelib.model.names import SYSTEM
from hivelib.model.records import Agent, Message, Turn
from hivelib.store import agents, events, mail, turns


class Begun(NamedTuple):
    """A turn that has begun: its agent, the message that woke it, how many more wait, its session,
    and whether claude has that already."""

    turn: Turn
    agent: Agent
    message: Message
    waiting: int
    session: str
    known: bool


def begin(hive: Hive, name: str) -> Begun | None:
    """Begins a turn with the next message, so that a claim always names a turn that exists.

    None when there is nothing to begin: the agent was stopped or parked meanwhile, or its mail is gone.
    """
    with hive.db.write(durable=False) as db:
        begun = _begin(hive, db, name)
    # Also when nothing began: what could not be read is a dead letter now.
    bell.ring(hive.paths.bell, "events", *([f"agent.{name}"] if begun else []))
    return begun


def _begin(hive: Hive, db: Database, name: str) -> Begun | None:
    now, agent = clock.now(), agents.get(db, name)
    if agent is None or agent.state != "running" or agent.parked:
        return None
    due = taking.readable(db, name, now, 1)
    if not due:
        return None
    number = turns.begin(db, name, agent.incarnation, _model(hive, agent), now)
    (message,) = mail.claim(db, due, number, now)
    turns.set_wake(db, number, message.sender, message.id)
    session = agent.session_id or _new_session(hive, name)
    started = TurnStarted(name, turn=number, wake_source=message.sender, message=message.id)
    events.record(db, started, Claimed(name, ids=[message.id], turn=number), at=now)
    turn, waiting = turns.get(db, number), mail.due(db, name, now)
    assert turn is not None
    return Begun(turn, agent, message, waiting, session, agent.session_id is not None)


def _new_session(hive: Hive, name: str) -> str:
    """Names the session that the agent continues from now on; inside the caller's write transaction."""
    session = str(uuid4())
    agents.set_session(hive.db, name, session)
    return session


def reset_session(hive: Hive, name: str) -> str:
    """Gives the agent a new session because claude does not know the old one; gives back its id."""
    with hive.db.write(durable=False) as db:
        session = _new_session(hive, name)
        events.record(db, SessionReset(name, by=SYSTEM))
    bell.ring(hive.paths.bell, "events")
    return session


def _model(hive: Hive, agent: Agent) -> str:
    wished = agent.model or json.loads(agent.config).get("model")
    return wished if isinstance(wished, str) and wished else hive.settings.claude.model
