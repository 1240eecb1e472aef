"""The real systemd-analyze: time zones, both changes of daylight saving, leap days, expressions that end, hostile ones.

No clock is touched: each call says which instant it is.
"""

import datetime
import zoneinfo

import pytest

from hivelib.base.errors import Refused
from hivelib.host import calendar

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


def at(words: str, zone: datetime.tzinfo = datetime.UTC) -> float:
    """UTC seconds of an instant."""
    return datetime.datetime.fromisoformat(words).replace(tzinfo=zone).timestamp()


def in_utc(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%m-%d %H:%M")


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine in Berlin."""
    monkeypatch.setenv("TZ", "Europe/Berlin")


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        # 25 Oct 2026, 03:00 CEST: back to 02:00 CET.  28 Mar 2027, 02:00 CET: on to 03:00 CEST.
        ("09:00", "2026-10-24 12:00", ["10-25 08:00", "10-26 08:00"]),
        ("09:00", "2026-10-23 12:00", ["10-24 07:00", "10-25 08:00"]),
        ("09:00", "2027-03-26 12:00", ["03-27 08:00", "03-28 07:00", "03-29 07:00"]),
        ("Mon..Fri 09:00", "2027-03-26 12:00", ["03-29 07:00", "03-30 07:00"]),
        ("09:00 UTC", "2027-03-26 12:00", ["03-27 09:00", "03-28 09:00"]),
        ("09:00 America/New_York", "2026-10-31 12:00", ["10-31 13:00", "11-01 14:00"]),
    ],
)
def test_local_time_goes_through_daylight_saving(
    expression: str, after: str, expected: list[str]
) -> None:
    found = calendar.elapses(expression, at(after, BERLIN), len(expected))
    assert list(map(in_utc, found)) == expected


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize("day", ["2026-10-24", "2027-03-27"])
@pytest.mark.parametrize("expression", ["02:30", "*:30", "hourly", "*:0/15"])
def test_each_step_around_a_change_goes_forward_and_is_what_a_list_says(
    expression: str, day: str
) -> None:
    after = at(f"{day} 22:00", BERLIN)
    whole = calendar.elapses(expression, after, 40)
    assert whole == sorted(set(whole)) and len(whole) == 40
    stepped = []
    for _ in range(12):
        following = calendar.next_elapse(expression, after)
        assert following and following > after
        stepped.append(after := following)
    assert stepped == whole[:12]


def test_a_leap_day_is_found_and_what_ends_ends() -> None:
    now = at("2026-11-28 12:00")
    assert calendar.next_elapse("*-02-29", now) == at("2028-02-29 00:00")
    assert calendar.next_elapse("*-02-29", at("2028-02-29 00:00")) == at("2032-02-29 00:00")
    assert calendar.next_elapse("2026-12-24 18:00", now) == at("2026-12-24 18:00")
    assert calendar.next_elapse("2026-12-24 18:00", at("2026-12-24 18:00")) is None
    assert calendar.next_elapse("*-02-30", now) is None


def test_a_fraction_of_a_second_after_is_after() -> None:
    nine = at("2026-11-28 09:00")
    assert calendar.next_elapse("09:00", nine - 0.5) == nine
    assert calendar.next_elapse("09:00", nine) == nine + 86400
    assert calendar.next_elapse("09:00", nine + 0.5) == nine + 86400


def test_what_was_missed_is_counted_also_a_week_of_minutes() -> None:
    now = at("2026-11-28 12:00")
    assert calendar.elapsed("daily", now, now + 3600) == 0
    assert calendar.elapsed("daily", now, now + 30 * 86400) == 30
    assert calendar.elapsed("minutely", now, now + 8 * 86400) == 8 * 1440
    assert calendar.elapsed("2026-12-24 18:00", now, now + 60 * 86400) == 1


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("foo", "systemd knows no calendar expression ‘foo’"),
        ("*-13-01", "systemd knows no"),
        ("09:00 Mars/Olympus", "systemd knows no"),
        ("", "no calendar expression"),
        ("--help", "no calendar expression"),
        ("daily; reboot", "no calendar expression"),
        ("dail\u0443", "no calendar expression"),
        ("0" * 201, "201 characters"),
        ("2020-01-01", "never comes"),
        ("*-02-30", "never comes"),
        ("*:*:0/30", "comes again after 30 s"),
        ("Sat 09:00:00..59", "comes again after 1 s"),
        ("*-02-29 12:00:10,11", "comes again after 1 s"),
    ],
)
def test_what_cannot_be_a_schedule_is_refused_in_words(expression: str, why: str) -> None:
    with pytest.raises(Refused, match=why) as caught:
        calendar.check(expression, at("2026-11-26 12:00"), 60.0)
    assert caught.value.hint


def test_how_often_is_seen_also_where_it_is_rare() -> None:
    now = at("2026-11-28 12:00")
    for fine in ("minutely", "Mon..Fri 09:00", "*-02-29", "2026-12-24 18:00", "Sun *-*~07/1 03:00"):
        calendar.check(fine, now, 60.0)
    # Twenty times in an hour that are 2 minutes apart, and of some hours the last and the next one's first only one.
    minutes = ",".join(map(str, [*range(0, 58, 3), 59]))
    for hours, fits in (("0,2,4,6,8", True), ("0,2,4,6,7", False)):
        if fits:
            calendar.check(f"{hours}:{minutes}", now, 120.0)
        else:
            with pytest.raises(Refused, match="after 1 min"):
                calendar.check(f"{hours}:{minutes}", now, 120.0)
