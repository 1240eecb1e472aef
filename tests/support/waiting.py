"""Waits for facts: a row, an event, a line. Every wait has a deadline and says what did not come."""

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from hivelib.base.db import Database

T = TypeVar("T")

SECONDS = 60.0  # of a machine that does ten other things
PAUSE = 0.05  # nothing rings for a test that looks from outside, so it looks twenty times a second


def until(
    look: Callable[[], T],
    what: str,
    seconds: float = SECONDS,
    explain: Callable[[], object] = lambda: "",
) -> T:
    """Looks until it sees something true and gives that back; AssertionError with `what` when late.

    `explain` is asked only then, and what it gives is shown below.
    """
    deadline = time.monotonic() + seconds
    never = threading.Event()
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s\n{explain()}"
        never.wait(PAUSE)
    return found


def until_value(db: Database, sql: str, *values: Any, seconds: float = SECONDS) -> Any:
    """Waits until a query's first column is true, and gives it back."""
    shown = f"{sql} {values}"
    return until(lambda: db.value(sql, *values), shown, seconds, lambda: recent(db))


def until_event(
    db: Database, kind: str, subject: str = "%", after: int = 0, seconds: float = SECONDS
) -> int:
    """Waits for an event of this kind later than `after`, and gives back its number."""
    sql = "SELECT min(seq) FROM events WHERE kind = ? AND subject LIKE ? AND seq > ?"
    return int(until_value(db, sql, kind, subject, after, seconds=seconds))


def until_line(path: str | Path, pattern: str, seconds: float = SECONDS) -> str:
    """Waits for a line in a growing file, which need not be there yet, and gives it back."""

    def look() -> str:
        file = Path(path)
        text = file.read_text(errors="replace") if file.exists() else ""
        return next((line for line in text.splitlines() if re.search(pattern, line)), "")

    return until(look, f"a line like {pattern!r} in {path}", seconds, lambda: tail(path))


def recent(db: Database, count: int = 20) -> str:
    """The last events, oldest first, for a failure's message."""
    rows = db.all("SELECT seq, kind, subject, payload FROM events ORDER BY seq DESC LIMIT ?", count)
    return "\n".join(" ".join(str(value)[:200] for value in row) for row in reversed(rows))


def tail(path: str | Path, count: int = 20) -> str:
    """The last lines of a file, or that it is not there."""
    file = Path(path)
    if not file.exists():
        return f"{path} is not there"
    return "\n".join(file.read_text(errors="replace").splitlines()[-count:])
