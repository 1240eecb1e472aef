"""What the tools have in common that order something done to an agent: the steps on a terminal, `already`, the JSON."""

import sys
from collections.abc import Callable

from hivelib.face import tool

FIELDS = {
    "name": "the agent",
    "already": "whether it was so before",
    "note": "what was done, in words",
}


def carry_out(kind: str, name: str, done: str = "") -> None:
    """Orders a job, waits for it and shows what came of it: NAME and the word for `done`, else the job's own words."""
    from hivelib.base.text import visible
    from hivelib.flow import ordering

    outcome = ordering.order(tool.opened(), kind, name, tell=steps())
    words = f"{name} {done}" if done else visible(outcome.note, one_line=True)
    text = "already" if outcome.already else words
    tool.show(text, name=name, already=outcome.already, note=outcome.note)


def steps() -> Callable[[str], None] | None:
    """Says the steps of a job while they are waited for; nothing to say when nobody sees them."""
    return tool.say if sys.stderr.isatty() else None
