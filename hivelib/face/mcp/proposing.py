"""What the manager proposes and the operator decides. There is on purpose no tool that approves.

The number is kept under the request as soon as there is one, and what it came to as soon as that was said: the same
call asked again is answered the same.
"""

from collections.abc import Callable
from typing import Any, cast

from hivelib.face.mcp import wording
from hivelib.face.mcp.arguments import Commit, NewAgent, Recurring
from hivelib.face.mcp.calls import Answer, Call
from hivelib.face.mcp.managing import aside
from hivelib.flow import scheduling, submitting
from hivelib.flow.opening import Hive

_SECONDS = 20.0
"""How long an answer waits for the look at a proposal; claude waits longer."""


async def request_init_config(call: Call) -> Answer:
    """Asks for a new agent's config repository."""
    said = cast(NewAgent, call.arguments)
    return await _propose(
        call,
        lambda hive: submitting.request_init_config(
            hive, call.caller, said.name, said.description or "", request=call.request
        ),
    )


async def request_spawn(call: Call) -> Answer:
    """Asks for a new agent made of the template."""
    said = cast(NewAgent, call.arguments)
    return await _propose(
        call,
        lambda hive: submitting.request_spawn(
            hive, call.caller, said.name, said.description or "", request=call.request
        ),
    )


async def request_apply_commit(call: Call) -> Answer:
    """Asks that a commit be deployed."""
    said = cast(Commit, call.arguments)
    return await _propose(
        call,
        lambda hive: submitting.request_apply_commit(
            hive,
            call.caller,
            said.agent,
            said.commit_ref,
            said.description or "",
            request=call.request,
        ),
    )


async def request_schedule(call: Call) -> Answer:
    """Asks that an agent be reminded again and again."""
    said = cast(Recurring, call.arguments)

    def work(hive: Hive) -> dict[str, Any]:
        number = scheduling.request(
            hive,
            call.caller,
            said.agent,
            said.message,
            every=said.every_seconds,
            calendar=said.calendar or "",
            description=said.description or "",
            request=call.request,
        )
        return {"id": number, "status": "pending", "note": ""}

    outcome = await aside(call, work)
    return Answer(wording.proposed(outcome), outcome)


async def _propose(call: Call, submit: Callable[[Hive], int]) -> Answer:
    def work(hive: Hive) -> dict[str, Any]:
        return submitting.outcome(hive, submit(hive), _SECONDS, call.request)

    outcome = await aside(call, work)
    return Answer(wording.proposed(outcome), outcome)
