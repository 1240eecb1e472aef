"""How an agent wakes itself: a message from its own box, or one more turn right after the one that runs.

The wish for another turn is kept beside the mail, not in it: were it a message from the start, the agent's own `recv`
would take it, and the turn it asks for would never come. It becomes a message when the turn ends well and nothing else
waits, in the transaction that ends the turn; so real mail makes it pointless, and there is never more than one.
"""

from hivelib.base.errors import Misuse
from hivelib.flow import mailing
from hivelib.flow.opening import Hive
from hivelib.model import names
from hivelib.model.events import Event
from hivelib.model.events import Sent as SentEvent
from hivelib.model.records import Caller, Request, Turn
from hivelib.store import mail, wishes

SELF = "self"
BODY = "continue"


def wake(
    hive: Hive, caller: Caller, label: str, body: str, *, request: Request | None = None
) -> mailing.Sent:
    """Puts a message into the caller's own inbox, from NAME/LABEL; also allowed when no turn runs.

    Raises Misuse for a bad label, Refused for a bad body.
    """
    if reason := names.why_not_label(label):
        raise Misuse(reason, "choose another label")
    anytime = caller._replace(turn=None)
    return mailing.send(hive, anytime, caller.name, body, label=label, request=request)


def request_next_turn(hive: Hive, caller: Caller) -> None:
    """The caller's agent gets another turn after this one, if nothing else waits then. Refused outside a turn."""
    with hive.db.write(durable=False) as db:
        mailing.refuse_stray_turn(hive, caller)
        wishes.keep(db, caller.name, caller.turn or 0)


def grant(hive: Hive, turn: Turn, now: float) -> list[Event]:
    """Inside the transaction that ends `turn` well: grants its wish for another, unless mail waits anyway."""
    name = turn.agent
    if not wishes.take(hive.db, name, turn.id) or mail.any_due(hive.db, name, now):
        return []
    sender = f"{name}/{SELF}"
    message = mail.add(hive.db, sender, name, BODY, lane="normal", at=now)
    return [
        SentEvent(
            name,
            id=message,
            sender=sender,
            recipient=name,
            lane="normal",
            in_reply_to=None,
            broadcast_id=None,
        )
    ]
