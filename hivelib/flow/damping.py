"""The loop damper: two agents that answer each other without end are slowed down, and so is one that its own programs
wake without end; the operator is told."""

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
    """The event of a message that must not be sent now, because the pair had its share of the last minute, or the agent
    that wakes itself; or None. `also` is when else the two wrote each other: their questions."""
    since = now - _MINUTE
    if caller.name == recipient:
        limit = hive.settings.mail.wake_limit
        times = mail.woken(hive.db, recipient, since, now, limit)
    elif rules.is_agent_pair(caller.name, recipient):
        limit = hive.settings.mail.pair_limit
        times = [*mail.sent_between(hive.db, caller.name, recipient, since, limit), *also]
    else:
        return None
    retry = rules.retry_at(times, limit, _MINUTE)
    if retry is None:
        return None
    return Dampened(
        caller.name, sender=caller.name, recipient=recipient, count=len(times), retry_at=retry
    )


def refusal(hive: Hive, event: Dampened) -> Refused:
    """What to raise: tells the operator once while it lasts, and the sender each time."""
    sender, recipient = event.payload["sender"], event.payload["recipient"]
    limit, now = f"more than {event.payload['count']} times a minute", clock.now()
    name = "dampened:" + ":".join(sorted((sender, recipient)))
    if sender == recipient:
        why, mend = f"its own programs wake {sender} {limit}", f"hive-stop {sender}"
        words, advice = "you are woken too often by your own programs", "say more in one message"
    else:
        why, mend = (
            f"{sender} and {recipient} write to each other {limit}",
            f"hive-stop {sender}, or {recipient}",
        )
        words, advice = f"too many messages between you and {recipient}", "do more before you write"
    with hive.db.write(durable=False) as db:
        if told := warning.raised(db, name, name, why, mend):
            events.record(db, event, *told, at=now)
    if told:  # no ring for each refusal: a flood of them would keep all that listen awake
        bell.ring(hive.paths.bell, "events")
    seconds = max(1, round(event.payload["retry_at"] - now))
    return Refused(words, f"try again in {seconds} s, or {advice}")
