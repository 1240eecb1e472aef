"""Agents and turns put straight into a hive's state, for tests that need no process."""

from hivelib.base import clock
from hivelib.flow.opening import Hive
from hivelib.model.records import Caller, Request, Turn
from hivelib.store import agents, turns


def settle_in(hive: Hive, *names: str, config: str = "{}") -> None:
    """Makes running agents, the manager among them when it is named."""
    with hive.db.write() as db:
        for name in names:
            role = "manager" if name == "manager" else "agent"
            agents.add(db, name, role, "bwrap", config, clock.now())
            agents.set_state(db, name, "running", clock.now())


def begin_turn(hive: Hive, name: str) -> Turn:
    """A turn of that agent that runs from now on."""
    with hive.db.write() as db:
        number = turns.begin(db, name, 1, "sonnet", clock.now())
    found = turns.get(hive.db, number)
    assert found
    return found


def in_turn(turn: Turn) -> Caller:
    """The agent as it speaks from its box during that turn."""
    return Caller(turn.agent, "agent", "mcp", turn.id)


def asked(turn: Turn, request_id: str = "1", nonce: str = "0" * 32) -> Request:
    """A call from that turn which may be asked again."""
    return Request(turn.agent, turn.id, nonce, request_id)


def voice(name: str) -> Caller:
    """An agent that speaks from no turn."""
    return Caller(name, "agent", "mcp")
