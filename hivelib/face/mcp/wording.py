"""What the model reads, made from committed outcomes alone: the same outcome is always told in the same words.

Bodies come from others and may say anything; every line of one is marked, so none can pass for a line of ours.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hivelib.base import clock
from hivelib.base.text import visible


def sent(outcome: Mapping[str, Any]) -> str:
    """A message was accepted."""
    recipients = outcome["recipients"]
    if len(recipients) == 1:
        return f"sent to {recipients[0]} as message {outcome['id']}"
    return f"sent to {len(recipients)} agents as messages from {outcome['id']} on: {', '.join(recipients)}"


def woken(outcome: Mapping[str, Any]) -> str:
    """A message was put into the own inbox."""
    return f"message {outcome['id']} waits in your own inbox"


def received(outcome: Mapping[str, Any], waited: float = 0.0) -> str:
    """What recv brought."""
    if not outcome["messages"]:
        return f"no message came within {waited:g} s" if waited else "no messages"
    more = f"\n{outcome['waiting']} more wait: call recv again" if outcome["waiting"] else ""
    return listed(outcome["messages"]) + more


def listed(messages: Sequence[Mapping[str, Any]]) -> str:
    """Messages, one after the other."""
    return "\n".join(told(message) for message in messages)


def told(message: Mapping[str, Any]) -> str:
    """One message: a line about it, then its body, every line marked."""
    facts = [clock.iso(message["sent_at"])]
    if message["in_reply_to"] is not None:
        facts.append(f"in reply to {message['in_reply_to']}")
    if message["broadcast"]:
        facts.append("to all")
    if message["redelivered"]:
        facts.append("delivered before, to a turn that did not end well")
    to = f" to {message['recipient']}" if "recipient" in message else ""
    head = f"message {message['id']} from {message['sender']}{to} ({', '.join(facts)}):"
    if message["body"] is None:
        return f"{head} waits in your inbox"
    return "\n".join([head, *(f"> {line}" for line in visible(message["body"]).split("\n"))])


def urgent(outcome: Mapping[str, Any]) -> str:
    """Urgent mail for a turn that runs."""
    count = len(outcome["messages"])
    head = "an urgent message has come" if count == 1 else f"{count} urgent messages have come"
    return f"{head} while you work:\n{listed(outcome['messages'])}"


def proposed(outcome: Mapping[str, Any]) -> str:
    """A proposal, and what the look at it came to."""
    number, status = outcome["id"], outcome["status"]
    if status == "submitting":
        return f"approval {number} is still being looked at; a message tells you what comes of it"
    if status == "pending":
        return f"approval {number} is pending: the operator decides now; a message tells you how"
    why = f": {visible(outcome['note'], one_line=True)}" if outcome["note"] else ""
    return f"approval {number} {'is ' * (status != 'failed')}{status}{why}"


def asked(outcome: Mapping[str, Any]) -> str:
    """A question was accepted."""
    at = outcome["deadline_at"]
    until = "" if at is None else f", at the latest {clock.iso(at)} as [expired]"
    number, target = outcome["id"], outcome["target"]
    return f"question {number} goes to {target}; the answer comes as a message{until}"


def loose_ends(ends: Mapping[str, Any]) -> str:
    """What is still open, a line each."""
    lines = [_open_question(one) for one in ends["questions"]]
    if ends["more_questions"]:
        lines.append(f"{ends['more_questions']} more questions are open")
    lines += map(_waiting_reminder, ends["reminders"])
    lines += [
        visible(
            f"approval {one['id']}: {one['kind']} for {one['agent']} waits for the operator",
            one_line=True,
        )
        for one in ends.get("approvals", ())
    ]
    lines.append(f"{ends['unread']} messages wait in your inbox")
    return "\n".join(lines)


def _waiting_reminder(one: Mapping[str, Any]) -> str:
    again = one["calendar"] or (f"every {one['every']:g} s" if one["every"] else "")
    when = f"{one['state']}, due {clock.iso(one['due_at'])}{f', {again}' if again else ''}"
    return visible(
        f"reminder {one['id']} for {one['owner']} ({when}): {one['message']}", one_line=True
    )


def _open_question(one: Mapping[str, Any]) -> str:
    if "broken" in one:
        words = f"question {one['id']} cannot be read ({one['broken']}): {one['raw']}"
    else:
        at = one["deadline_at"]
        until = "" if at is None else f", expires {clock.iso(at)}"
        head = f"question {one['id']} from {one['asker']} to {one['target']}{until}"
        words = f"{head}: {one['question']}"
    return visible(words, one_line=True)


def introduced(facts: Mapping[str, Any]) -> str:
    """Who the caller is."""
    who = f"you are {facts['name']} ({facts['role']}) in a hive of version {facts['hive_version']}"
    return f"{who}; its operator is {facts['operator']} ({facts['operator_pronouns']})"


def agent(facts: Mapping[str, Any]) -> str:
    """A line of the manager's list."""
    words = [facts["transient"] or facts["state"]]
    if facts["turn"] is not None:
        words.append(f"in turn {facts['turn']}")
    if facts["parked"]:
        words.append(f"parked ({facts['parked']['kind']}: {facts['parked']['why']})")
    if facts["needs_login"]:
        words.append("needs a login")
    words.append(f"{facts['queued']} messages wait")
    return visible(f"{facts['name']} ({facts['role']}): {', '.join(words)}", one_line=True)
