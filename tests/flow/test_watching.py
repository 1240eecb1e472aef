"""The promises of the broker, looked at without waiting: what it rings for, what it ends, when it wakes."""

import math
import os
import resource
import socket
import subprocess
import sys

import pytest

from hivelib.base import bell, clock
from hivelib.flow import mailing, settling, watching
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.flow.settling import Outcome
from hivelib.store import agents, events, mail, warnings
from tests.support.residents import begin_turn, in_turn
from tests.support.source import ROOT
from tests.support.waiting import until

WATCH = "from hivelib.flow import opening, watching; watching.watch(opening.open_hive())"


def postpone(hive: Hive, seconds: float) -> float:
    """A message to alice that is due in `seconds` (negative: since)."""
    message = mailing.send(hive, SHELL, "alice", "x").id
    at = clock.now() + seconds
    with hive.db.write() as db:
        mail.give_back(db, message, deliveries=1, not_before=at)
    return at


def test_nothing_promised_is_no_deadline(hive: Hive) -> None:
    mailing.send(hive, SHELL, "alice", "due at once, so no promise")
    assert watching.next_deadline(hive) == math.inf


def test_the_next_deadline_is_the_earliest_promise(hive: Hive) -> None:
    mail_at = postpone(hive, 50)
    assert watching.next_deadline(hive) == mail_at
    with hive.db.write() as db:
        agents.park(db, "bob", "rate_limited", clock.now() + 20, "", clock.now())
    assert watching.next_deadline(hive) < mail_at


def test_mail_that_fell_due_is_rung_for_once(hive: Hive) -> None:
    postpone(hive, -1)
    with bell.listening(hive.paths.bell, "turn.alice", "turn.bob") as (alice, bob):
        looked_at = watching.keep_promises(hive, 0.0)
        assert alice.wait(0) and not bob.wait(0)
        watching.keep_promises(hive, looked_at)
        assert not alice.wait(0)


def test_mail_that_is_not_due_is_not_rung_for(hive: Hive) -> None:
    postpone(hive, 50)
    with bell.listening(hive.paths.bell, "turn.alice") as (alice,):
        watching.keep_promises(hive, 0.0)
        assert not alice.wait(0)


def test_a_clock_that_goes_back_loses_no_promise(hive: Hive) -> None:
    postpone(hive, -1)
    with bell.listening(hive.paths.bell, "turn.alice") as (alice,):
        watching.keep_promises(hive, clock.now() + 1000)
        assert alice.wait(0)


def test_a_parking_ends_when_its_time_is_over_and_not_before(hive: Hive) -> None:
    for name, seconds in (("alice", -1), ("bob", 50)):
        with hive.db.write() as db:
            agents.park(db, name, "rate_limited", clock.now() + seconds, "", clock.now())
    with bell.listening(hive.paths.bell, "turn.alice") as (alice,):
        watching.keep_promises(hive, 0.0)
        assert alice.wait(0)
    parked = {agent.name: agent.parked for agent in agents.all_of(hive.db)}
    assert parked == {"manager": False, "alice": False, "bob": True}
    assert events.latest(hive.db, 1)[0].kind == "agent_unparked"


def test_a_parking_until_told_is_never_ended(hive: Hive) -> None:
    with hive.db.write() as db:
        agents.park(db, "alice", "operator", None, "", 0)
    watching.keep_promises(hive, 0.0)
    found = agents.get(hive.db, "alice")
    assert found and found.parked and watching.next_deadline(hive) == math.inf


@pytest.mark.parametrize(("state", "rung"), [("running", True), ("stopped", False)])
def test_due_mail_that_nobody_does_is_rung_for_if_the_agent_runs(
    hive: Hive, state: str, rung: bool
) -> None:
    mailing.send(hive, SHELL, "alice", "its ring was lost")
    with hive.db.write() as db:
        agents.set_state(db, "alice", state, 0)
    with bell.listening(hive.paths.bell, "turn.alice") as (alice,):
        watching.look_around(hive)
        assert alice.wait(0) is rung


def test_a_parked_agent_is_left_in_peace(hive: Hive) -> None:
    mailing.send(hive, SHELL, "alice", "x")
    with hive.db.write() as db:
        agents.park(db, "alice", "operator", None, "", 0)
    with bell.listening(hive.paths.bell, "turn.alice") as (alice,):
        watching.look_around(hive)
        assert not alice.wait(0)


def test_a_turn_whose_process_may_have_died_is_rung_for(hive: Hive) -> None:
    begin_turn(hive, "alice")
    with bell.listening(hive.paths.bell, "turn.alice", "turn.bob") as (alice, bob):
        watching.look_around(hive)
        assert alice.wait(0) and not bob.wait(0)


def test_the_look_brings_the_search_index_up_to_date(hive: Hive) -> None:
    mailing.send(hive, SHELL, "alice", "needle")
    watching.look_around(hive)
    assert hive.db.value("SELECT value FROM facts WHERE name = 'searchable_to'") == "1"


def test_warnings_of_an_instant_go_away_and_those_of_a_state_stay(hive: Hive) -> None:
    old, now = clock.now() - 7200, clock.now()
    with hive.db.write() as db:
        for name in ("dampened:alice:bob", "dead:7"):
            warnings.raise_once(db, name, "why", "mend", old)
        warnings.raise_once(db, "dampened:alice:manager", "why", "mend", now)
    watching.look_around(hive)
    assert {name for name, *_ in warnings.standing(hive.db)} == {"dead:7", "dampened:alice:manager"}


def test_a_full_disk_does_not_end_the_watch(hive: Hive) -> None:
    def alice_is_parked() -> bool:
        found = agents.get(hive.db, "alice")
        return bool(found and found.parked)

    with hive.db.write() as db:
        agents.park(db, "alice", "disk", clock.now() - 1, "", clock.now())
    config = f"{os.path.dirname(hive.paths.state)}/hive.toml"
    where = f"{hive.paths.runtime}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(where)
        told.settimeout(30)
        env = {**os.environ, "HIVE_CONFIG": config, "NOTIFY_SOCKET": where, "PYTHONPATH": str(ROOT)}
        argv = ["prlimit", "--fsize=0:unlimited", sys.executable, "-c", WATCH]
        broker = subprocess.Popen(argv, env=env)
        try:
            until(lambda: told.recv(99) == b"STATUS=waits for the next look", "it goes on")
            assert alice_is_parked() and broker.poll() is None
            resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            bell.ring(hive.paths.bell, "broker")
            until(lambda: not alice_is_parked(), "there is room again, and the parking ends")
        finally:
            broker.kill()
            broker.wait()


def test_a_returned_message_reaches_the_next_turn_through_the_broker_alone(hive: Hive) -> None:
    mailing.send(hive, SHELL, "alice", "again")
    turn = begin_turn(hive, "alice")
    mailing.take(hive, in_turn(turn), 1)
    settling.end_turn(hive, turn, Outcome("failed", ""))
    with hive.db.write() as db:  # the pause is over
        db.execute("UPDATE messages SET not_before = ?", (clock.now() - 0.001,))
    with bell.listening(hive.paths.bell, "turn.alice") as (alice,):
        watching.keep_promises(hive, 0.0)
        assert alice.wait(0)
    taken = mailing.take(hive, in_turn(begin_turn(hive, "alice")), 1)["messages"]
    assert [message["redelivered"] for message in taken] == [True]
