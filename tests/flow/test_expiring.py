"""What nobody decides in time, and decisions that nobody heard of: the broker's part."""

import math

import pytest

from hivelib.base import bell, clock
from hivelib.flow import deciding, watching
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from tests.support.residents import settle_in
from tests.support.undecided import (
    deployed,
    forge,
    kinds,
    now,
    propose,
    told,
    write_decision,
)


@pytest.fixture
def hive(private_state: Hive) -> Hive:
    """Manager and alice run."""
    settle_in(private_state, "manager", "alice")
    deployed(private_state, "alice")
    return private_state


def test_a_pending_approval_expires_at_its_instant_and_is_told_once(hive: Hive) -> None:
    one, two = propose(hive, "alice"), propose(hive, "alice")
    assert watching.next_deadline(hive) == one.expires_at
    watching.keep_promises(hive, 0.0)
    assert now(hive, one.id).status == "pending"
    forge(hive, one.id, expires_at=clock.now() - 1)
    watching.keep_promises(hive, 0.0)
    watching.keep_promises(hive, 0.0)
    assert [now(hive, number).status for number in (one.id, two.id)] == ["expired", "pending"]
    assert kinds(hive, one.id)[-2:] == ["approval_expired", "approval_resolved"]
    assert [(said["id"], said["status"]) for said in told(hive)] == [(one.id, "expired")]
    assert watching.next_deadline(hive) == two.expires_at


def test_what_is_decided_does_not_expire(hive: Hive) -> None:
    one = propose(hive, "alice")
    deciding.approve(hive, SHELL, one.id)
    forge(hive, one.id, expires_at=0.0)
    watching.keep_promises(hive, 0.0)
    assert now(hive, one.id).status == "approved" and watching.next_deadline(hive) == math.inf


def test_a_decision_whose_decider_died_is_rung_for_but_not_one_that_is_refused(hive: Hive) -> None:
    one = propose(hive, "alice")
    with bell.listening(hive.paths.bell, "work.approvals") as (worker,):
        watching.look_around(hive)
        assert not worker.wait(0)
        write_decision(hive, one)
        watching.look_around(hive)
        assert worker.wait(0)
        forge(hive, one.id, kind="spawn")
        deciding.catch_up(hive)
        later = clock.now() + 3600
        watching._ring_for_decisions(hive, later)
        assert not worker.wait(0)
        forge(hive, one.id, kind="apply_commit")
        deciding.catch_up(hive)
        assert now(hive, one.id).status == "approved"
