"""Nobody else can approve: whoever has taken over the hive's own user writes rows, jobs and files as it likes, with
real users of the kernel, and nothing deploys. What the files may say is in tests/flow/test_disbelieving.py."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hivelib.base import clock
from hivelib.base.errors import Refused
from hivelib.base.paths import Paths
from hivelib.flow import deciding
from hivelib.flow.opening import Hive
from hivelib.host import decisions
from hivelib.model.records import Decision
from hivelib.model.states import APPROVAL
from hivelib.store import jobs
from tests.support.deploy_rig import OPERATOR, DeployRig
from tests.support.state import short_directory
from tests.support.three_users import OPERATOR as DECIDER
from tests.support.three_users import (
    RACER,
    ThreeUsers,
    approving,
    forge_agent,
    forge_job,
    forge_row,
)
from tests.support.undecided import forge

EVIL = '{"model": "evil"}\n'
KINDS = ("init_config", "spawn", "apply_commit")


@pytest.fixture(scope="module")
def three() -> Iterator[ThreeUsers]:
    """A hive whose state is one user's, whose deploys another's, and whose operator is a third; shared by all tests."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to be two users")
    with short_directory() as where, pytest.MonkeyPatch.context() as patch:
        yield ThreeUsers(where, patch)


def test_a_real_operator_can(three: ThreeUsers) -> None:
    number = three.propose('{"model": "opus"}\n')
    three.approve(number)
    three.work()
    assert three.deployer(lambda rig: rig.agrees(number)) == "deployed"
    assert three.deployer(lambda rig: rig.approval(number).decided_uid) == 1


def test_rows_of_every_kind_and_status_deploy_nothing(three: ThreeUsers) -> None:
    pending = {status: three.propose(EVIL) for status in APPROVAL}
    before = three.deployed()

    def rows(rig: DeployRig) -> list[int]:
        made = [
            forge_row(rig, kind, status) for kind in KINDS for status in ("approved", "activating")
        ]
        for status, number in pending.items():
            forge(rig.hive, number, status=status, decided_uid=0, resolved_at=None)
        for number in (*made, *pending.values()):
            forge_job(rig, "deploy", "alice", number)
        return made

    made = three.hive(rows)
    for _ in range(2):
        three.work()
        assert three.deployed() == before
    for number in (*made, pending["approved"], pending["activating"]):
        assert three.refusals(number) == [f"nobody decided about approval {number}"]


def test_files_are_the_kernels_to_refuse(three: ThreeUsers) -> None:
    number, used = three.propose(EVIL), 1
    before = three.deployed()

    def write(rig: DeployRig) -> dict[str, str]:
        paths, state = rig.hive.paths, rig.hive.paths.state
        mine = f"{state}/mine"
        os.mkdir(mine)
        Path(mine, "file").write_text("x")
        tries: dict[str, Callable[[], object]] = {
            "a file": lambda: os.mknod(paths.decision(number)),
            "a hard link": lambda: os.link(f"{mine}/file", paths.decision(number)),
            "an old one": lambda: os.link(paths.decision(used), paths.decision(number)),
            "an old one moved": lambda: os.rename(paths.decision(used), paths.decision(number)),
            "an old one removed": lambda: os.unlink(paths.decision(used)),
            "a symlink": lambda: os.symlink(f"{mine}/file", paths.decision(number)),
            "what is above": lambda: os.rename(paths.deployed, f"{state}/away"),
            "its owner": lambda: os.chown(f"{mine}/file", 1, -1),
        }
        for name in ("decisions", "applied", "meta", "builds", "builds/.meta"):
            place = f"{paths.deployed}/{name}"
            tries |= {
                f"in {name}": lambda place=place: os.mknod(f"{place}/x"),  # type: ignore[misc]
                f"{name} moved": lambda place=place: os.rename(place, f"{place}.x"),  # type: ignore[misc]
                f"{name} moved here": lambda place=place: os.rename(place, f"{mine}/x"),  # type: ignore[misc]
                f"{name} swapped": lambda place=place: os.rename(mine, place),  # type: ignore[misc]
                f"{name} opened": lambda place=place: os.chmod(place, 0o777),  # type: ignore[misc]
            }
        ref = "refs/tags/approved/9"
        tries["a tag"] = lambda: os.makedirs(f"{paths.applied('alice')}/{os.path.dirname(ref)}/x")
        tries["an object"] = lambda: os.mkdir(f"{paths.applied('alice')}/objects/zz")
        tries["main"] = lambda: os.truncate(f"{paths.applied('alice')}/refs/heads/main", 0)
        found = {}
        for what, work in tries.items():
            try:
                work()
                found[what] = "done"
            except OSError as error:
                found[what] = type(error).__name__
        return found

    found = three.hive(write)
    assert {what for what, how in found.items() if how == "done"} == set()
    three.hive(lambda rig: forge_job(rig, "deploy", "alice", number))
    three.work()
    assert three.deployed() == before


def test_a_directory_of_its_own_beside_them_is_not_looked_into(three: ThreeUsers) -> None:
    number = three.propose(EVIL)
    before = three.deployed()

    def write(rig: DeployRig) -> None:
        row, place = rig.approval(number), Path(rig.hive.paths.state, "decisions")
        place.rmdir() if place.is_dir() else None
        alone = rig.hive.settings._replace(deployed_dir="")
        said = Decision(
            number,
            "approve",
            row.kind,
            "alice",
            row.incarnation or 0,
            row.fetched_sha,
            "",
            row.base,
            "",
            "root",
            "shell",
            clock.now(),
        )
        os.makedirs(place)
        assert decisions.write(Paths.of(alone), said)
        forge(rig.hive, number, status="approved", decided_uid=0)
        forge_job(rig, "deploy", "alice", number)

    three.hive(write)
    three.work()
    assert three.deployed() == before
    assert three.refusals(number) == [f"nobody decided about approval {number}"]


