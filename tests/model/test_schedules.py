"""The text of a schedule has one form, its checks say what to do, `every` keeps its rhythm whatever the clock does."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivelib.model import schedules
from hivelib.model.schedules import Schedule
from hivelib.model.settings import Reminders

LIMITS = Reminders()
HOURLY = Schedule("look at the logs", every=3600.0)


@given(
    message=st.text(),
    every=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    calendar=st.text(),
    file_path=st.text(),
)
def test_a_schedule_is_read_as_it_was_written(
    message: str, every: float | None, calendar: str, file_path: str
) -> None:
    one = Schedule(message, every, calendar, file_path)
    words = schedules.text(one)
    assert schedules.parsed(words) == one and words.isascii()
    assert len(schedules.digest(words)) == 40


@pytest.mark.parametrize(
    "words",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 100_000,
        schedules.text(HOURLY) + " ",
        schedules.text(HOURLY).replace("3600.0", "3600"),
        schedules.text(HOURLY).replace("3600.0", "true"),
        schedules.text(HOURLY).replace("3600.0", "NaN"),
        schedules.text(HOURLY).replace("3600.0", "1e999"),
        schedules.text(HOURLY).replace('"message"', '"message":"another","message"'),
        schedules.text(HOURLY).replace("look", "\\u006cook"),
        json.dumps({**HOURLY._asdict(), "more": 1}, sort_keys=True, separators=(",", ":")),
    ],
)
def test_no_other_text_is_a_schedule(words: str) -> None:
    with pytest.raises(ValueError, match=r"its? |Expecting|Extra|compliant"):
        schedules.parsed(words)


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (HOURLY, None),
        (HOURLY._replace(every=60.0), None),
        (HOURLY._replace(every=None, calendar="Mon..Fri *-*-* 09:00 America/New_York"), None),
        (HOURLY._replace(every=None, calendar="*-*~01 0/2:00:00 Etc/GMT+1"), None),
        (HOURLY._replace(every=None), "either a period or a calendar"),
        (HOURLY._replace(calendar="daily"), "either a period or a calendar"),
        (HOURLY._replace(every=59.9), "every 59.9 s is too often"),
        (HOURLY._replace(every=-math.inf), "too long"),
        (HOURLY._replace(every=math.nan), "too long"),
        (HOURLY._replace(every=1e12), "too long"),
        (HOURLY._replace(every=None, calendar="--version"), "no calendar expression"),
        (HOURLY._replace(every=None, calendar="daily\nOriginal form: x"), "no calendar expression"),
        (HOURLY._replace(every=None, calendar="*:*:0.5"), "of whole seconds"),
        (HOURLY._replace(every=None, calendar="@1700000000"), "no calendar expression"),
        (HOURLY._replace(every=None, calendar="*" * 201), "201 characters"),
        (HOURLY._replace(message=" "), "empty"),
        (HOURLY._replace(message="x" * 65537), "65537 bytes"),
        (HOURLY._replace(message="\ud800"), "UTF-8"),
        (HOURLY._replace(file_path="/state/\0"), "no file's path"),
    ],
)
def test_what_can_be_no_schedule_is_refused_in_words(one: Schedule, why: str | None) -> None:
    found = schedules.why_not(one, LIMITS)
    if why is None:
        assert found is None
    else:
        assert found and why in found[0] and found[1]


@given(
    due=st.floats(0, 4e9),
    every=st.floats(60, 1e8),
    passed=st.floats(-1e9, 1e9),
)
def test_the_next_time_is_in_the_rhythm_and_never_one_that_was(
    due: float, every: float, passed: float
) -> None:
    now = due + passed
    following, skipped = schedules.after(due, every, now)
    assert following > now and following > due and skipped >= 0
    assert following == pytest.approx(due + (skipped + 1) * every, abs=0.01)
    assert following - every <= max(now, due) + 0.01


def test_a_month_of_downtime_is_one_time_and_a_count() -> None:
    assert schedules.after(1000.0, 3600.0, 1000.0) == (4600.0, 0)
    assert schedules.after(1000.0, 3600.0, 4599.9) == (4600.0, 0)
    assert schedules.after(1000.0, 3600.0, 4600.0) == (8200.0, 1)
    assert schedules.after(0.0, 3600.0, 30 * 86400.0 + 5) == (30 * 86400.0 + 3600, 720)


def test_spans_are_words() -> None:
    spans = [schedules.span(one) for one in (0.5, 60.0, 3600.0, 5400.0, 90061.0, 604800.0)]
    assert spans == ["0.5 s", "1 min", "1 h", "1 h 30 min", "1 d 1 h 1 min 1 s", "7 d"]
