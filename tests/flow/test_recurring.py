"""What recurs: it comes in its rhythm, what passed is counted and not made up for, no time comes twice, it ends in
words. On a clock of the tests' own where the clock matters."""

import datetime
import json
import os
import zoneinfo

import pytest

from hivelib.base import clock
from hivelib.base.errors import HiveError, Refused
from hivelib.flow import firing, recurring, reminding
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.model.records import Reminder
from hivelib.model.schedules import Schedule
from hivelib.store import events, mail, reminders
from tests.support.false_clock import FalseClock, Sleeper
from tests.support.residents import voice
from tests.support.waiting import until_value

HOUR, DAY = 3600.0, 86400.0


@pytest.fixture(autouse=True)
def places(hive: Hive) -> None:
    """The directories that agents' boxes are made with."""
    for name in ("manager", "alice", "bob"):
        os.makedirs(hive.paths.agent_state(name))


def recur(hive: Hive, words: str = "look", **more: object) -> Reminder:
    """A recurring reminder of the operator's for alice."""
    return reminding.remind(hive, SHELL, "alice", words, **more)  # type: ignore[arg-type]


def put(hive: Hive, reminder: Reminder, **columns: object) -> None:
    """As if time had passed."""
    with hive.db.write() as db:
        reminders.change(db, reminder.id, **columns)


def now(hive: Hive, reminder: Reminder) -> Reminder:
    return reminding.get(hive, reminder.id)


def fired(hive: Hive) -> list[dict[str, float]]:
    return [json.loads(row.payload) for row in events.latest(hive.db, 99, kind="reminder_fired")]


def bodies(hive: Hive) -> list[str]:
    return [message.body for message in mail.peek(hive.db, "alice", 99)]


def test_the_operator_needs_no_approval_and_its_first_time_is_a_period_away(hive: Hive) -> None:
    before = clock.now()
    hourly = recur(hive, every=HOUR)
    assert before + HOUR <= hourly.due_at <= clock.now() + HOUR and hourly.approval is None
    daily = recur(hive, calendar="daily")
    assert before < daily.due_at <= before + DAY and daily.due_at % 3600 == 0
    begun = recur(hive, every=HOUR, due_at=before + 5 * DAY)
    assert begun.due_at == before + 5 * DAY
    assert firing.fire_due(hive) == 0


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"every": 59.0}, "too often"),
        ({"every": HOUR, "calendar": "daily"}, "either a period or a calendar"),
        ({"calendar": "*:*:*"}, "again after 1 s"),
        ({"calendar": "2020-01-01"}, "never comes"),
        ({"calendar": "daily", "due_at": 2e9}, "says itself when it begins"),
        ({"every": HOUR, "file_path": "/etc/passwd"}, "below /state"),
    ],
)
def test_what_cannot_recur_is_refused(hive: Hive, more: dict[str, object], why: str) -> None:
    with pytest.raises(HiveError, match=why) as caught:
        recur(hive, **more)
    assert caught.value.hint and reminding.listed(hive) == []
    for name in ("alice", "manager"):
        with pytest.raises(Refused, match="operator's to approve"):
            reminding.remind(hive, voice(name), name, "x", every=HOUR)


def test_it_keeps_its_rhythm_and_counts_what_passed(hive: Hive) -> None:
    every = recur(hive, every=HOUR)
    due = clock.now() - 30 * DAY - 10
    put(hive, every, due_at=due)
    assert firing.fire_due(hive) == 1 and firing.fire_due(hive) == 0
    after = now(hive, every)
    assert (after.state, after.fired, after.skipped) == ("pending", 1, 720)
    assert after.due_at == due + 721 * HOUR
    (said,) = fired(hive)
    assert (said["skipped"], said["next_at"]) == (720, after.due_at)
    (body,) = bodies(hive)
    assert "missed 720 times" in body and body.endswith("look")
    put(hive, every, due_at=clock.now() - 5)
    firing.fire_due(hive)
    assert bodies(hive)[1] == "(reminder 1, set by operator)\n\nlook", "in time, none missed"


