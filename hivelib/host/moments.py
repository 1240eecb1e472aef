"""What a person means by a moment: ISO, or what systemd understands (systemd.time(7))."""

import re
from datetime import UTC, datetime, timedelta

from hivelib.base import clock
from hivelib.base.errors import HiveError, Misuse, NotNow
from hivelib.base.proc import run
from hivelib.base.text import shortened

_ISO = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d{1,6})?)?(Z|[+-]\d\d(:?\d\d)?)?)?"
    r"|\d{8}T\d{4}(\d\d([.,]\d{1,6})?)?(Z|[+-]\d\d(:?\d\d)?)?"
)
"""A date with or without its time, with or without a zone; or all of it without dashes and colons."""
_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_IN = re.compile(r"in\s+(?=\d)", re.IGNORECASE)
_SECONDS = 10.0


def timestamp(text: str) -> float:
    """The moment in UTC seconds. Without a zone it is in this machine's; `in 20 min` is `+20 min`.

    Raises Misuse when it is none.
    """
    words = _IN.sub("+", text.strip(), count=1)
    day, _, rest = words.partition(" ")
    if day.lower() in _DAYS and rest:  # systemd knows the days, but not their hours
        today = datetime.fromtimestamp(clock.now(), UTC).astimezone().date()
        words = f"{today + timedelta(_DAYS[day.lower()])} {rest.strip()}"
    try:
        if _ISO.fullmatch(words):
            return datetime.fromisoformat(words).timestamp()
    except (ValueError, OverflowError):
        raise _no_moment(text) from None
    try:
        done = run(["systemd-analyze", "timestamp", "--", words], seconds=_SECONDS)
    except NotNow:
        raise
    except HiveError:
        raise _no_moment(text) from None
    found = re.search(r"@(\d+(\.\d+)?)$", done.out, re.MULTILINE)
    if not found:
        raise _no_moment(text)
    return float(found[1])


def span(text: str) -> float:
    """Seconds of `1h`, `90 min`, `2 days 3h`; of a bare number it is the number. Raises Misuse when it is none."""
    try:
        done = run(["systemd-analyze", "timespan", "--", text.strip()], seconds=_SECONDS)
    except NotNow:
        raise
    except HiveError:
        done = None
    found = done and re.search(r"^ *\S?s: (\d{1,18})$", done.out, re.MULTILINE)
    if not found or not int(found[1]):
        raise Misuse(f"‘{shortened(text, 40)}’ is no span of time", "write it like: 1h, 90 min, 2d")
    return int(found[1]) / 1e6


def _no_moment(text: str) -> Misuse:
    return Misuse(
        f"‘{shortened(text, 40)}’ is no moment",
        "write it like: in 20 min, +1h 30min, tomorrow 09:00, 2026-12-01T09:00",
    )
