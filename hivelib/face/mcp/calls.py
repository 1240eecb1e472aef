"""The tools of every agent: each is one call in hivelib.flow and the words about its outcome."""

from collections.abc import Mapping
from select import EPOLLIN, epoll
from typing import Any, NamedTuple, cast

import anyio

from hivelib.base import bell, clock
from hivelib.base.errors import Refused
from hivelib.face.mcp import hook, limits, wording
from hivelib.face.mcp.arguments import Arguments, History, Hook, Receive, Send, Wake
from hivelib.face.mcp.limits import Guest
from hivelib.flow import continuing, mailing, telling
from hivelib.flow.opening import Hive
from hivelib.model.records import Caller, Request

_LOOK_SECONDS = 60.0  # the safety net for a ring that was lost


class Call(NamedTuple):
    """One call: who speaks, what was said, and the request under which its outcome is kept."""

    hive: Hive
    guest: Guest
    caller: Caller
    arguments: Arguments
    request: Request


class Answer(NamedTuple):
    """What a call came to; `carries` when it holds mail that the pump must confirm."""

    text: str
    structured: Mapping[str, Any] | None = None
    carries: bool = False


def send(call: Call) -> Answer:
    """Queues a message."""
    said = cast(Send, call.arguments)
    done = mailing.send(
        call.hive,
        call.caller,
        said.to,
        said.body,
        in_reply_to=said.in_reply_to,
        lane=said.lane,
        request=call.request,
    )
    outcome = {"id": done.id, "recipients": done.recipients}
    return Answer(wording.sent(outcome), outcome)


def wake(call: Call) -> Answer:
    """Puts a message into the own inbox."""
    said = cast(Wake, call.arguments)
    done = continuing.wake(call.hive, call.caller, said.label, said.body, request=call.request)
    outcome = {"id": done.id}
    return Answer(wording.woken(outcome), outcome)


def whoami(call: Call) -> Answer:
    """Tells the agent who it is."""
    who = telling.introduce(call.hive, call.caller)
    facts = {
        "name": who.name,
        "role": who.role,
        "hive_version": who.hive_version,
        "operator": who.operator,
        "operator_pronouns": who.pronouns,
    }
    return Answer(wording.introduced(facts), facts)


def request_next_turn(call: Call) -> Answer:
    """Asks for another turn."""
    continuing.request_next_turn(call.hive, call.caller)
    words = "when this turn ends well another follows, unless mail comes first"
    return Answer(words, {"requested": True})


def history(call: Call) -> Answer:
    """Old mail; what still waits is named, but only `recv` gives its body."""
    said = cast(History, call.arguments)
    name = call.caller.name
    found = []
    for message in telling.history(call.hive, name, said.other, said.limit or 10):
        unread = message.recipient == name and message.state == "queued"
        fields = {**message.public(), "recipient": message.recipient, "state": message.state}
        found.append({**fields, "body": None} if unread else fields)
    return Answer(wording.listed(found) or "no messages yet", {"messages": found})


def inbox_hook(call: Call) -> Answer:
    """Takes urgent mail for the running turn."""
    said = cast(Hook, call.arguments)
    outcome = mailing.take(call.hive, call.caller, hook.MOST, lane="urgent", request=call.request)
    return Answer(hook.answer(said.event, outcome), None, bool(outcome["messages"]))


async def receive(call: Call) -> Answer:
    """Takes mail, and waits for the first message if asked to: it listens, looks, and only then sleeps.

    A wait that is cancelled has claimed nothing; it ends when the turn does, by the refusal of `take`.
    """
    said = cast(Receive, call.arguments)
    wait = said.wait_seconds or 0.0
    outcome = await _take(call, said)
    if outcome["messages"] or not wait:
        return _received(outcome, 0.0)
    if call.guest.waiting >= limits.WAITING:
        raise Refused(f"{limits.WAITING} calls of recv wait already", "one is enough")
    call.guest.waiting += 1
    try:
        return await _wait(call, said, clock.monotonic() + wait)
    finally:
        call.guest.waiting -= 1


async def _wait(call: Call, said: Receive, until: float) -> Answer:
    bells, name = call.hive.paths.bell, call.caller.name
    # `agent.NAME` rings when its turn ends: nobody waits for a turn that is over.
    with bell.listening(bells, f"mail.{name}", f"agent.{name}") as listeners, epoll() as any_bell:
        for listener in listeners:
            any_bell.register(listener, EPOLLIN)
        outcome = await _take(call, said)
        while not outcome["messages"] and (left := until - clock.monotonic()) > 0:
            with anyio.move_on_after(min(left, _LOOK_SECONDS)):
                await anyio.wait_readable(any_bell)
            for listener in listeners:
                bell.drain(listener.fileno())
            outcome = await _take(call, said)
    return _received(outcome, said.wait_seconds or 0.0)


async def _take(call: Call, said: Receive) -> dict[str, Any]:
    async with call.guest:
        return mailing.take(call.hive, call.caller, said.max or 1, request=call.request)


def _received(outcome: dict[str, Any], waited: float) -> Answer:
    return Answer(wording.received(outcome, waited), outcome, bool(outcome["messages"]))
