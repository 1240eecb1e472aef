"""The JSON that several tools give out: what each field means, and how a record becomes one object of them."""

import json
from typing import Any

from hivelib.model.records import Agent, EventRow, Line, Message, Turn

_DEEP = 500
"""Brackets from which on a hostile line might be nested too deeply to be written again."""

RECEIVED = {
    "id": "the message",
    "sender": "who sent it (NAME/LABEL: a script in NAME's box)",
    "body": "its text",
    "sent_at": "UTC seconds",
    "in_reply_to": "the message it answers, or null",
    "broadcast": "whether others got it too",
    "redelivered": "whether it was shown or delivered before",
}

MESSAGE = {
    "id": "the message",
    "sender": "who sent it",
    "recipient": "whose inbox it is in",
    "body": "its text",
    "lane": "normal or urgent",
    "state": "queued, claimed, acked or dead",
    "sent_at": "UTC seconds",
    "in_reply_to": "the message it answers, or null",
    "broadcast_id": "the broadcast it belongs to, or null",
    "claimed_by": "the turn that took it, or null",
    "deliveries": "how often it was delivered in vain",
    "not_before": "UTC seconds before which it is not delivered",
    "acked_at": "UTC seconds, or null",
}

AGENT = {
    "name": "the agent",
    "role": "agent or manager",
    "state": "running, stopped or destroyed",
    "parked": "null, or why it has no turns now: rate_limited, auth_failed, brake, disk, failing, operator",
    "parked_until": "UTC seconds, null: until told",
    "parked_why": "words, or null",
    "needs_login": "whether its login does not work",
    "model": "its own model, or null",
    "backend": "kind of box",
    "incarnation": "a number that no agent had before",
    "queued": "messages in its inbox",
    "claimed": "messages that its turn holds",
    "turn": "the turn that runs now, or null",
    "created_at": "UTC seconds",
}

TURN = {
    "id": "its number",
    "agent": "whose",
    "started_at": "UTC seconds",
    "ended_at": "UTC seconds, or null while it runs",
    "outcome": "ok, failed, prompt_too_long, rate_limited, auth_failed, cancelled, lost, or null",
    "note": "words, or null",
    "wake_source": "who woke it, or null",
    "wake_message": "with which message, or null",
    "cost_usd": "as claude reckons it, or null",
}

EVENT = {
    "seq": "its number, in the order of commits",
    "at": "UTC seconds",
    "kind": "what happened (docs/events.md)",
    "subject": "the agent, or what it is about",
    "payload": "the fields of its kind",
}

LINE = {
    "row": "its number in this agent's transcript",
    "turn": "the turn",
    "at": "UTC seconds",
    "kind": "the type of claude's line",
    "payload": "claude's line: an object, or a string when it was no JSON",
}


def of_message(message: Message) -> dict[str, Any]:
    """The fields of MESSAGE."""
    return message._asdict()


def of_agent(agent: Agent, queued: int, claimed: int, turn: Turn | None) -> dict[str, Any]:
    """The fields of AGENT."""
    kept = {name: value for name, value in agent._asdict().items() if name in AGENT}
    return kept | {
        "parked": agent.parked_kind,
        "needs_login": bool(agent.needs_login),
        "queued": queued,
        "claimed": claimed,
        "turn": turn.id if turn else None,
    }


def of_turn(turn: Turn) -> dict[str, Any]:
    """The fields of TURN."""
    return {name: value for name, value in turn._asdict().items() if name in TURN}


def of_event(row: EventRow) -> dict[str, Any]:
    """The fields of EVENT."""
    return row._asdict() | {"payload": json.loads(row.payload)}


def of_line(line: Line) -> dict[str, Any]:
    """The fields of LINE."""
    try:
        payload = json.loads(line.payload, parse_constant=str)
        if line.payload.count("[") + line.payload.count("{") > _DEEP:
            json.dumps(payload)
    except (ValueError, RecursionError):
        payload = line.payload
    return line._asdict() | {"payload": payload}
