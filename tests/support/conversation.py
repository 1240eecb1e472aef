"""Reads a request of the Messages API the way Claude Code 2.1.197 writes it.

The API keeps no state, so where a script stands can be told from the request alone: the newest user
text that a rule knows is the prompt, and the model's messages after it are the steps done. Retries,
resumed sessions, killed turns and agents in parallel therefore cannot get out of step.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.support.script import Result, Rule, Seen

COMPACTION = "CRITICAL: Respond with TEXT ONLY"
REMINDER = "<system-reminder>"
# What claude itself puts in the model's mouth when a turn was broken off (facts, section 5).
NOT_THE_MODELS = "No response requested."

Block = Mapping[str, Any]
Message = Mapping[str, Any]


def read(
    number: int, body: Mapping[str, Any], headers: Mapping[str, str], rules: Sequence[Rule]
) -> Seen:
    """The request as the model sees it, with the rule that knows it (None when none does)."""
    messages = list(body.get("messages", []))
    seen = Seen(
        number=number,
        system=text_of(body.get("system")),
        tools=tuple(str(tool.get("name")) for tool in body.get("tools", [])),
        session=str((body.get("metadata") or {}).get("user_id", "")),
        headers={name.lower(): value for name, value in headers.items()},
        body=body,
    )
    if messages and any(COMPACTION in text for text in texts(messages[-1])):
        return replace(seen, compaction=True)
    mine = [rule for rule in rules if re.search(rule.agent, seen.system)]
    for place in range(len(messages) - 1, -1, -1):
        if messages[place].get("role") != "user":
            continue
        for text in reversed(list(texts(messages[place]))):
            if text.startswith(REMINDER):
                continue
            for rule in mine:
                if re.search(rule.when, text):
                    since = messages[place:]
                    return replace(
                        seen,
                        rule=rule,
                        prompt=text,
                        step=sum(is_the_models(message) for message in since),
                        results=tuple(results(messages, since)),
                        notes=tuple(notes(since)),
                    )
    return seen


def blocks(message: Message) -> list[Block]:
    """A message's content as blocks; a string is one text block."""
    content = message.get("content")
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content or [])


def texts(message: Message) -> Iterator[str]:
    """The texts of a message, in order."""
    return (str(block.get("text", "")) for block in blocks(message) if block.get("type") == "text")


def text_of(content: Any) -> str:
    """A content that may be missing, a string or a list of text blocks, as one string."""
    if not content or isinstance(content, str):
        return content or ""
    return "\n".join(str(block.get("text", "")) for block in content)


def is_the_models(message: Message) -> bool:
    """Whether a message is an answer of the model, not one that claude made up."""
    if message.get("role") != "assistant":
        return False
    return [text.strip() for text in texts(message)] != [NOT_THE_MODELS] or any(
        block.get("type") == "tool_use" for block in blocks(message)
    )


def results(messages: Sequence[Message], since: Sequence[Message]) -> Iterator[Result]:
    """The tool results in `since`, each with the name of the tool that gave it."""
    names = {
        block.get("id"): str(block.get("name"))
        for message in messages
        for block in blocks(message)
        if block.get("type") == "tool_use"
    }
    for message in since:
        for block in blocks(message):
            if block.get("type") == "tool_result":
                name = names.get(block.get("tool_use_id"), "")
                yield Result(name, text_of(block.get("content")), bool(block.get("is_error")))


def notes(since: Sequence[Message]) -> Iterator[str]:
    """What claude itself told the model: system messages in the conversation, and reminders."""
    for message in since:
        for text in texts(message):
            if message.get("role") == "system" or text.startswith(REMINDER):
                yield text
