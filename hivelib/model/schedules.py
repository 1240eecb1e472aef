"""What recurs: the text of a schedule that the operator decides about, its checks, and when `every` comes next; pure.

An agent's recurring reminder is an approval whose `config` is this text. It has one form only, so its digest stands for
it as a commit stands for a tree: what was shown is what is approved is what is scheduled (DESIGN, rule 5).
"""

import hashlib
import json
import math
import re
from typing import NamedTuple

from hivelib.model import rules
from hivelib.model.settings import Reminders

KIND = "schedule"
"""The kind of approval that has such a text instead of a commit."""

CALENDAR_MOST = 200
"""Characters of a calendar expression."""

EVERY_MOST = 10 * 366 * 86400.0
"""Seconds between two times."""

_FIELDS = ("calendar", "every", "file_path", "message")
_CALENDAR = re.compile(r"[A-Za-z0-9*][A-Za-z0-9 *,./:~_+-]*")
_FRACTION = re.compile(r"(?<!\.)\.(?!\.)")
_UNITS = (("d", 86400), ("h", 3600), ("min", 60))

Why = tuple[str, str]


class Schedule(NamedTuple):
    """A message that comes again and again: every so many seconds, or at the times of a calendar expression of systemd;
    the other is None, or empty. `file_path` is as the box names it, empty: none was asked for."""

    message: str
    every: float | None = None
    calendar: str = ""
    file_path: str = ""


def text(schedule: Schedule) -> str:
    """The one text of a schedule: JSON with its four fields in order, ASCII."""
    return json.dumps(schedule._asdict(), sort_keys=True, separators=(",", ":"), allow_nan=False)


def parsed(words: str) -> Schedule:
    """The schedule of a text; raises ValueError for any but the one text that a schedule has."""
    try:
        said = json.loads(words)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(said, dict) or tuple(sorted(said)) != _FIELDS:
        raise ValueError("it has not exactly the fields of a schedule")
    every = said["every"]
    if every is not None and type(every) is not float:
        raise ValueError("its period is no number")
    if any(type(said[name]) is not str for name in ("calendar", "file_path", "message")):
        raise ValueError("its words are no text")
    found = Schedule(**said)
    if text(found) != words:  # a field that comes twice, NaN, blanks: read in two ways
        raise ValueError("it is not written as a schedule is")
    return found


def digest(words: str) -> str:
    """What stands for a text in decisions and on screens: 40 hexadecimal digits, as a commit's name has them."""
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def why_not(schedule: Schedule, limits: Reminders) -> Why | None:
    """Whether it can be a schedule at all: None, or why not and what to do. Whether systemd knows its calendar, and how
    often that is, only systemd can say (host/calendar.py)."""
    if (schedule.every is None) == (not schedule.calendar):
        return "a schedule has either a period or a calendar expression", "give one of them"
    if wrong := rules.why_not_body(schedule.message, limits.body_limit):
        return wrong
    if schedule.file_path and (wrong := rules.why_not_file_path(schedule.file_path)):
        return wrong
    if schedule.every is not None:
        return why_not_every(schedule.every, limits.every_least)
    return why_not_calendar(schedule.calendar)


def why_not_every(every: float, least: float) -> Why | None:
    """A period is at least as long as the settings say, and at most ten years."""
    if not math.isfinite(every) or every > EVERY_MOST:
        return "that period is too long", "ten years are allowed"
    if every < least:
        return f"every {span(every)} is too often", f"every {span(least)} is allowed"
    return None


def why_not_calendar(expression: str) -> Why | None:
    """An expression is going to be a word of a program's: only what systemd.time(7) is made of, whole seconds."""
    if len(expression) > CALENDAR_MOST:
        return f"the calendar expression has {len(expression)} characters", _LIKE
    if not _CALENDAR.fullmatch(expression) or _FRACTION.search(expression):
        return "that is no calendar expression of whole seconds", _LIKE
    return None


_LIKE = "write it like Mon..Fri 09:00, or *-*-01 08:30 Europe/Berlin (systemd.time)"


def after(due: float, every: float, now: float) -> tuple[float, int]:
    """The next time of what is due at `due` and every so many seconds: later than `now`, and later than `due` where the
    clock went back; and how many times between passed without being made up for."""
    skipped = max(0, math.floor((now - due) / every))
    following = due + (skipped + 1) * every
    while following <= now:  # the quotient was rounded down
        skipped, following = skipped + 1, following + every
    return following, skipped


def recurrence(schedule: Schedule) -> str:
    """How often, in words."""
    if schedule.every is not None:
        return f"every {span(schedule.every)}"
    return schedule.calendar


def span(seconds: float) -> str:
    """Seconds in words: `1 h 30 min`."""
    words, left = [], seconds
    for unit, size in _UNITS:
        if left >= size:
            words.append(f"{left // size:.0f} {unit}")
            left %= size
    if left or not words:
        words.append(f"{left:g} s")
    return " ".join(words)
