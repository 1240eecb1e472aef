"""What only the manager has: it sees the others, starts and stops them, and reads what their units wrote.

What they do to an agent is done by the lane's worker. That and the journal may take long, so these wait in a
thread with a database connection of its own.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import anyio
import anyio.to_thread

from hivelib.base.errors import Refused
from hivelib.base.text import visible
from hivelib.face.mcp import wording
from hivelib.face.mcp.arguments import Logs, Other
from hivelib.face.mcp.calls import Answer, Call
from hivelib.flow import ordering, showing
from hivelib.flow.opening import Hive, open_hive
from hivelib.flow.showing import AgentRow

T = TypeVar("T")


def list_agents(call: Call) -> Answer:
    """All live agents."""
    found = [_shown(row) for row in showing.agent_rows(call.hive)]
    return Answer("\n".join(map(wording.agent, found)), {"agents": found})


def _shown(row: AgentRow) -> dict[str, Any]:
    """What the manager sees of an agent."""
    agent = row.agent
    parked = {"kind": agent.parked_kind, "until": agent.parked_until, "why": agent.parked_why}
    return {
        "name": agent.name,
        "role": agent.role,
        "state": agent.state,
        "transient": row.transient,
        "turn": row.turn.id if row.turn else None,
        "queued": row.queued,
        "model": agent.model,
        "needs_login": bool(agent.needs_login),
        "parked": parked if agent.parked else None,
    }


async def start(call: Call) -> Answer:
    """Starts a stopped agent, or ends its parking."""
    return await _order(call, "start", "runs")


async def kill(call: Call) -> Answer:
    """Stops an agent, also in the middle of a turn; its mail waits."""
    return await _order(call, "stop", "is stopped")


async def restart(call: Call) -> Answer:
    """Stops and starts an agent."""
    return await _order(call, "restart", "runs")


async def update(call: Call) -> Answer:
    """Builds an agent anew of what is deployed, and restarts it."""
    return await _order(call, "rebuild", "runs, built anew")


async def get_logs(call: Call) -> Answer:
    """The newest lines of an agent's units."""
    said = cast(Logs, call.arguments)
    lines = await aside(call, lambda hive: showing.agent_logs(hive, said.agent, said.lines or 50))
    shown = [visible(line, one_line=True) for line in lines]
    return Answer("\n".join(shown) or "nothing was logged", {"lines": shown})


async def _order(call: Call, kind: str, words: str) -> Answer:
    name, by = cast(Other, call.arguments).name, call.caller.name
    if name == by:
        raise Refused("that is yourself", "ask the operator")
    done = await aside(call, lambda hive: ordering.order(hive, kind, name, by=by))
    text = f"{name} {words} already" if done.already else f"{name} {words}"
    return Answer(text, {"agent": name, "already": done.already})


async def aside(call: Call, work: Callable[[Hive], T]) -> T:
    """What `work` gives, done in a thread with a database connection of its own."""

    def run() -> T:
        hive = open_hive(call.hive.settings)
        with hive.db:
            return work(hive)

    return await anyio.to_thread.run_sync(run, abandon_on_cancel=True)
