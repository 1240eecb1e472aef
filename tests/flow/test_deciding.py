"""The operator's word: who may say it, what it is bound to, that it is said once and kept through a kill."""

import os

import pytest

from hivelib.base import clock
from hivelib.base.errors import HiveError, Refused
from hivelib.flow import deciding, denying, resolving
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.host import decisions, repositories
from tests.support.residents import voice
from tests.support.undecided import (
    deployed,
    forge,
    inhabited,
    job_of,
    kinds,
    now,
    propose,
    queued,
    quiet,
    told,
    write_decision,
)


@pytest.fixture
def hive(private_state: Hive) -> Hive:
    """Manager, alice and bob, as they are before anything is proposed."""
    return inhabited(private_state)


def test_a_yes_is_a_file_a_row_an_event_and_a_job(hive: Hive) -> None:
    one = propose(hive, "alice")
    assert deciding.approve(hive, SHELL, one.id, sha=one.fetched_sha[:8], note="fine") is True
    said = decisions.read(hive.paths, one.id)
    assert said and said[1] == os.geteuid()
    assert said[0][:8] == (
        one.id,
        "approve",
        "apply_commit",
        "alice",
        one.incarnation,
        one.fetched_sha,
        "",
        one.base,
    )
    row = now(hive, one.id)
    assert (row.status, row.decided_uid, row.surface, row.note) == (
        "approved",
        os.geteuid(),
        "shell",
        "fine",
    )
    assert row.decided_by == said[0].login and row.decided_at == said[0].at
    assert kinds(hive, one.id)[-1] == "approval_decided" and queued(hive, one.id) == ["deploy"]
    assert deciding.believed(hive, one.id) == said[0]


def test_the_same_word_twice_is_already_and_another_is_refused(hive: Hive) -> None:
    one = propose(hive, "alice")
    deciding.approve(hive, SHELL, one.id)
    assert deciding.approve(hive, SHELL, one.id) is False
    with pytest.raises(Refused, match=rf"approval {one.id} was approved by \S+ at 20.*Z"):
        deciding.deny(hive, SHELL, one.id, "no")
    assert queued(hive, one.id) == ["deploy"]
    assert kinds(hive, one.id).count("approval_decided") == 1


def test_a_no_is_carried_out_by_the_worker_and_told_once(hive: Hive) -> None:
    one = propose(hive, "alice")
    assert deciding.deny(hive, SHELL, one.id, "alice needs no opus") is True
    assert now(hive, one.id).status == "denied" and queued(hive, one.id) == ["deny"]
    job = job_of(hive, one.id, "deny")
    assert denying.carry_out(hive, job, quiet) == f"denied/{one.id}"
    assert "over" in denying.carry_out(hive, job, quiet)
    assert repositories.tagged(hive.settings, "alice", one.id)["denied"] == one.fetched_sha
    assert [one["status"] for one in told(hive)] == ["denied"]
    assert told(hive)[0]["note"] == "alice needs no opus"
    assert told(hive)[0]["tag"] == f"denied/{one.id}"
    assert deciding.deny(hive, SHELL, one.id, "alice needs no opus") is False


def test_a_denial_that_was_killed_after_its_tag_is_finished(hive: Hive) -> None:
    one = propose(hive, "alice")
    deciding.deny(hive, SHELL, one.id, "no")
    repositories.tag(hive.settings, "alice", "denied", one.id, one.fetched_sha, "x", "no")
    denying.carry_out(hive, job_of(hive, one.id, "deny"), quiet)
    assert now(hive, one.id).resolved_at and len(told(hive)) == 1


@pytest.mark.parametrize("note", ["", "  ", "x" * 1001, "a\x1b[2Jb", "a\u202eb"])
def test_a_no_needs_a_visible_reason(hive: Hive, note: str) -> None:
    one = propose(hive, "alice")
    with pytest.raises(Refused):
        deciding.deny(hive, SHELL, one.id, note)
    assert decisions.read(hive.paths, one.id) is None and now(hive, one.id) == one


def test_only_the_operator_decides(hive: Hive) -> None:
    one = propose(hive, "alice")
    for name in ("alice", "manager"):
        with pytest.raises(Refused, match="only the operator"):
            deciding.approve(hive, voice(name), one.id)
    assert now(hive, one.id) == one


