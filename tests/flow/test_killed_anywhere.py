"""Whatever is killed between any two things that others can see of it: at the next start it is finished or undone.

Here deploy, abort and spawn; beside it submit and decide (test_killed_deciders.py), destroy, revive and purge
(test_killed_lifecycles.py). Each process dies by SIGKILL at each of its fault points
(tests/support/fault_points.py), which it names itself as it comes to them, so that none can be forgotten. Afterwards
rows, tags, meta, main, decisions, boxes and mail agree (tests/support/agreement.py).
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hivelib.flow.opening import Hive
from hivelib.store import agents
from tests.support.kill_rig import KillRig, config, turns

BROKEN = '{"extra_mcp_servers": {"x": {"command": "no-such-program"}}}\n'
SWITCHING = "os.rename /agents/"
"""The first thing that is seen after a deploy's commit point, but for its row."""
UNSTARTABLE = '{"model": "unstartable"}\n'
pytestmark = pytest.mark.timeout(600)


def proposing(
    rig: KillRig, kind: str, name: str = "alice", text: str = ""
) -> Callable[[], Callable[[Hive], object]]:
    """Before each kill: a pending proposal that was approved, for the approvals' worker to carry out."""

    def prepare() -> Callable[[Hive], object]:
        number = rig.newest() + 1
        named = name or f"a{number}"
        rig.approve(rig.propose(named, text or config(number), kind))
        return rig.worker("approvals")

    return prepare


def test_deploy(rig: KillRig) -> None:
    """Until the build begins it is done anew; until the box is switched undone; from then on finished."""
    rig.deploy("alice", config(0), "spawn")
    came = rig.each_point(proposing(rig, "apply_commit"), rig.end_of_newest)
    assert turns(came.ends) == ["deployed", "failed", "deployed"]


@pytest.mark.parametrize("kind", ["spawn", "init_config"])
def test_spawn(rig: KillRig, kind: str) -> None:
    name = "alice" if kind == "spawn" else ""
    prepare = proposing(rig, kind, name)

    def prepare_alone() -> Callable[[Hive], object]:
        if name and rig.alive(name):
            rig.gone(name)
        return prepare()

    since = SWITCHING if kind == "spawn" else "os.rename /builds/.logs"
    came = rig.each_point(prepare_alone, rig.end_of_newest, since)
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
    came = rig.each_point(proposing(rig, kind, text=text), rig.end_of_newest, since)
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
            kept = rig.newest()
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
        return rig.end_of_newest()

    came = rig.each_point(prepare, came_to, "os.rename /agents/alice/transcript")
    assert turns(came.ends) == (["failed"] if text else ["deployed"])
