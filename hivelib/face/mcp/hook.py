"""Urgent mail for a turn that runs: what claude's `mcp_tool` hooks get when they ask.

At the end of a batch of tools the text goes into the next model request; at the end of a turn it keeps the turn going
(facts/claude-cli.md section 7). Nothing to say is an empty text. There is no structuredContent: claude would take
that for the hook's answer.
"""

import json
from collections.abc import Mapping
from typing import Any

from hivelib.face.mcp import wording

MOST = 4
"""Messages at a time, so that one note stays readable; the rest comes with the next batch."""


def answer(event: str, outcome: Mapping[str, Any]) -> str:
    """The hook's output as claude parses it; empty when no urgent mail waits."""
    if not outcome["messages"]:
        return ""
    words = wording.urgent(outcome)
    if event == "Stop":
        return json.dumps({"decision": "block", "reason": words}, ensure_ascii=False)
    told = {"hookEventName": event, "additionalContext": words}
    return json.dumps({"hookSpecificOutput": told}, ensure_ascii=False)