def test_a_calendar_keeps_its_times_and_counts_what_passed(hive: Hive) -> None:
    minutely = recur(hive, calendar="minutely")
    due = (clock.now() // 60 - 100) * 60
    put(hive, minutely, due_at=due)
    assert firing.fire_due(hive) == 1 and firing.fire_due(hive) == 0
    after = now(hive, minutely)
    assert after.due_at % 60 == 0 and clock.now() < after.due_at <= clock.now() + 60
    assert fired(hive)[0]["skipped"] == after.skipped == (after.due_at - due) / 60 - 1


def test_what_never_comes_again_says_that_it_was_the_last(hive: Hive) -> None:
    year = datetime.datetime.fromtimestamp(clock.now(), datetime.UTC).year + 1
    last = recur(hive, calendar=f"{year}-01-01 00:00:00 UTC")
    put(hive, last, due_at=clock.now() - 1, calendar="2020-01-01")
    firing.fire_due(hive)
    assert now(hive, last).state == "fired" and fired(hive)[0]["next_at"] is None
    assert "its last time" in bodies(hive)[0]
    with pytest.raises(Refused, match="delivered"):
        reminding.cancel(hive, SHELL, last.id)


def test_an_expression_that_systemd_knows_no_more_is_an_attempt_in_vain(hive: Hive) -> None:
    broken = recur(hive, calendar="daily")
    put(hive, broken, due_at=clock.now() - 1, calendar="09:00 Atlantis/Poseidonis")
    firing.fire_due(hive)
    after = now(hive, broken)
    assert (after.state, after.attempts) == ("pending", 1) and "knows no calendar" in after.error
    assert bodies(hive) == []


def test_a_clock_that_went_back_neither_repeats_a_time_nor_silences(hive: Hive) -> None:
    """`due_at` is what the clock was set away from: a little is waited for, more than a period is set anew."""
    at = clock.now()
    little = [recur(hive, every=HOUR), recur(hive, calendar="hourly")]
    much = [recur(hive, every=HOUR), recur(hive, calendar="hourly")]
    begun = recur(hive, every=HOUR, due_at=at + 9 * DAY)  # nobody set the clock: it begins later
    for one in little:  # fired a moment ago, and then the clock went back by half an hour
        put(hive, one, fired=1, due_at=(at // HOUR + 1) * HOUR if one.calendar else at + HOUR - 9)
    for one in much:
        put(hive, one, fired=1, due_at=(at // HOUR + 500) * HOUR)
    before = [now(hive, one).due_at for one in (*little, begun)]
    assert firing.mend(hive) == [one.id for one in much]
    assert [now(hive, one).due_at for one in (*little, begun)] == before
    assert all(at < now(hive, one).due_at <= clock.now() + HOUR for one in much)
    changed = [
        json.loads(row.payload) for row in events.latest(hive.db, 9, kind="schedule_changed")
    ]
    assert [one["id"] for one in changed] == [one.id for one in much]
    assert firing.mend(hive) == []
    # Fired at nine, and the clock is at half past eight again: nine is not the next time, ten is.
    nine = (at // HOUR) * HOUR
    for one in (now(hive, little[0]), now(hive, little[1])):
        following, skipped = recurring.next_time(one._replace(due_at=nine), nine - 1800)
        assert (following, skipped) == (nine + HOUR, 0)


def test_the_first_times_of_a_schedule_are_those_that_come(hive: Hive) -> None:
    at = 1_800_000_000.0
    assert recurring.upcoming(Schedule("x", every=HOUR), at, 2) == [at + HOUR, at + 2 * HOUR]
    assert recurring.upcoming(Schedule("x", calendar="2020-01-01"), at, 3) == []


def test_through_daylight_saving_a_month_and_back_on_a_clock_of_its_own(
    hive: Hive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nine in the morning in Berlin, each day: 8:00 UTC until 27 March 2027, then 7:00."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    berlin, wall = zoneinfo.ZoneInfo("Europe/Berlin"), FalseClock(hive)

    def at(day: int, hour: int, minute: int = 0) -> float:
        return datetime.datetime(2027, 3, day, hour, minute, tzinfo=berlin).timestamp()

    def show(moment: float) -> None:
        wall.jump(moment - wall.now())

    def comes(count: int) -> None:
        until_value(
            hive.db, "SELECT count(*) >= ? FROM events WHERE kind = 'reminder_fired'", count
        )
        assert len(fired(hive)) == count

    daily = recur(hive, calendar="09:00")
    put(hive, daily, due_at=at(27, 9))
    show(at(27, 8, 59))
    with Sleeper(wall, "reminder"):
        until_value(hive.db, "SELECT due_at = ? FROM reminders WHERE id = 1", at(27, 9))
        for count, day in enumerate((27, 28), 1):
            show(at(day, 9, 1))
            comes(count)
            assert now(hive, daily).due_at == at(day + 1, 9)
        assert [one["skipped"] for one in fired(hive)] == [0, 0]
        assert at(28, 9) - at(27, 9) == 23 * HOUR
        show(at(28, 8, 30))  # back to before what has come
        soon = reminding.remind(hive, SHELL, "alice", "soon", due_at=wall.now() + 60)
        show(at(28, 9, 2))
        comes(3)
        assert fired(hive)[-1]["id"] == soon.id, "nine o'clock has been"
        show(at(28, 9) + 30 * DAY + 60)
        comes(4)
        assert fired(hive)[-1]["skipped"] == 29
        show(at(28, 12))  # a month back: it does not wait for April to end again
        until_value(hive.db, "SELECT due_at = ? FROM reminders WHERE id = 1", at(29, 9))
