"""The table of tools, and what every call goes through: arguments checked, turn checked, done, told."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import mcp_types as types
from pydantic import ValidationError

from hivelib.base.errors import HiveError, Misuse, Refused, Replaced
from hivelib.face import unit
from hivelib.face.mcp import arguments, asking, calls, managing, proposing, reminding, wire
from hivelib.face.mcp.arguments import Arguments
from hivelib.face.mcp.calls import Answer, Call
from hivelib.face.mcp.connection import Connection
from hivelib.flow import mailing
from hivelib.flow.opening import Hive
from hivelib.model.names import MANAGER, nearest
from hivelib.model.records import Request

_ARGUMENTS_MOST = 32


class Tool(NamedTuple):
    """One tool. `run` is short and done at once, `slow` may wait. `anytime`: also when no turn runs."""

    description: str
    model: type[Arguments]
    run: Callable[[Call], Answer] | None = None
    slow: Callable[[Call], Awaitable[Answer]] | None = None
    anytime: bool = False
    keeps: bool = False
    """Its outcome is kept under the request, and given again also when the turn is over."""


COMMON: dict[str, Tool] = {
    "send": Tool(
        "Send a message to another agent, the manager, the operator, or all (`*`). Returns its id. It is delivered "
        "when the recipient's turn takes it; an answer comes as a message to you.",
        arguments.Send,
        calls.send,
        keeps=True,
    ),
    "recv": Tool(
        "Take messages from your inbox, urgent ones first. With wait_seconds it waits for the first one. What you "
        "take is done when your turn ends well; nobody else will see it.",
        arguments.Receive,
        slow=calls.receive,
        keeps=True,
    ),
    "whoami": Tool(
        "Your name and role, the hive's version, and who the operator is.",
        arguments.Nothing,
        calls.whoami,
        anytime=True,
    ),
    "wake": Tool(
        "Put a message into your own inbox, from YOU/label: a turn starts with it when this one has ended.",
        arguments.Wake,
        calls.wake,
        anytime=True,
        keeps=True,
    ),
    "remind": Tool(
        "Send yourself a message later, from `reminder`. Give delay_seconds or at_unix_timestamp; or every_seconds or "
        "calendar for one that comes again and again, once the operator has approved it. A long one, or one with "
        "file_path, becomes a file, and the message says which.",
        reminding.Remind,
        slow=reminding.remind,
        keeps=True,
    ),
    "request_next_turn": Tool(
        "Have another turn right after this one, even with an empty inbox; if mail waits then, it goes first "
        "and this has no effect.",
        arguments.Nothing,
        calls.request_next_turn,
    ),
    "ask": Tool(
        "Ask the operator, or another agent, and go on: the answer comes as a message from system (question_answered). "
        "Returns the question's id.",
        arguments.Ask,
        asking.ask,
        keeps=True,
    ),
    "answer": Tool(
        "Answer a question that you were asked (message question_asked). It is answered once.",
        arguments.Reply,
        asking.answer,
        keeps=True,
    ),
    "cancel": Tool(
        "Take back a question or a reminder of yours; the manager may anybody's.",
        arguments.Cancel,
        asking.cancel,
        keeps=True,
    ),
    "loose_ends": Tool(
        "What is still open: questions you asked and were asked, mail that waits; of the whole hive and with pending "
        "approvals for the manager.",
        arguments.Nothing,
        asking.open_ends,
    ),
    "history": Tool(
        "Messages you sent and were sent, oldest first, with everybody or with one.",
        arguments.History,
        calls.history,
    ),
    "inbox_hook": Tool(
        "Internal: claude's hooks fetch urgent mail with it. Use recv.",
        arguments.Hook,
        calls.inbox_hook,
        keeps=True,
    ),
}
MANAGERS: dict[str, Tool] = {
    "list_agents": Tool(
        "All agents: state, running turn, waiting mail, whether parked and why.",
        arguments.Nothing,
        managing.list_agents,
    ),
    "start": Tool("Start a stopped or parked agent.", arguments.Other, slow=managing.start),
    "kill": Tool(
        "Stop an agent, also in the middle of a turn; its mail waits until it is started.",
        arguments.Other,
        slow=managing.kill,
    ),
    "restart": Tool("Stop an agent and start it again.", arguments.Other, slow=managing.restart),
    "update": Tool(
        "Build an agent anew of the configuration that is deployed, and restart it.",
        arguments.Other,
        slow=managing.update,
    ),
    "get_logs": Tool(
        "The newest lines that an agent's units wrote.", arguments.Logs, slow=managing.get_logs
    ),
    "request_init_config": Tool(
        "Propose a new agent's config repository. Once the operator has approved it, it is /agents/NAME/config for you "
        "to edit (message config_ready).",
        arguments.NewAgent,
        slow=proposing.request_init_config,
        keeps=True,
    ),
    "request_apply_commit": Tool(
        "Propose a commit of /agents/NAME/config. It is fetched and checked now, and deployed when the operator "
        "approves; an agent's first one creates it.",
        arguments.Commit,
        slow=proposing.request_apply_commit,
        keeps=True,
    ),
    "request_spawn": Tool(
        "Propose a new agent made of the template as it is.",
        arguments.NewAgent,
        slow=proposing.request_spawn,
        keeps=True,
    ),
    "request_schedule": Tool(
        "Propose that an agent be sent a message again and again; for yourself remind does the same.",
        arguments.Recurring,
        slow=proposing.request_schedule,
        keeps=True,
    ),
}


def of_role(role: str) -> dict[str, Tool]:
    """The tools that this role has."""
    return {**COMMON, **MANAGERS} if role == MANAGER else COMMON


def described(role: str) -> list[types.Tool]:
    """The tools as `tools/list` gives them."""
    return [
        types.Tool(
            name=name, description=tool.description, input_schema=arguments.schema(tool.model)
        )
        for name, tool in of_role(role).items()
    ]


async def call(
    hive: Hive, connection: Connection, request_id: wire.Id, name: str, said: dict[str, Any]
) -> dict[str, Any]:
    """Does one call and gives back its result as MCP has it. Never raises but for cancellation."""
    try:
        hive.db.still_there()
        return await _call(hive, connection, request_id, name, said)
    except Replaced as error:  # the pump asks the next hive-mcp again
        unit.start_anew("hive-mcp", error)
        return wire.refusal(error.message, "try again")
    except HiveError as error:
        text = f"{mailing.names_shown(name)} refused: {error.message}"
        connection.complain(text, kind=type(error).__name__)
        return wire.refusal(error.message, error.hint)
    except Exception:  # noqa: BLE001 - one agent's bug must not end the others' process
        connection.complain(f"a bug in the tool {name}", bug=True)
        return wire.refusal(
            "this is a bug in the hive; the operator finds it in the journal",
            "look what was done before you try again",
        )


async def _call(
    hive: Hive, connection: Connection, request_id: wire.Id, name: str, said: dict[str, Any]
) -> dict[str, Any]:
    known = of_role(connection.caller.role)
    tool = known.get(name)
    if tool is None:
        shown, near = mailing.names_shown(name), nearest(name[:40], list(known))
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
        raise Misuse(f"there is no tool {shown}", hint)
    caller, checked = connection.caller, _checked(name, tool, said)
    if not tool.anytime and caller.turn is None:
        raise Refused("no turn is running here", "only wake and whoami work outside a turn")
    # A nonce's ids are its pump's own, but a confused client may use one for two tools: so the tool is part of it.
    key = wire.key_of(request_id)
    request = Request(caller.name, caller.turn or 0, connection.nonce, f"{name} {key}")
    one = Call(hive, connection.guest, caller, checked, request)
    await connection.drained()
    if not tool.anytime and not tool.keeps:
        mailing.refuse_stray_turn(hive, caller)
    if tool.run:
        async with connection.guest:
            answer = tool.run(one)
    else:
        assert tool.slow
        answer = await tool.slow(one)
    if answer.carries:
        connection.carry(key, request)
    return _result(answer)


def _checked(name: str, tool: Tool, said: dict[str, Any]) -> Arguments:
    hint = f"call it as {arguments.signature(name, tool.model)}"
    if len(said) > _ARGUMENTS_MOST:
        raise Misuse(f"{name} does not take {len(said)} arguments", hint)
    try:
        return tool.model.model_validate(said)
    except ValidationError as error:
        raise Misuse(f"{name}: {arguments.problems(tool.model, error)}", hint) from None


def _result(answer: Answer) -> dict[str, Any]:
    result: dict[str, Any] = {"content": [{"type": "text", "text": answer.text}], "isError": False}
    if answer.structured is not None:
        result["structuredContent"] = dict(answer.structured)
    if answer.carries:
        result["_meta"] = dict(wire.MARK)
    return result
