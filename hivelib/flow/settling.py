"""How a turn ends: its mail is acked or goes back, its row closes, its agent may be parked: one transaction."""

from typing import Any, NamedTuple

from hivelib.base import bell, clock
from hivelib.base.db import Database
from hivelib.flow import continuing, informing, mailing, warning
from hivelib.flow.opening import Hive
from hivelib.model import rules
from hivelib.model.events import (
    Acked,
    AgentParked,
    AgentUnparked,
    Died,
    Event,
    LoggedIn,
    NeedsLogin,
    Requeued,
    TurnEnded,
    UsageRecorded,
)
from hivelib.model.names import MANAGER, OPERATOR
from hivelib.model.records import Message, Turn
from hivelib.store import agents, events, looks, mail, turns

KEEPS_COUNT = frozenset({"rate_limited", "auth_failed"})
"""Outcomes in which the model never looked at the mail: it goes back at once and no delivery is counted."""


class Outcome(NamedTuple):
    """How a turn ended: one of states.OUTCOMES, words, when to go on (parks until then), columns of `turns`.

    `unseen`: the model never looked at the mail (the box or the API is away), so no delivery is counted and the agent
    is parked as `failing` until then.
    """

    kind: str
    note: str
    until: float | None = None
    figures: dict[str, Any] = {}
    unseen: bool = False

    @property
    def keeps_count(self) -> bool:
        """Whether the mail goes back as it was and the agent is parked."""
        return self.unseen or self.kind in KEEPS_COUNT


def end_turn(hive: Hive, turn: Turn, outcome: Outcome) -> bool:
    """Ends a running turn. False, and nothing changed, when it had ended already."""
    now = clock.now()
    with hive.db.write(durable=False) as db:
        if not turns.end(db, turn.id, outcome.kind, outcome.note, now, **outcome.figures):
            return False
        told: list[Event] = []
        login = False
        if outcome.kind == "ok":
            if done := mail.ack_claims(db, turn.id, now):
                told.append(Acked(turn.agent, ids=done, turn=turn.id))
            told += _back_unread(db, turn)
            told += continuing.grant(hive, turn, now)
            if login := agents.set_needs_login(db, turn.agent, False):
                tell_login(hive, LoggedIn(turn.agent, agent=turn.agent), logged_in=True)
            told += warning.cleared(db, turn.agent, f"crashed:{turn.agent}")
        else:
            told += _back(hive, turn, outcome, now)
        seconds = round(now - turn.started_at, 3)
        told.append(
            TurnEnded(
                turn.agent,
                turn=turn.id,
                outcome=outcome.kind,
                note=outcome.note,
                seconds=seconds,
            )
        )
        if (cost := outcome.figures.get("cost_usd")) is not None:
            told.append(
                UsageRecorded(
                    turn.agent,
                    turn=turn.id,
                    input_tokens=outcome.figures.get("input_tokens"),
                    output_tokens=outcome.figures.get("output_tokens"),
                    cost_usd=cost,
                )
            )
        events.record(db, *told, at=now)
        if outcome.keeps_count:
            reason = outcome.kind if outcome.kind in KEEPS_COUNT else "failing"
            login = park(hive, turn.agent, reason, outcome.until, outcome.note)
    if login:
        mailing.ring_inboxes(hive, [MANAGER])
    bell.ring(hive.paths.bell, "broker", "events", f"agent.{turn.agent}", f"mail.{OPERATOR}")
    return True


def _back_unread(db: Database, turn: Turn) -> list[Event]:
    """Mail whose answer never reached the box is not the turn's fault: it goes back as it was."""
    unread = mail.claims(db, turn.id)
    for message in unread:
        mail.give_back(db, message.id, deliveries=message.deliveries, not_before=0)
    return _said_back(turn, unread, 0, "its answer never reached the box")


def _back(hive: Hive, turn: Turn, outcome: Outcome, now: float) -> list[Event]:
    limits = hive.settings.mail
    told: list[Event] = []
    groups: dict[float, list[Message]] = {}
    for message in mail.claims(hive.db, turn.id):
        if outcome.keeps_count:
            deliveries, not_before = message.deliveries, 0.0
        else:
            deliveries = message.deliveries + 1
            not_before = now + rules.pause(deliveries, limits.pause_first, limits.pause_most)
        if deliveries >= limits.deliveries_most:
            told += _die(hive, message, deliveries, outcome)
        else:
            mail.give_back(hive.db, message.id, deliveries=deliveries, not_before=not_before)
            groups.setdefault(not_before, []).append(message)
    for not_before, messages in groups.items():
        told += _said_back(turn, messages, not_before, f"{outcome.kind}: {outcome.note}")
    return told


def _said_back(turn: Turn, messages: list[Message], not_before: float, why: str) -> list[Event]:
    if not messages:
        return []
    ids = [message.id for message in messages]
    return [Requeued(turn.agent, ids=ids, turn=turn.id, not_before=not_before, why=why)]


def _die(hive: Hive, message: Message, deliveries: int, outcome: Outcome) -> list[Event]:
    mail.bury(hive.db, message.id, deliveries)
    what = f"message {message.id} to {message.recipient} was delivered {deliveries} times in vain"
    why = f"{what}; the last time: {outcome.kind}, {outcome.note}"
    mend = f"hive-redeliver {message.id}"
    mailing.notify(hive, OPERATOR, f"{why}. To try again: {mend}", urgent=True)
    return [
        Died(message.recipient, id=message.id, deliveries=deliveries, why=outcome.note),
        *warning.raised(hive.db, message.recipient, f"dead:{message.id}", why, mend),
    ]


def park(hive: Hive, name: str, kind: str, until: float | None, why: str) -> bool:
    """Parks an agent inside the caller's write transaction and tells the operator; True when the manager was told too,
    of a login that does not work."""
    now = clock.now()
    agents.park(hive.db, name, kind, until, why, now)
    events.record(hive.db, AgentParked(name, reason=kind, until=until, why=why), at=now)
    login = kind == "auth_failed" and agents.set_needs_login(hive.db, name, True)
    if login:
        tell_login(hive, NeedsLogin(name, agent=name), logged_in=False)
    when = f"until {clock.iso(until)}" if until else "until you say so"
    way = f"hive-login {name}" if kind == "auth_failed" else f"hive-start {name}"
    mailing.notify(hive, OPERATOR, f"{name} is parked {when}: {why}. To go on: {way}", urgent=True)
    return login


def tell_login(hive: Hive, told: Event, *, logged_in: bool) -> None:
    """Tells of a login that works or does not, the manager too, inside the caller's write transaction; the caller rings
    the manager's inbox. The crash watch, which compares, finds nothing new then."""
    informing.tell_about(hive, told.subject, told)
    looks.told_login(hive.db, told.subject, logged_in)


def unpark(hive: Hive, name: str, by: str) -> bool:
    """Lets a parked agent have turns again and rings it; False when it was not parked."""
    with hive.db.write(durable=False) as db:
        agent = agents.get(db, name)
        if agent is None or not agent.parked:
            return False
        agents.unpark(db, name, clock.now())
        over = warning.cleared(db, name, f"crashed:{name}")
        events.record(db, AgentUnparked(name, reason=agent.parked_kind, by=by), *over)
    mailing.ring_inboxes(hive, [name])
    return True
