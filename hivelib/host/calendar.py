"""Calendar expressions, as systemd reads them: `systemd-analyze calendar`. So local time zones and daylight saving are
systemd's, and nobody else's idea of them differs.

An expression is an agent's text: it is checked before it becomes a word (model/schedules.py), and is never an option.
"""

import calendar
import itertools
import os
import re
import time

from hivelib.base.errors import Refused
from hivelib.base.proc import run
from hivelib.model import schedules

LOOKED_AT = 1500
"""Times that are looked at for how often an expression comes: more than a day has minutes. All days that it names are
alike to it, so these have its shortest pause."""

_SECONDS = 10.0
_CHUNK = 10_000  # times in one call: 0.3 s
_COUNTED_MOST = 100_000
_ELAPSE = re.compile(r" *(Next elapse|Iter[^:]*|\(in UTC\)): (?:[A-Z][a-z]{2} )?([0-9: -]{19}) ")


def next_elapse(expression: str, after: float) -> float | None:
    """The first time of an expression after `after` (both UTC seconds); None when there is none any more.

    Raises Refused with the reason when it is no expression, NotNow when systemd-analyze takes too long, HiveError when
    there is none.
    """
    return next(iter(elapses(expression, after, 1)), None)


def elapses(expression: str, after: float, count: int) -> list[float]:
    """The first `count` times of an expression after `after`; fewer when there are no more. Raises as `next_elapse`."""
    if wrong := schedules.why_not_calendar(expression):
        raise Refused(*wrong)
    # Its times are whole seconds, so what comes after the last whole one comes after `after`, or is left out below.
    words = [f"--base-time=@{int(after)}", f"--iterations={count}", "--", expression]
    env = {**os.environ, "SYSTEMD_COLORS": "0", "LC_ALL": "C"}
    done = run(["systemd-analyze", "calendar", *words], env=env, check=False, seconds=_SECONDS)
    if done.status:
        raise Refused(
            f"systemd knows no calendar expression ‘{expression}’",
            "`systemd-analyze calendar` says what it reads; write it like Mon..Fri 09:00",
        )
    return [one for one in _times(done.out) if one > after]


def _times(out: str) -> list[float]:
    """The times in what systemd-analyze says; where local time is not UTC, a line with that follows each."""
    found: list[float] = []
    for line in out.splitlines():
        if read := _ELAPSE.match(line):
            at = float(calendar.timegm(time.strptime(read[2], "%Y-%m-%d %H:%M:%S")))
            if read[1] == "(in UTC)":
                found[-1] = at
            else:
                found.append(at)
    return found


def elapsed(expression: str, after: float, until: float) -> int:
    """How many times of an expression lie after `after` and not after `until`; 100,000 at most are counted."""
    count, chunk = 0, 1  # mostly there is none
    while count < _COUNTED_MOST:
        found = elapses(expression, after, chunk)
        passed = [one for one in found if one <= until]
        count += len(passed)
        if not found or len(passed) < len(found):
            break
        after, chunk = found[-1], min(chunk * 20, _CHUNK)
    return count


def check(expression: str, now: float, least: float) -> None:
    """Raises Refused, in words, for what systemd does not know, what never comes, and what comes again in less than
    `least` seconds."""
    found = elapses(expression, now, LOOKED_AT)
    if not found:
        raise Refused(f"‘{expression}’ never comes", "name a time that is still to come")
    pause = min((later - earlier for earlier, later in itertools.pairwise(found)), default=least)
    if pause < least:
        raise Refused(
            f"‘{expression}’ comes again after {schedules.span(pause)}",
            f"once in {schedules.span(least)} is allowed",
        )
