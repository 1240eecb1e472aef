"""An agent's own programs may wake it, and only so often: counted in the rows, whatever they call themselves."""

import json
import re

import pytest

from hivelib.base import bell, clock
from hivelib.base.errors import Refused
from hivelib.flow import continuing, mailing
from hivelib.flow.opening import Hive, open_hive
from hivelib.store import events, mail, warnings
from tests.support.residents import asked, begin_turn, voice

LIMIT = 3


@pytest.fixture
def hive(hive: Hive) -> Hive:
    settings = hive.settings
    return hive._replace(settings=settings._replace(mail=settings.mail._replace(wake_limit=LIMIT)))


def flood(hive: Hive, name: str = "alice", count: int = LIMIT) -> None:
    """So many wakes, each under another label."""
    for number in range(count):
        continuing.wake(hive, voice(name), f"cron-{number}", "tick")


def refused(hive: Hive, name: str = "alice", label: str = "late") -> str:
    """The hint with which one more is refused."""
    with pytest.raises(Refused, match="woken too often") as caught:
        continuing.wake(hive, voice(name), label, "tick")
    return caught.value.hint


def pass_time(hive: Hive, seconds: float) -> None:
    with hive.db.write() as db:
        db.execute("UPDATE messages SET sent_at = sent_at - ?", (seconds,))


def test_one_wake_too_many_is_refused_whatever_its_label_and_told_when_to_go_on(hive: Hive) -> None:
    flood(hive)
    match = re.search(r"try again in (\d+) s", refused(hive))
    assert match and 50 <= int(match.group(1)) <= 60
    assert refused(hive, label="cron-0")
    assert hive.db.value("SELECT count(*) FROM messages") == LIMIT


def test_the_operator_sees_it_once_while_it_lasts(hive: Hive) -> None:
    flood(hive)
    with bell.listening(hive.paths.bell, "events") as (listener,):
        refused(hive)
        assert listener.wait(0)
        refused(hive)
        assert not listener.wait(0), "a flood of refusals wakes nobody"
    rows = [row for row in events.after(hive.db, 0) if row.kind in ("dampened", "warning_raised")]
    assert [row.kind for row in rows] == ["dampened", "warning_raised"]
    told = json.loads(rows[0].payload)
    assert (told["sender"], told["recipient"], told["count"]) == ("alice", "alice", LIMIT)
    ((name, _, why, mend),) = warnings.standing(hive.db)
    assert name == "dampened:alice:alice" and "hive-stop alice" in mend
    assert "its own programs" in why


def test_the_limit_is_of_one_agent_and_of_nothing_else(hive: Hive) -> None:
    flood(hive)
    flood(hive, "bob")
    mailing.send(hive, voice("alice"), "bob", "not a wake")
    mailing.send(hive, mailing.SHELL, "alice", "nor this")


def test_a_name_that_begins_alike_is_another(hive: Hive) -> None:
    now = clock.now()
    with hive.db.write() as db:
        for sender in ("alice", "alice-2/cron", "alice0/cron", "bob/alice"):
            mail.add(db, sender, "alice", "tick", lane="normal", at=now)
    assert mail.woken(hive.db, "alice", now - 60, now, 9) == []


def test_it_lets_go_when_the_minute_is_over(hive: Hive) -> None:
    flood(hive)
    pass_time(hive, 61)
    flood(hive, count=1)


def test_another_process_counts_the_same_rows(hive: Hive) -> None:
    flood(hive)
    with open_hive(hive.settings).db as db:
        refused(hive._replace(db=db))


def test_a_clock_that_went_back_refuses_nobody_for_an_hour(hive: Hive) -> None:
    flood(hive)
    pass_time(hive, -3600)
    flood(hive, count=1)


def test_a_call_asked_again_is_answered_and_not_counted(hive: Hive) -> None:
    request = asked(begin_turn(hive, "alice"))
    first = continuing.wake(hive, voice("alice"), "x", "tick", request=request)
    flood(hive, count=LIMIT - 1)
    again = continuing.wake(hive, voice("alice"), "x", "tick", request=request)
    assert (again.id, again.already) == (first.id, True)


def test_counting_reads_no_more_than_the_last_minute_however_much_lies_there(hive: Hive) -> None:
    now = clock.now()
    with hive.db.write() as db:
        db.execute(
            "WITH RECURSIVE n(x) AS (VALUES(1) UNION ALL SELECT x + 1 FROM n WHERE x < 50000)"
            " INSERT INTO messages(sender, recipient, body, sent_at)"
            " SELECT 'alice/' || x, 'alice', 'x', ? FROM n",
            (now - 3600,),
        )
    flood(hive, count=LIMIT - 1)
    read = 0

    def step() -> int:
        nonlocal read
        read += 1
        return 0

    hive.db.connection.set_progress_handler(step, 100)
    assert len(mail.woken(hive.db, "alice", now - 60, clock.now(), LIMIT)) == LIMIT - 1
    hive.db.connection.set_progress_handler(None, 0)
    assert read < 50, "hundreds of sqlite's steps"
