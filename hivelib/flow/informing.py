"""What the manager is told of approvals and agents: the event itself, as a JSON body from `system` (SPEC section 6)."""

import json

from hivelib.flow import mailing
from hivelib.flow.opening import Hive
from hivelib.model.events import Event
from hivelib.model.names import MANAGER
from hivelib.store import agents, events


def tell(hive: Hive, *told: Event) -> None:
    """Records these events and puts each into the manager's inbox with the same fields, inside the caller's write
    transaction; the caller rings the manager's inbox (`mailing.ring_inboxes`) afterwards."""
    events.record(hive.db, *told)
    if not agents.is_live(hive.db, MANAGER):
        return
    for event in told:
        mailing.notify(hive, MANAGER, body(event))


def tell_about(hive: Hive, agent: str, *told: Event) -> None:
    """As `tell`, of what has become of `agent`; but of itself the manager would only read when it is well again."""
    if agent == MANAGER:
        events.record(hive.db, *told)
    else:
        tell(hive, *told)


def body(event: Event) -> str:
    """The message for an event: one JSON object, `event` names its kind. Long words are cut to what a body holds."""
    payload = {
        name: value[:1500] if isinstance(value, str) else value
        for name, value in event.payload.items()
    }
    return json.dumps({"event": event.kind, **payload}, ensure_ascii=False)
