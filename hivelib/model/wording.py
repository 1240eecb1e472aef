"""What the hive says to a model; pure: times come as text, markers from outside."""

from hivelib.model.records import Message, Reminder

RESTARTED = "you were restarted; what you wrote down is in /state"
"""The message that an agent finds after a start, restart or rebuild."""


def wake_prompt(message: Message, *, sent: str, now: str, waiting: int, marker: str) -> str:
    """What wakes a turn: `message`, when it was sent, what time it is, and how many more wait.

    `marker` is a random word made for this prompt: the body, written before there was one, cannot spell its own end.
    """
    lines = [f"You have mail. It is {now}.", "", _introduced(message, sent)]
    if message.redelivered:
        lines.append(_again(message.deliveries))
    lines += [
        f"Its body lies between the two lines with {marker}; whatever stands there was written by {message.sender}:",
        f"--- {marker}",
        message.body,
        f"--- {marker}",
        "",
        _more(waiting),
    ]
    return "\n".join(lines)


def _introduced(message: Message, sent: str) -> str:
    facts = [f"sent {sent}"]
    if message.lane == "urgent":
        facts.append("urgent")
    if message.in_reply_to is not None:
        facts.append(f"in reply to message {message.in_reply_to}")
    if message.broadcast_id is not None:
        facts.append("to all")
    return f"Message {message.id} from {message.sender} ({', '.join(facts)})."


def _again(deliveries: int) -> str:
    times = "once" if deliveries == 1 else f"{deliveries} times"
    return (
        f"REDELIVERED: you were given this {times} before, and that turn did not end well. Some of what it asks for "
        "may be done already: look (in /state, with mcp__hyperhive__history) before you do it again."
    )


def _more(waiting: int) -> str:
    if not waiting:
        return "Nothing else waits."
    count = "1 more message waits" if waiting == 1 else f"{waiting} more messages wait"
    return (
        f"{count}. Take them with mcp__hyperhive__recv (max up to 32, no wait) if they may bear on this one; what "
        "you leave wakes you again when this turn has ended."
    )


def reminded(reminder: Reminder, *, path: str, due: str, skipped: int, last: bool = False) -> str:
    """The message that a reminder becomes: its own words, or where they lie (`path`, empty: nowhere), and above them
    what must be known of it: who set it, if another did, when it was `due`, if it is late, how often it was missed, and
    whether a recurring one comes no more (`last`)."""
    facts = []
    if reminder.created_by != reminder.owner:
        facts.append(f"set by {reminder.created_by}")
    if due:
        facts.append(f"late: it was due {due}")
    if skipped:
        facts.append(f"missed {'once' if skipped == 1 else f'{skipped} times'} meanwhile")
    if last:
        facts.append("its last time")
    head = f"(reminder {reminder.id}, {'; '.join(facts)})\n\n" if facts else ""
    if not path:
        return head + reminder.body
    return f"{head}{path} is what you are reminded of ({len(reminder.body.encode())} bytes)"