def test_a_newer_yes_supersedes_the_older_proposals(hive: Hive) -> None:
    first, second, other = (
        propose(hive, "alice"),
        propose(hive, "alice", "{ }\n"),
        propose(hive, "bob"),
    )
    deciding.approve(hive, SHELL, second.id)
    assert [now(hive, one.id).status for one in (first, second, other)] == [
        "superseded",
        "approved",
        "pending",
    ]
    assert kinds(hive, first.id)[-2:] == ["approval_superseded", "approval_resolved"]
    assert [(one["id"], one["status"]) for one in told(hive)] == [(first.id, "superseded")]
    with pytest.raises(Refused, match="is over: superseded"):
        deciding.approve(hive, SHELL, first.id)


def test_what_cannot_be_decided_is_refused_in_one_line(hive: Hive) -> None:
    one = propose(hive, "alice")
    with pytest.raises(Refused, match="no approval 99; `hive-pending`"):
        deciding.approve(hive, SHELL, 99)
    with pytest.raises(Refused, match=r"is \w+, not 0123"):
        deciding.approve(hive, SHELL, one.id, sha="0123")
    deployed(hive, "alice", '{"model": "haiku"}\n')
    with pytest.raises(Refused, match=rf"deployed anew .*look again: hive-show {one.id}"):
        deciding.approve(hive, SHELL, one.id)
    forge(hive, one.id, expires_at=clock.now() - 1)
    with pytest.raises(Refused, match="has expired"):
        deciding.approve(hive, SHELL, one.id)
    assert decisions.read(hive.paths, one.id) is None


def test_a_tampered_row_or_tag_is_not_decided_about(hive: Hive) -> None:
    one, other = propose(hive, "alice"), propose(hive, "bob", "{ }\n")
    forge(hive, one.id, agent="bob")
    with pytest.raises(Refused, match="no tag proposal/"):
        deciding.approve(hive, SHELL, one.id)
    forge(hive, one.id, agent="alice", fetched_sha=other.fetched_sha)
    with pytest.raises(Refused, match="the row names"):
        deciding.approve(hive, SHELL, one.id)
    forge(hive, one.id, agent="../../x")
    with pytest.raises(Refused, match="repository"):
        deciding.approve(hive, SHELL, one.id)
    assert decisions.all_ids(hive.paths) == []


def test_killed_between_file_and_row_is_decided(hive: Hive) -> None:
    one, two = propose(hive, "alice"), propose(hive, "bob")
    for approval, verdict in ((one, "approve"), (two, "deny")):
        assert write_decision(hive, approval, verdict=verdict)
    assert now(hive, one.id).status == "pending" and deciding.undone(hive) == [one.id, two.id]
    deciding.catch_up(hive)
    deciding.catch_up(hive)
    assert [now(hive, number).status for number in (one.id, two.id)] == ["approved", "denied"]
    assert queued(hive, one.id) == ["deploy"] and queued(hive, two.id) == ["deny"]
    assert kinds(hive, one.id).count("approval_decided") == 1


def test_who_asks_again_finishes_what_was_killed(hive: Hive) -> None:
    one = propose(hive, "alice")
    write_decision(hive, one)
    assert deciding.approve(hive, SHELL, one.id) is False
    assert now(hive, one.id).status == "approved" and queued(hive, one.id) == ["deploy"]


def test_an_approval_comes_to_its_end_once_and_only_as_the_table_says(hive: Hive) -> None:
    one = propose(hive, "alice")
    with pytest.raises(HiveError, match="is pending and cannot become deployed"):
        resolving.resolve(hive, one, "deployed", "")
    assert resolving.resolve(hive, one, "superseded", "alice was destroyed") is True
    assert resolving.resolve(hive, one, "superseded", "alice was destroyed") is False
    assert [(one["status"], one["note"]) for one in told(hive)] == [
        ("superseded", "alice was destroyed")
    ]


def test_what_a_killed_decider_left_goes_after_a_minute(hive: Hive) -> None:
    decisions.prepare(hive.paths)
    places = {name: f"{hive.paths.state}/decisions/{name}" for name in (".7.old", ".8.new", "7")}
    for place in places.values():
        with open(place, "w", encoding="utf-8"):
            pass
    for name in (".7.old", "7"):
        os.utime(places[name], (clock.now() - 61, clock.now() - 61))
    deciding.catch_up(hive)
    assert [name for name, place in places.items() if os.path.exists(place)] == [".8.new", "7"]
