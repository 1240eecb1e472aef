"""Messages and events as people read them: a heading of ours, what others wrote indented below it."""

from hivelib.base import clock
from hivelib.base.text import shortened
from hivelib.face.tables import indented
from hivelib.model.records import EventRow, Message


def letter(message: Message, *, unread: bool = False) -> str:
    """A message as a heading, with its state unless it is `unread` mail, and its body.

    Control characters are made visible, and no line of the body can pass for a heading.
    """
    marks = [
        f"answers {message.in_reply_to}" if message.in_reply_to else "",
        "to all" if message.broadcast_id is not None else "",
        "urgent" if message.lane == "urgent" else "",
        "delivered before" if message.redelivered else "",
        "" if unread or message.state == "acked" else message.state,
    ]
    shown = ", ".join(filter(None, marks))
    who = f"{shortened(message.sender, 60)} → {shortened(message.recipient, 60)}"
    head = f"{message.id}  {clock.local(message.sent_at)}  {who}{f'  ({shown})' if shown else ''}"
    return f"{head}\n{indented(message.body)}\n"


def event(row: EventRow) -> str:
    """An event as one line."""
    return (
        f"{row.seq}  {clock.local(row.at)}  {row.kind}  {shortened(row.subject, 40)}"
        f"  {shortened(row.payload, 2000)}"
    )
