"""The loop damper: two agents that answer each other without end are slowed down, and the operator is told."""

from collections.abc import Sequence

from hivelib.base import bell, clock
from hivelib.base.errors import Refused
from hivelib.flow import warning
from hivelib.flow.opening import Hive
from hivelib.model import rules
from hivelib.model.events import Dampened
from hivelib.model.records import Caller
from hivelib.store import events, mail

_MINUTE = 60.0


def too_much(
    hive: Hive, caller: Caller, recipient: str, now: float, *, also: Sequence[float] = ()
) -> Dampened | None:
    """The event of a message that must not be sent now, because the pair had its share of the last minute; or None.

    `also` is when else the two wrote each other: their questions.
    """
    if not rules.is_agent_pair(caller.name, recipient):
        return None
    limit, since = hive.settings.mail.pair_limit, now - _MINUTE
    times = [*mail.sent_between(hive.db, caller.name, recipient, since, limit), *also]
    retry = rules.retry_at(times, limit, _MINUTE)
    if retry is None:
        return None
    return Dampened(
        caller.name, sender=caller.name, recipient=recipient, count=len(times), retry_at=retry
    )


def refusal(hive: Hive, event: Dampened) -> Refused:
    """What to raise: tells the operator once while it lasts, and the sender each time."""
    pair = event.payload
    name = "dampened:" + ":".join(sorted((pair["sender"], pair["recipient"])))
    both = f"{pair['sender']} and {pair['recipient']}"
    why = f"{both} send each other more than {pair['count']} messages a minute"
    now = clock.now()
    with hive.db.write(durable=False) as db:
        mend = f"hive-stop {pair['sender']}, or {pair['recipient']}"
        if told := warning.raised(db, name, name, why, mend):
            events.record(db, event, *told, at=now)
    bell.ring(hive.paths.bell, "events", "broker")
    seconds = max(1, round(pair["retry_at"] - now))
    return Refused(
        f"too many messages between you and {pair['recipient']}",
        f"try again in {seconds} s, or do more before you write",
    )