def test_where_it_could_replace_them_nothing_is_decided_or_believed(three: ThreeUsers) -> None:
    number = three.propose(EVIL)

    def both(rig: DeployRig) -> list[str]:
        said, settings = [], rig.hive.settings._replace(deployed_dir="")
        hive = Hive(settings, Paths.of(settings), rig.hive.db)
        for work in (
            lambda: deciding.approve(hive, OPERATOR, number),
            lambda: deciding.believed(hive, number),
        ):
            with pytest.raises(Refused) as caught:
                work()
            said.append(caught.value.message)
        return said

    assert ["could put other decisions there" in words for words in three.run(DECIDER, both)] == [
        True,
        True,
    ]


def test_a_decision_is_not_replayed(three: ThreeUsers) -> None:
    first = three.propose('{"model": "opus"}\n')
    three.approve(first)
    three.work()
    second = three.propose('{"model": "haiku"}\n')
    three.approve(second)
    three.work()
    before = three.deployed()

    def replay(rig: DeployRig) -> None:
        for status in ("approved", "building", "activating"):
            forge(rig.hive, first, status=status, resolved_at=None)
            forge_job(rig, "deploy", "alice", first)

    three.hive(replay)
    three.work()
    assert three.deployed() == before
    third = three.propose(EVIL)

    def borrow(rig: DeployRig) -> None:
        evil = rig.approval(third)
        forge(rig.hive, first, status="approved", resolved_at=None, fetched_sha=evil.fetched_sha)
        forge(rig.hive, third, status="approved", decided_uid=1, decided_at=1.0)
        forge_job(rig, "deploy", "alice", first)
        forge_job(rig, "deploy", "alice", third)

    three.hive(borrow)
    three.work()
    assert three.deployed() == before
    assert len(three.refusals(third)) == 1


def test_a_row_that_changes_under_the_worker_changes_nothing(three: ThreeUsers) -> None:
    """The worker's git is one that changes the row first, from its call number `at` on."""
    place, ends = three.rig.world.parent, set()
    at, called = -8, 2
    while called >= at:
        at += 10
        good, evil = three.propose(f'{{"model": "good{at}"}}\n'), three.propose(EVIL)
        stolen = three.row(evil)
        three.approve(good)
        sql = (
            f"UPDATE approvals SET agent = 'manager', kind = 'spawn', fetched_sha = '{stolen.fetched_sha}',"
            f" base = '', incarnation = NULL WHERE id = {good}"
        )
        counter = three.rig.world / "counter"
        counter.unlink(missing_ok=True)
        words = {"counter": str(counter), "database": three.rig.hive.paths.database}
        racer = place / "programs/git"
        racer.write_text(RACER.format(**words, at=at, sql=sql))
        racer.chmod(0o755)
        three.work()
        racer.unlink()
        called = int(counter.read_text())
        boxes = three.deployed()["boxes"]
        assert isinstance(boxes, dict) and "evil" not in str(boxes), at
        tags = three.deployed()["tags"]
        assert isinstance(tags, dict) and good not in tags["manager"]
        ends.add(good in tags["alice"])
    assert ends == {True, False}


def test_jobs_that_need_no_approval_bring_nothing_new(three: ThreeUsers) -> None:
    evil = three.propose(EVIL, "eve", "spawn")
    other = three.propose(EVIL)
    before, first = three.deployed(), three.deployer(lambda rig: jobs.newest(rig.hive.db))

    def queue(rig: DeployRig) -> None:
        forge_agent(rig, "eve", rig.approval(evil).fetched_sha)
        for kind in ("seed", "rebuild"):
            for name in ("eve", "../../x", "bob", "*", "alice/../eve"):
                forge_job(rig, kind, name)
        forge_job(rig, "retire", "../x")

    three.hive(queue)
    three.work()
    assert three.deployed() == before
    failed = three.deployer(
        lambda rig: [
            job.note
            for job in jobs.latest(rig.hive.db, 50)
            if job.state == "failed" and job.id > first
        ]
    )
    assert len(failed) == 11
    assert sum("is about no agent" in note for note in failed) == 7
    assert any("only a hive of one user makes it" in note for note in failed)
    # A rebuild that fails goes back to what ran before, which is not what a row says.
    fails = three.rig.world.parent / "programs/systemctl"
    real = fails.rename(f"{fails}.real")
    fails.write_text(
        f'#!/bin/sh\ncase "$*" in *"start hive-agent@alice.target"*)\n'
        f"grep -q evil {three.rig.hive.paths.agent_config('alice')} || exit 1;; esac\n"
        f'exec {real} "$@"\n'
    )
    fails.chmod(0o755)

    def rebuild(rig: DeployRig) -> None:
        sql = "UPDATE agents SET deployed_sha = ? WHERE name = 'alice'"
        with rig.hive.db.write() as db:
            db.execute(sql, (rig.approval(other).fetched_sha,))
        forge_job(rig, "rebuild", "alice")

    three.hive(rebuild)
    three.work()
    real.rename(fails)
    after = three.deployed()
    assert "evil" not in str(after["boxes"]) and after["mains"] == before["mains"]


def test_it_decides_by_no_tool_either(three: ThreeUsers) -> None:
    number = three.propose(EVIL)
    assert "the hive's own user may not decide" in three.hive(lambda rig: approving(rig, number))
    assert "the user that deploys may not decide" in three.deployer(
        lambda rig: approving(rig, number)
    )
