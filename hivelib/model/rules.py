"""What is allowed: pure functions from facts to None (yes) or the reason why not."""

from collections.abc import Collection

from hivelib.model.names import EVERYBODY, MANAGER, OPERATOR
from hivelib.model.records import Caller


def why_not_body(body: str, limit: int, what: str = "the body") -> tuple[str, str] | None:
    """A body is UTF-8 text of 1 to `limit` bytes without NUL; else what is wrong with `what`, and what to do."""
    if not body.strip():
        return f"{what} is empty", "say something"
    if "\0" in body:
        return (
            f"{what} has a NUL byte",
            "send text, or write a file below /shared and send its path",
        )
    try:
        size = len(body.encode())
    except UnicodeEncodeError:
        return (
            f"{what} is not valid UTF-8",
            "send text, or write a file below /shared and send its path",
        )
    if size > limit:
        return (
            f"{what} has {size} bytes, {limit} are allowed",
            "write it to a file (below /shared for other agents) and send the path",
        )
    return None


def why_not_recipient(caller: Caller, recipient: str, allowed: Collection[str]) -> str | None:
    """The allow-list of an agent's deployed config: empty means everybody.

    The manager is always allowed, and so is the answer to a question (SPEC section 2).
    """
    if caller.role != "agent" or not allowed or recipient == MANAGER or recipient in allowed:
        return None
    whom = "everybody at once" if recipient == EVERYBODY else recipient
    return f"you may not write to {whom}; allowed: {', '.join(sorted({*allowed, MANAGER}))}"


def is_agent_pair(sender: str, recipient: str) -> bool:
    """Whether the loop damper looks at this pair: two agents, neither the operator nor the hive itself."""
    return (
        OPERATOR not in (sender, recipient)
        and sender not in ("system", "reminder")
        and sender != recipient
    )


def retry_at(times: list[float], limit: int, span: float) -> float | None:
    """Given when messages of a pair were sent (newest first): None while fewer than `limit` lie in the last `span`
    seconds, else the time at which the next one is allowed."""
    return None if len(times) < limit else sorted(times, reverse=True)[limit - 1] + span


def pause(deliveries: int, first: float, most: float) -> float:
    """Seconds before the next delivery after `deliveries` failed ones: `first`, doubling, at most `most`."""
    return float(min(most, first * 2.0 ** max(0, deliveries - 1)))


def why_not_file_path(path: str) -> tuple[str, str] | None:
    """A reminder's file lies below /state, as the box names it, spelled plainly; else what is wrong, and what to do."""
    hint = "name a file below /state, like /state/reminders/plan.md"
    if not path.isprintable() or len(path.encode("utf-8", "replace")) > 1000:
        return "that is no file's path", hint
    first, top, *parts = path.split("/") if path.count("/") > 1 else ("", "", "")
    if (first, top) != ("", "state"):
        return "the file does not lie below /state", hint
    if any(part in ("", ".", "..") or len(part.encode()) > 200 for part in parts):
        return "the file's path is not spelled plainly", hint
    if len(parts) > 20:
        return "the file lies too deep", hint
    return None
