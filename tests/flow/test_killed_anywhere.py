"""Whatever is killed between any two things that others can see of it: at the next start it is finished or undone.

Submit, decide, deploy, abort, spawn, destroy, revive, purge: each process dies by SIGKILL at each of its fault points
(tests/support/fault_points.py), which it names itself as it comes to them, so that none can be forgotten. Afterwards
rows, tags, meta, main, decisions, boxes and mail agree (tests/support/agreement.py).
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hivelib.flow import deciding, jobs, mailing, submitting
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.host import git, repositories, templates
from hivelib.model.records import Caller
from hivelib.store import agents, approvals
from tests.support import agreement
from tests.support.deploy_rig import OPERATOR
from tests.support.kill_rig import KillRig, kill_rig, turns
from tests.support.sandbox import sandbox

MANAGER = Caller("manager", "manager", "mcp")
BROKEN = '{"extra_mcp_servers": {"x": {"command": "no-such-program"}}}\n'
SWITCHING = "os.rename /agents/"
"""The first thing that is seen after a deploy's commit point, but for its row."""
UNSTARTABLE = '{"model": "unstartable"}\n'


@pytest.fixture
def rig(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KillRig]:
    """A hive with its manager."""
    with kill_rig(short_path, monkeypatch) as made:
        yield made


def config(number: int) -> str:
    return f'{{"model": "m{number}"}}\n'


def newest(rig: KillRig) -> int:
    return int(rig.hive.db.value("SELECT coalesce(max(id), 0) FROM approvals"))


def end_of_newest(rig: KillRig) -> str:
    return agreement.settled(rig.hive, rig.approval(newest(rig)))


def proposing(
    rig: KillRig, kind: str, name: str = "alice", text: str = ""
) -> Callable[[], Callable[[Hive], object]]:
    """Before each kill: a pending proposal that was approved, for the approvals' worker to carry out."""

    def prepare() -> Callable[[Hive], object]:
        number = newest(rig) + 1
        named = name or f"a{number}"
        rig.approve(rig.propose(named, text or config(number), kind))
        return rig.worker("approvals")

    return prepare


@pytest.mark.parametrize("kind", ["apply_commit", "spawn", "init_config"])
def test_submit(rig: KillRig, kind: str) -> None:
    """Who asks dies: the row is there with its job, or nothing; then the worker that looks at what was proposed."""
    if kind == "apply_commit":
        rig.deploy("alice", config(0), "spawn")
        place = f"{rig.hive.paths.proposed('alice')}/.git"
        files = {**templates.files("alice", "agent"), "agent.json": config(1)}
        main = repositories.main(rig.hive.settings, "alice")
        git.move(place, repositories.MAIN, git.write_commit(place, files, main, "more"), main)
    before = 0

    def ask(hive: Hive) -> None:
        name = f"a{before}"
        if kind == "apply_commit":
            submitting.request_apply_commit(hive, MANAGER, "alice", "main", "more")
        elif kind == "spawn":
            submitting.request_spawn(hive, SHELL, name, "a helper", config(before))
        else:
            submitting.request_init_config(hive, MANAGER, name, "a helper")

    def prepare_ask() -> Callable[[Hive], object]:
        nonlocal before
        before = newest(rig)
        return ask

    def prepare_fetch() -> Callable[[Hive], object]:
        prepare_ask()(rig.hive)
        return rig.worker("submissions")

    def came_to() -> str:
        return end_of_newest(rig) if newest(rig) > before else "nothing"

    with sandbox(rig.hive):
        came = rig.each_point(prepare_ask, came_to)
        assert turns(came.ends) == ["nothing", "pending"]
        came = rig.each_point(prepare_fetch, came_to)
        assert turns(came.ends) == ["pending"]


def test_approve(rig: KillRig) -> None:
    rig.deploy("alice", config(0), "spawn")

    def prepare() -> Callable[[Hive], object]:
        rig.propose("alice", config(newest(rig)))  # is superseded by the next that is approved
        number = rig.propose("alice", config(newest(rig)))
        return lambda hive: deciding.approve(hive, OPERATOR, number)

    came = rig.each_point(prepare, lambda: end_of_newest(rig))
    assert turns(came.ends) == ["pending", "deployed"]


