"""What the worker does not believe: rows alone, files of others, decisions used before or about something else."""

import os
from pathlib import Path

import pytest

from hivelib.base.errors import Refused
from hivelib.flow import deciding
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.host import decisions, git, repositories
from hivelib.store import warnings
from tests.support.people import made_user
from tests.support.undecided import (
    forge,
    inhabited,
    kinds,
    now,
    propose,
    queued,
    write_decision,
)


@pytest.fixture
def hive(private_state: Hive) -> Hive:
    """Manager, alice and bob, as they are before anything is proposed."""
    return inhabited(private_state)


def refused(hive: Hive, number: int) -> str:
    """Why the worker does not believe what was decided; that it is told of once, and the row stays as it was."""
    before = now(hive, number)
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            deciding.believed(hive, number)
    assert kinds(hive, number).count("decision_refused") == 1
    assert [name for name, *_ in warnings.standing(hive.db)] == [f"decision:{number}"]
    assert now(hive, number) == before
    return caught.value.message


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"commit": "0" * 40}, "differ in commit"),
        ({"agent": "bob"}, "differ in agent"),
        ({"incarnation": 99}, "differ in incarnation"),
        ({"kind": "spawn"}, "differ in kind"),
        ({"lock": "0" * 64}, "differ in lock"),
        ({"base": ""}, "differ in base"),
        ({"agent": "../x"}, "no agent"),
        ({"at": 2.0**34}, "expired"),
    ],
)
def test_a_file_that_says_something_else_is_not_believed(
    hive: Hive, fields: dict[str, object], words: str
) -> None:
    one = propose(hive, "alice")
    write_decision(hive, one, **fields)
    assert words in refused(hive, one.id)
    deciding.catch_up(hive)
    assert now(hive, one.id) == one and queued(hive, one.id) == []


def test_a_row_alone_is_not_believed(hive: Hive) -> None:
    one = propose(hive, "alice")
    forge(hive, one.id, status="approved", decided_at=1.0, decided_uid=0, decided_by="root")
    assert "nobody decided" in refused(hive, one.id)
    assert deciding.deny(hive, SHELL, one.id, "forged") is True
    assert warnings.standing(hive.db) == []


def test_a_row_that_was_changed_after_the_yes_is_not_believed(hive: Hive) -> None:
    one, other = propose(hive, "alice"), propose(hive, "bob", "{ }\n")
    deciding.approve(hive, SHELL, one.id)
    for columns in (
        {"agent": "bob"},
        {"fetched_sha": other.fetched_sha},
        {"kind": "spawn"},
        {"incarnation": None},  # it would bring back an agent that was destroyed in between
    ):
        before = {name: getattr(now(hive, one.id), name) for name in columns}
        forge(hive, one.id, **columns)
        assert "differ in" in refused(hive, one.id)
        forge(hive, one.id, **before)
    assert deciding.believed(hive, one.id).agent == "alice"


def test_a_decision_is_good_for_one_approval_only(hive: Hive) -> None:
    one, two = propose(hive, "alice"), propose(hive, "alice")
    deciding.approve(hive, SHELL, one.id)
    os.link(hive.paths.decision(one.id), hive.paths.decision(two.id))
    assert f"is about approval {one.id}" in refused(hive, two.id)


@pytest.mark.parametrize("end", ["deployed", "failed", "denied"])
def test_a_used_decision_is_not_used_again(hive: Hive, end: str) -> None:
    one = propose(hive, "alice")
    deciding.approve(hive, SHELL, one.id)
    repositories.tag(hive.settings, "alice", end, one.id, one.fetched_sha, "x", "")
    forge(hive, one.id, status="approved", resolved_at=None)
    assert f"used before: tag {end}/{one.id}" in refused(hive, one.id)


def test_a_tag_or_main_that_was_moved_is_seen(hive: Hive) -> None:
    one, two = propose(hive, "alice"), propose(hive, "alice", "{  }\n")
    deciding.approve(hive, SHELL, one.id)
    place = hive.paths.applied("alice")
    git.git(place, "tag", "-d", f"proposal/{one.id}")
    assert "no tag" in refused(hive, one.id)
    git.tag(place, f"proposal/{one.id}", two.fetched_sha, "x")
    assert "is on" in refused(hive, one.id)
    git.git(place, "tag", "-d", f"proposal/{one.id}")
    git.tag(place, f"proposal/{one.id}", one.fetched_sha, "x")
    assert deciding.believed(hive, one.id)
    git.move(place, repositories.MAIN, two.fetched_sha, one.base)
    assert "deployed anew" in refused(hive, one.id)


@pytest.mark.parametrize("kind", ["link", "pipe", "huge", "other owner"])
def test_a_file_that_is_not_an_operators_is_not_believed(hive: Hive, kind: str) -> None:
    if kind == "other owner" and os.geteuid() != 0:
        pytest.skip("needs root, to be two users")
    one, path = propose(hive, "alice"), hive.paths.decision(1)
    write_decision(hive, one)
    if kind == "link":
        os.rename(path, f"{path}.real")
        os.symlink(f"{path}.real", path)
    elif kind == "pipe":
        os.unlink(path)
        os.mkfifo(path)
    elif kind == "huge":
        Path(path).write_bytes(b" " * (decisions.MOST + 1))
    else:
        os.chown(path, made_user().uid, -1)
    assert refused(hive, one.id)
    with pytest.raises(Refused, match="remove it"):
        deciding.approve(hive, SHELL, one.id)
    deciding.catch_up(hive)
    assert now(hive, one.id) == one and queued(hive, one.id) == []
    os.unlink(path)
    assert deciding.approve(hive, SHELL, one.id) is True
    assert warnings.standing(hive.db) == []
