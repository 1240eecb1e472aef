"""Killed between any two things that others can see: destroy, revive and purge (test_killed_anywhere.py)."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hivelib.flow import asking, jobs, mailing
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.store import agents, approvals, mail, questions
from tests.support import agreement
from tests.support.kill_rig import KillRig, config, turns
from tests.support.random_kills import Kills

pytestmark = pytest.mark.timeout(600)


def test_destroy_and_revive(rig: KillRig) -> None:
    """The jobs of both, and those that take it out of meta and put it back."""
    rig.deploy("alice", config(0), "spawn")

    def wanted(kind: str, live: bool, also: str = "") -> Callable[[], Callable[[Hive], object]]:
        def prepare() -> Callable[[Hive], object]:
            if rig.alive("alice") != live:
                jobs.ask(rig.hive, "revive" if live else "destroy", "alice", "operator")
                rig.go_on()
            if live:
                mailing.send(rig.hive, SHELL, "alice", "hello")
                rig.propose("alice", config(rig.newest()))
            jobs.ask(rig.hive, kind, "alice", "operator")
            if also:
                rig.worker("lifecycle")(rig.hive)
            return rig.worker(also or "lifecycle")

        return prepare

    def came_to() -> str:
        agreement.same(rig.hive, rig.box, "alice")
        agreement.log(rig.hive, approvals.latest(rig.hive.db, 1_000_000))
        return rig.agent("alice").state

    for lane in ("", "approvals"):
        assert turns(rig.each_point(wanted("destroy", True, lane), came_to).ends) == ["destroyed"]
        assert turns(rig.each_point(wanted("revive", False, lane), came_to).ends) == ["running"]
    asked = rig.hive.db.value("SELECT count(*) FROM jobs WHERE kind = 'destroy'")
    for kind in ("destroyed", "tombstones_changed"):
        sql = "SELECT count(*) FROM events WHERE kind = ? AND subject = 'alice'"
        times = 1 if kind == "destroyed" else 2
        revived = rig.hive.db.value("SELECT count(*) FROM jobs WHERE kind = 'revive'")
        assert rig.hive.db.value(sql, kind) == (asked if times == 1 else asked + revived)
    assert len(agreement.told(rig.hive, "destroyed")) == asked


def test_purge(rig: KillRig) -> None:
    name = ""

    def prepare() -> Callable[[Hive], object]:
        nonlocal name
        name = f"a{rig.newest()}"
        rig.deploy(name, config(0), "spawn")
        os.makedirs(os.path.dirname(rig.hive.paths.transcript(name)), exist_ok=True)
        for place in (rig.hive.paths.transcript(name), f"{rig.hive.paths.agent_state(name)}/kept"):
            Path(place).write_text("much")
        rig.destroyed(name)
        rig.propose(name, config(1), "spawn")
        jobs.ask(rig.hive, "purge", name, "operator")
        return rig.worker("lifecycle")

    def came_to() -> str:
        assert agents.get(rig.hive.db, name) is None and rig.box(name) is None
        state = Path(rig.hive.paths.state)
        left = {str(one.relative_to(state)) for one in state.glob(f"*/*{name}*")}
        places = {
            place for place in left if place.startswith((f"applied/.{name}.", f"proposed/.{name}."))
        }
        assert len(places) == 2 and left <= places | {f"builds/{name}"}, left
        sql = "SELECT count(*) FROM events WHERE kind = 'agent_removed' AND subject = ?"
        assert rig.hive.db.value(sql, name) == 1
        assert rig.end_of_newest() == "superseded"
        return "gone"

    assert turns(rig.each_point(prepare, came_to).ends) == ["gone"]


def test_a_purge_ends_what_is_open_about_the_name(rig: KillRig) -> None:
    rig.deploy("alice", config(0), "spawn")
    one = asking.ask(rig.hive, SHELL, "How far?", to="alice")
    rig.destroyed("alice")
    assert [found[-2:] for found in asking.recent(rig.hive, 9)] == [
        ("[cancelled by system]", "system")
    ]
    questions.add(rig.hive.db, one)  # whatever may have left another one open
    approved = rig.propose("alice", config(1), "spawn")
    rig.approve(approved)
    pending = rig.propose("alice", config(2), "spawn")
    jobs.ask(rig.hive, "purge", "alice", "operator")
    rig.worker("lifecycle")(rig.hive)
    assert [rig.approval(number).status for number in (approved, pending)] == [
        "failed",
        "superseded",
    ]
    assert asking.open_questions(rig.hive) == []
    told = [json.loads(message.body) for message in mail.peek(rig.hive.db, "operator", 9)]
    assert [said["answer"] for said in told] == ["[cancelled by system]"] * 2
    rig.go_on()
    agreement.whole(rig.hive, rig.box)
    assert rig.deploy("alice", config(3), "spawn").status == "deployed"


def test_revived_it_is_in_meta_though_it_could_not_be_built_anew(rig: KillRig) -> None:
    rig.deploy("alice", config(0), "spawn")
    rig.destroyed("alice")
    (rig.world / "no-trials").touch()  # somebody kills the box in which it is tried
    jobs.ask(rig.hive, "revive", "alice", "operator")
    rig.go_on()
    assert [one["ok"] for one in agreement.told(rig.hive, "rebuilt")] == [False]
    agreement.whole(rig.hive, rig.box)


def test_random_kills_and_copies(rig: KillRig) -> None:
    """A little of the soak: the next worker dies too, and copies that were made at a point go on."""
    kills = Kills(rig, 7)
    while kills.killed.total() < 40 or not kills.torn:
        kills.one()
    agreement.whole(rig.hive, rig.box)
