"""Mail: one verb, one transaction, then one ring."""

from typing import Any, NamedTuple

from hivelib.base import bell, clock
from hivelib.base.db import Database
from hivelib.base.errors import Misuse, Refused
from hivelib.base.text import shortened
from hivelib.flow import damping, taking, warning
from hivelib.flow.opening import Hive
from hivelib.model import names, rules
from hivelib.model.events import (
    Acked,
    Claimed,
    Dampened,
    Redelivered,
)
from hivelib.model.events import Sent as SentEvent
from hivelib.model.names import EVERYBODY, OPERATOR
from hivelib.model.records import Caller, Message, Request
from hivelib.store import agents, answers, events, mail, turns

SHELL = Caller(OPERATOR, "operator", "shell")
SYSTEM = Caller(names.SYSTEM, "system", "hive")


class Sent(NamedTuple):
    """What a send came to: the id (of a broadcast: its first), whom it is for, whether it had been sent before."""

    id: int
    recipients: list[str]
    already: bool


def send(
    hive: Hive,
    caller: Caller,
    to: str,
    body: str,
    *,
    in_reply_to: int | None = None,
    lane: str | None = None,
    key: str | None = None,
    request: Request | None = None,
    label: str | None = None,
) -> Sent:
    """Queues a message for an agent, the manager, the operator or everybody (`*`); returns once it is on the disk.

    `lane` is normal or urgent (default: urgent from the operator); the same `key`, or the same `request`, sent
    again changes nothing and gives the first id; `label` shows the sender as NAME/LABEL (wake).
    Raises Refused or Misuse, with a reason and a way out.
    """
    if wrong := rules.why_not_body(body, hive.settings.mail.body_limit):
        raise Refused(*wrong)
    lane = lane or ("urgent" if caller.role == "operator" else "normal")
    if lane not in ("normal", "urgent"):
        raise Misuse(f"no lane {names_shown(lane)}", "lanes are normal and urgent")
    now = clock.now()
    with hive.db.write(durable=False) as db:
        done: Sent | Dampened | None = _sent_before(db, caller, key, request)
        if done is None:
            refuse_stray_turn(hive, caller)
            done = _queue(hive, caller, to, body, lane, in_reply_to, label, now)
            if isinstance(done, Sent):
                _remember(db, caller, key, request, done, now)
    if isinstance(done, Dampened):
        raise damping.refusal(hive, done)
    ring_inboxes(hive, done.recipients)  # they may look while the disk is still at work
    hive.db.sync()
    return done


def _sent_before(
    db: Database, caller: Caller, key: str | None, request: Request | None
) -> Sent | None:
    if request and (known := answers.known(db, request)) is not None:
        return Sent(known["id"], known["recipients"], True)
    if key is not None and (first := answers.known_key(db, caller.name, key)) is not None:
        return Sent(first, mail.recipients(db, first), True)
    return None


def _remember(
    db: Database, caller: Caller, key: str | None, request: Request | None, sent: Sent, now: float
) -> None:
    if key is not None:
        answers.keep_key(db, caller.name, key, sent.id, now)
    if request:
        outcome = {"id": sent.id, "recipients": sent.recipients}
        answers.fill(db, answers.reserve(db, request, now), outcome)


def _queue(
    hive: Hive,
    caller: Caller,
    to: str,
    body: str,
    lane: str,
    in_reply_to: int | None,
    label: str | None,
    now: float,
) -> Sent | Dampened:
    recipients = recipients_of(hive, caller, to, label)
    if in_reply_to is not None and mail.get(hive.db, in_reply_to) is None:
        raise Refused(f"there is no message {in_reply_to} to reply to", "name another, or none")
    for recipient in recipients:
        if dampened := damping.too_much(hive, caller, recipient, now):
            return dampened
    sender = f"{caller.name}/{label}" if label else caller.name
    return _insert(hive, sender, recipients, body, lane, in_reply_to, now)


def _insert(
    hive: Hive,
    sender: str,
    recipients: list[str],
    body: str,
    lane: str,
    in_reply_to: int | None,
    now: float,
) -> Sent:
    ids = [
        mail.add(hive.db, sender, to, body, lane=lane, at=now, in_reply_to=in_reply_to)
        for to in recipients
    ]
    broadcast = ids[0] if len(ids) > 1 else None
    if broadcast:
        mail.mark_broadcast(hive.db, ids)
    told = (
        SentEvent(
            recipient,
            id=message,
            sender=sender,
            recipient=recipient,
            lane=lane,
            in_reply_to=in_reply_to,
            broadcast_id=broadcast,
        )
        for message, recipient in zip(ids, recipients, strict=True)
    )
    events.record(hive.db, *told, at=now)
    return Sent(ids[0], recipients, False)


def notify(hive: Hive, to: str, body: str, *, urgent: bool = False) -> None:
    """A message from the hive itself, inside the caller's write transaction; the caller rings afterwards."""
    lane = "urgent" if urgent else "normal"
    _insert(hive, names.SYSTEM, [to], body, lane, None, clock.now())


def refuse_stray_turn(hive: Hive, caller: Caller) -> None:
    """Raises Refused when an agent speaks from a turn that does not run: no zombie acts for the next one."""
    if caller.surface != "mcp" or caller.turn is None:
        return
    if not turns.is_running(hive.db, caller.name, caller.turn):
        raise Refused(f"turn {caller.turn} is not running any more", "end now; your mail is kept")