def test_deny(rig: KillRig) -> None:
    rig.deploy("alice", config(0), "spawn")

    def prepare() -> Callable[[Hive], object]:
        number = rig.propose("alice", config(newest(rig)))
        return lambda hive: deciding.deny(hive, OPERATOR, number, "no")

    def prepare_worker() -> Callable[[Hive], object]:
        prepare()(rig.hive)
        return rig.worker("approvals")

    came = rig.each_point(prepare, lambda: end_of_newest(rig))
    assert turns(came.ends) == ["pending", "denied"]
    came = rig.each_point(prepare_worker, lambda: end_of_newest(rig))
    assert turns(came.ends) == ["denied"]


def test_deploy(rig: KillRig) -> None:
    """Until the build begins it is done anew; until the box is switched undone; from then on finished."""
    rig.deploy("alice", config(0), "spawn")
    came = rig.each_point(proposing(rig, "apply_commit"), lambda: end_of_newest(rig))
    assert turns(came.ends) == ["deployed", "failed", "deployed"]


@pytest.mark.parametrize("kind", ["spawn", "init_config"])
def test_spawn(rig: KillRig, kind: str) -> None:
    name = "alice" if kind == "spawn" else ""
    prepare = proposing(rig, kind, name)

    def prepare_alone() -> Callable[[Hive], object]:
        if name and rig.alive(name):
            rig.gone(name)
        return prepare()

    since = SWITCHING if kind == "spawn" else "os.rename /builds/logs"
    came = rig.each_point(prepare_alone, lambda: end_of_newest(rig), since)
    assert turns(came.ends) == (["deployed"] if kind == "spawn" else ["failed", "deployed"])


@pytest.mark.parametrize(
    ("kind", "text"),
    [("apply_commit", BROKEN), ("apply_commit", UNSTARTABLE), ("spawn", UNSTARTABLE)],
)
def test_abort(rig: KillRig, kind: str, text: str) -> None:
    """A build that fails, and a box that does not start, which gets back what it had."""
    if kind == "apply_commit":
        rig.deploy("alice", config(0), "spawn")
    since = "commit" if text == BROKEN else SWITCHING
    came = rig.each_point(proposing(rig, kind, text=text), lambda: end_of_newest(rig), since)
    assert turns(came.ends) == ["failed"]
    assert rig.alive("alice") == (kind == "apply_commit")


@pytest.mark.parametrize("text", ["", UNSTARTABLE])
def test_spawn_over_a_tombstone(rig: KillRig, text: str) -> None:
    """What the tombstone left is moved aside, or given back: either way it is there."""
    rig.deploy("alice", config(0), "spawn")
    kept = 0

    def prepare() -> Callable[[Hive], object]:
        nonlocal kept
        if rig.alive("alice"):
            kept = newest(rig)
            for place in (
                rig.hive.paths.transcript("alice"),
                f"{rig.hive.paths.agent_state('alice')}/kept",
            ):
                os.makedirs(os.path.dirname(place), exist_ok=True)
                Path(place).write_text(f"{kept}")
            rig.destroyed("alice")
        return proposing(rig, "spawn", text=text)()

    def came_to() -> str:
        found = agents.get(rig.hive.db, "alice")
        state = Path(rig.hive.paths.state)
        files = [*state.glob("agents/*alice*/state/kept"), *state.glob("**/*.sqlite")]
        places = [str(one.relative_to(state)) for one in files if one.read_bytes() == b"%d" % kept]
        assert found and len(places) == 2
        in_place = ["agents/alice/state/kept", "transcripts/alice.sqlite"]
        assert (sorted(places) == in_place) == (found.state == "destroyed"), places
        return end_of_newest(rig)

    came = rig.each_point(prepare, came_to, "os.rename /agents/alice/transcript")
    assert turns(came.ends) == (["failed"] if text else ["deployed"])


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
                rig.propose("alice", config(newest(rig)))
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
        name = f"a{newest(rig)}"
        rig.deploy(name, config(0), "spawn")
        os.makedirs(os.path.dirname(rig.hive.paths.transcript(name)), exist_ok=True)
        for place in (rig.hive.paths.transcript(name), f"{rig.hive.paths.agent_state(name)}/kept"):
            Path(place).write_text("much")
        rig.destroyed(name)
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
        return "gone"

    assert turns(rig.each_point(prepare, came_to).ends) == ["gone"]
