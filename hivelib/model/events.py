"""Every kind of event, past tense, with its fields. docs/events.md is generated from this file.

An event is written in the same transaction as the change it tells of. `subject` is the agent, or the id of what it
is about (`approval:12`). A kind stands here once something writes it (SPEC section 12 has those to come). The classes
are plain, not dataclasses: sixty generated constructors would cost every short tool 20 ms.
"""

from typing import Any, ClassVar


class Event:
    """Base of all kinds: keeps exactly the declared fields, in order; a wrong or missing one is a TypeError."""

    kind: ClassVar[str]
    fields: ClassVar[dict[str, str]]
    kinds: ClassVar[dict[str, type["Event"]]] = {}

    def __init__(self, subject: str, **payload: Any) -> None:
        if payload.keys() != self.fields.keys():
            wrong = sorted(payload.keys() ^ self.fields.keys())
            raise TypeError(f"event {self.kind}: wrong or missing fields {', '.join(wrong)}")
        self.subject = subject
        self.payload = payload

    def __init_subclass__(cls) -> None:
        Event.kinds[cls.kind] = cls


# mail


class Sent(Event):
    """A message was accepted and is queued."""

    kind = "sent"
    fields = {
        "id": "the message",
        "sender": "who sent it",
        "recipient": "whose inbox it is in",
        "lane": "normal or urgent",
        "in_reply_to": "the message it answers, or null",
        "broadcast_id": "the broadcast it belongs to, or null",
    }


class Claimed(Event):
    """A turn, or the operator, took messages from an inbox."""

    kind = "claimed"
    fields = {"ids": "the messages", "turn": "the turn that holds them, null for the operator"}


class Acked(Event):
    """The turn that held these messages ended well: they are done."""

    kind = "acked"
    fields = {"ids": "the messages", "turn": "the turn, null for the operator"}


class Requeued(Event):
    """Messages went back to the inbox because the turn that held them did not end well."""

    kind = "requeued"
    fields = {
        "ids": "the messages",
        "turn": "the turn",
        "not_before": "when they may be delivered again",
        "why": "the reason in words",
    }


class Died(Event):
    """A message was delivered as often as allowed and never taken, or cannot be read: kept, shown, not delivered."""

    kind = "died"
    fields = {"id": "the message", "deliveries": "how often", "why": "the last reason"}


class Redelivered(Event):
    """The operator put a dead message back into its inbox."""

    kind = "redelivered"
    fields = {"id": "the message"}


class Dampened(Event):
    """A message was refused because the pair talks too much, or an agent's own programs wake it too often: then both
    are the same."""

    kind = "dampened"
    fields = {
        "sender": "who",
        "recipient": "to whom",
        "count": "messages in the last minute, both ways; or wakes",
        "retry_at": "when to try again",
    }


# turns


class TurnStarted(Event):
    """A turn began."""

    kind = "turn_started"
    fields = {"turn": "its number", "wake_source": "who woke it", "message": "the message, or null"}


class TurnEnded(Event):
    """A turn ended."""

    kind = "turn_ended"
    fields = {
        "turn": "its number",
        "outcome": "ok, failed, …",
        "note": "words",
        "seconds": "how long",
    }


class TurnCancelled(Event):
    """Somebody asked a running turn to stop."""

    kind = "turn_cancelled"
    fields = {"turn": "its number", "by": "who"}


class AgentParked(Event):
    """No more turns for this agent until the time named, or until the operator says so."""

    kind = "agent_parked"
    fields = {
        "reason": "rate_limited, auth_failed, brake, disk, failing, crashing or operator",
        "until": "UTC seconds, null: until told",
        "why": "words",
    }


class AgentUnparked(Event):
    """The agent may have turns again."""

    kind = "agent_unparked"
    fields = {"reason": "why it had been parked", "by": "who or what unparked it"}


class SessionReset(Event):
    """The agent begins a new session: what was said in the old one is no longer before the model."""

    kind = "session_reset"
    fields = {"by": "who; system: claude did not know the old one any more"}


class UsageRecorded(Event):
    """What a turn used."""

    kind = "usage_recorded"
    fields = {
        "turn": "the turn",
        "input_tokens": "of the whole turn",
        "output_tokens": "of the whole turn",
        "cost_usd": "as claude reckons it",
    }


# agents


class AgentAdded(Event):
    """An agent exists from now on."""

    kind = "agent_added"
    fields = {
        "role": "agent or manager",
        "backend": "kind of box",
        "incarnation": "its number",
        "by": "who",
    }


class AgentChanged(Event):
    """Something of an agent is another than before."""

    kind = "agent_changed"
    fields = {"what": "config", "by": "who"}


class AgentRemoved(Event):
    """The agent and its state are gone (purged)."""

    kind = "agent_removed"
    fields = {"by": "who"}


class Spawned(Event):
    """A new agent's box was made."""

    kind = "spawned"
    fields = {"agent": "its name", "note": "words"}


class Started(Event):
    """The agent's box was started."""

    kind = "started"
    fields = {"agent": "its name", "by": "who"}


class Killed(Event):
    """An agent's box was stopped."""

    kind = "killed"
    fields = {"agent": "its name", "by": "who"}


class Destroyed(Event):
    """An agent's box is gone; its state is kept as a tombstone."""

    kind = "destroyed"
    fields = {"agent": "its name", "by": "who"}


class NeedsLogin(Event):
    """The agent's login does not work."""

    kind = "needs_login"
    fields = {"agent": "its name"}


class LoggedIn(Event):
    """The agent has a login."""

    kind = "logged_in"
    fields = {"agent": "its name"}


class TombstonesChanged(Event):
    """The list of destroyed agents with kept state changed."""

    kind = "tombstones_changed"
    fields = {"names": "all of them now"}


# the way out of a box


class EgressAllowed(Event):
    """Connections out of a box that were let through, summed per host and minute."""

    kind = "egress_allowed"
    fields = {"host": "host:port", "count": "connections", "minute": "UTC seconds of the minute"}


class EgressRefused(Event):
    """Connections out of a box that were refused, summed per host and minute."""

    kind = "egress_refused"
    fields = {
        "host": "host:port",
        "count": "connections",
        "minute": "UTC seconds of the minute",
        "why": "words",
    }


# the operator


class OperatorLoggedIn(Event):
    """Somebody opened the dashboard with a login link."""

    kind = "operator_logged_in"
    fields = {"surface": "where", "address": "from where"}


class SessionEnded(Event):
    """Somebody logged out of the dashboard, or was."""

    kind = "session_ended"
    fields = {"session": "the beginning of its hash", "by": "whoever ended it"}


class WarningRaised(Event):
    """Something needs the operator's eye."""

    kind = "warning_raised"
    fields = {
        "name": "a short name, unique while it stands",
        "why": "words",
        "mend": "the line that mends it",
    }


class WarningCleared(Event):
    """What the warning told of is over."""

    kind = "warning_cleared"
    fields = {"name": "the warning's name"}