def recipients_of(hive: Hive, caller: Caller, to: str, label: str | None = None) -> list[str]:
    """Whom `to` means when the caller says it. Raises Refused when the allow-list forbids it or there is no such."""
    if label is not None:
        return [caller.name]
    allowed = agents.allowed_recipients(hive.db, caller.name) if caller.role == "agent" else []
    if reason := rules.why_not_recipient(caller, to, allowed):
        raise Refused(reason, "ask the manager to change allowed_recipients")
    if to == EVERYBODY:
        everybody = [name for name in agents.live_names(hive.db) if name != caller.name]
        if not everybody:
            raise Refused("there is nobody else", "spawn an agent first")
        return everybody
    if to == caller.name:
        raise Refused("that is yourself", "an agent's own reminder is the tool `wake`")
    if to != OPERATOR and not (names.is_name(to) and agents.is_live(hive.db, to)):
        known = [*agents.live_names(hive.db), OPERATOR]
        near = names.nearest(to, known)
        shown = ", ".join(near or sorted(known))
        raise Refused(
            f"no agent is called {names_shown(to)}",
            f"did you mean {shown}?" if near else f"there are: {shown}",
        )
    return [to]


def take(
    hive: Hive,
    caller: Caller,
    most: int,
    *,
    lane: str | None = None,
    request: Request | None = None,
) -> dict[str, Any]:
    """Claims up to `most` due messages for the caller's turn, without waiting.

    Gives back `{"messages": [public fields…], "waiting": how many more}`; the same `request` gives the same again.
    """
    now = clock.now()
    if request and (known := answers.known(hive.db, request)) is not None:
        return dict(known)
    if not mail.any_due(hive.db, caller.name, now, lane):
        refuse_stray_turn(hive, caller)
        return {"messages": [], "waiting": 0}
    with hive.db.write(durable=False) as db:
        if request and (known := answers.known(db, request)) is not None:
            return dict(known)
        refuse_stray_turn(hive, caller)
        answer = answers.reserve(db, request, now) if request else None
        due = taking.readable(db, caller.name, now, most, lane)
        taken = mail.claim(db, due, caller.turn or 0, now, answer)
        outcome = {
            "messages": [message.public() for message in taken],
            "waiting": mail.due(db, caller.name, now),
        }
        if taken:
            ids = [message.id for message in taken]
            events.record(db, Claimed(caller.name, ids=ids, turn=caller.turn), at=now)
        if answer is not None:
            answers.fill(db, answer, outcome)
    bell.ring(hive.paths.bell, "events")
    return outcome


def confirm(hive: Hive, request: Request) -> bool:
    """The box has the answer to this request: what it carried may now be acked with its turn."""
    with hive.db.write(durable=False) as db:
        return answers.confirm(db, request, clock.now())


def inbox(hive: Hive, name: str, limit: int = 32) -> list[Message]:
    """What waits in an inbox, in the order of delivery, without taking it."""
    return mail.peek(hive.db, name, limit)


def mark_read(hive: Hive, ids: list[int]) -> None:
    """The operator has seen these messages: called after they were shown, so that a killed tool loses none."""
    now = clock.now()
    with hive.db.write() as db:
        if read := mail.ack_read(db, OPERATOR, ids, now):
            events.record(db, Acked(OPERATOR, ids=read, turn=None), at=now)
    bell.ring(hive.paths.bell, "events")


def redeliver(hive: Hive, message: int) -> bool:
    """Puts a dead message back into its inbox, or one that a turn holds which does not run any more; False when it is
    there already. Raises Refused otherwise."""
    with hive.db.write() as db:
        found = mail.get(db, message)
        if found is None:
            raise Refused(f"there is no message {message}", "`hive-search WORDS` finds messages")
        if found.state == "queued":
            return False
        held = found.state == "claimed" and turns.is_running(
            db, found.recipient, found.claimed_by or 0
        )
        if held or found.state == "acked":
            raise Refused(
                f"message {message} is {found.state}, not dead", "only dead letters come back"
            )
        if found.recipient != OPERATOR and not agents.is_live(db, found.recipient):
            raise Refused(f"{found.recipient} does not exist any more", "send it to somebody else")
        if found.state == "dead":
            mail.revive(db, message)
        else:
            mail.give_back(db, message, deliveries=found.deliveries + 1, not_before=0)
        over = warning.cleared(db, found.recipient, f"dead:{message}")
        events.record(db, Redelivered(found.recipient, id=message), *over)
    ring_inboxes(hive, [found.recipient])
    return True


def ring_inboxes(hive: Hive, recipients: list[str]) -> None:
    """Wakes whoever waits for these inboxes, and the turn loops."""
    topics = [topic for name in recipients for topic in (f"mail.{name}", f"turn.{name}")]
    bell.ring(hive.paths.bell, *topics, "events")


def deaf(hive: Hive, recipients: list[str]) -> list[str]:
    """Those of them whose bell nobody listens to: they are stopped, or the hive is down."""
    where = hive.paths.bell
    return [one for one in recipients if one != OPERATOR and not bell.heard(where, f"turn.{one}")]


def no_agent(hive: Hive, name: str) -> Refused:
    """What to raise when no agent is called so: it names those whose names are near."""
    near = names.nearest(name, agents.live_names(hive.db))
    hint = f"did you mean {' or '.join(near)}?" if near else "`hive-agents` lists them"
    return Refused(f"no agent is called {names_shown(name)}", hint)


def names_shown(name: str) -> str:
    """A name that somebody gave us, safe to show in a message."""
    return f"‘{shortened(name, 40)}’"
