"""An approved commit becomes what an agent runs with, or nothing changes: with real git and decision files."""

from pathlib import Path

import pytest

from hivelib.base.errors import HiveError, NotNow
from hivelib.flow import deploying, jobs
from hivelib.flow.opening import Hive
from hivelib.flow.rendering import revision
from hivelib.host import flake, git, meta, repositories
from hivelib.store import agents
from hivelib.store import jobs as job_rows
from tests.support.deploy_rig import DeployRig

OPUS, HAIKU = '{"model": "opus"}\n', '{"model": "haiku"}\n'
BROKEN = '{"model": 3}\n'
MISSING = '{"extra_mcp_servers": {"x": {"command": "no-such-program"}}}\n'
UNSTARTABLE = '{"model": "unstartable"}\n'


@pytest.fixture
def rig(private_state: Hive, short_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeployRig:
    """A hive with a manager, made by the seed job."""
    made = DeployRig(private_state, short_path, monkeypatch)
    made.ask("seed", "manager")
    return made


def test_the_manager_is_made_once_and_everything_says_so(rig: DeployRig) -> None:
    settings = rig.hive.settings
    manager = rig.agent("manager")
    assert (manager.role, manager.state, manager.revision) == ("manager", "running", revision())
    assert manager.deployed_sha == repositories.main(settings, "manager")
    assert repositories.tagged(settings, "manager", 0) == {"deployed": manager.deployed_sha}
    assert rig.log() == ["deploy manager deployed/0"]
    assert flake.agents_of(meta.lock(settings)) == {"manager": manager.deployed_sha}
    assert Path(rig.hive.paths.proposed("manager"), "agent.json").exists()
    assert rig.ask("seed", "manager") == "manager is there already"
    assert "made by an approval" in rig.ask("seed", "alice")
    assert "no agent's name" in rig.ask("seed", "../x")
    assert agents.get(rig.hive.db, "alice") is None


def test_a_spawn_is_box_row_repositories_and_news(rig: DeployRig) -> None:
    done = rig.deploy("alice", OPUS, "spawn")
    assert rig.agrees(done.id) == "deployed"
    assert rig.box("alice") == OPUS.strip()
    assert rig.log() == ["deploy alice deployed/1", "deploy manager deployed/0"]
    assert [one["agent"] for one in rig.told("spawned")] == ["alice"]
    tags = repositories.tagged(rig.hive.settings, "alice", 1)
    assert set(tags) == {"proposal", "approved", "building", "deployed"}
    assert repositories.tagged(rig.hive.settings, "alice", 0) == {"deployed": done.fetched_sha}
    said = [one for one in repositories.history(rig.hive.settings, "alice") if one.approval == 1]
    assert [one.who.partition(" ")[0] for one in said if one.kind == "approved"] == ["root"]
    assert rig.restarts("alice") == 0
    assert Path(rig.hive.paths.build_log(1)).read_text().endswith("built\n")


def test_an_init_config_makes_repositories_and_the_first_apply_the_agent(rig: DeployRig) -> None:
    first = rig.deploy("alice", None, "init_config")
    assert first.status == "deployed" and agents.get(rig.hive.db, "alice") is None
    assert rig.box("alice") is None and "alice" not in str(rig.log())
    assert [one["sha"] for one in rig.told("config_ready")] == [first.fetched_sha]
    assert Path(rig.hive.paths.proposed("alice"), "agent.json").exists()
    second = rig.deploy("alice", OPUS)
    assert rig.agrees(second.id) == "deployed"
    assert [one["agent"] for one in rig.told("spawned")] == ["alice"]
    third = rig.deploy("alice", HAIKU)
    assert rig.agrees(third.id) == "deployed"
    assert [(one["ok"], one["tag"]) for one in rig.told("rebuilt")] == [(True, "deployed/3")]
    assert rig.restarts("alice") == 1


def test_a_stopped_agent_gets_its_config_and_stays_stopped(rig: DeployRig) -> None:
    rig.deploy("alice", OPUS, "spawn")
    with rig.hive.db.write() as db:
        agents.set_state(db, "alice", "stopped", 1.0)
    (rig.world / "up.alice").unlink()
    done = rig.deploy("alice", HAIKU)
    assert rig.agrees(done.id) == "deployed"
    assert rig.box("alice") == f"stopped: {HAIKU.strip()}" and rig.restarts("alice") == 0


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (BROKEN, "model: input should be a valid string"),
        (MISSING, "no program no-such-program"),
        (UNSTARTABLE, "Job for hive-agent@alice.target failed"),
    ],
)
def test_what_cannot_be_built_or_started_changes_nothing(
    rig: DeployRig, config: str, why: str
) -> None:
    first = rig.deploy("alice", OPUS, "spawn")
    done = rig.deploy("alice", config)
    assert rig.agrees(done.id) == "failed"
    assert why in done.note
    assert rig.box("alice") == OPUS.strip()
    assert rig.log()[0] == f"deploy alice deployed/{first.id}"
    (word,) = [
        one
        for one in repositories.history(rig.hive.settings, "alice")
        if (one.kind, one.approval) == ("failed", done.id)
    ]
    assert why in word.why and word.commit == done.fetched_sha
    (told,) = rig.told("rebuilt")
    assert (told["ok"], told["sha"], told["tag"]) == (False, first.fetched_sha, f"failed/{done.id}")
    assert rig.agrees(rig.deploy("alice", HAIKU).id) == "deployed"


@pytest.mark.parametrize("config", [BROKEN, UNSTARTABLE])
def test_a_new_agent_that_cannot_run_is_not_there_afterwards(rig: DeployRig, config: str) -> None:
    done = rig.deploy("alice", config, "spawn")
    assert rig.agrees(done.id) == "failed"
    assert agents.get(rig.hive.db, "alice") is None
    assert not Path(rig.hive.paths.agent("alice")).exists()
    assert rig.agrees(rig.deploy("alice", OPUS, "spawn").id) == "deployed"


def test_two_deploys_keep_their_order_and_the_later_must_be_looked_at_again(rig: DeployRig) -> None:
    rig.deploy("alice", OPUS, "spawn")
    rig.deploy("bob", OPUS, "spawn")
    alice, bob, again = (
        rig.propose("alice", HAIKU),
        rig.propose("bob", HAIKU),
        rig.propose("alice", '{"model": "sonnet"}\n'),
    )
    for number in (alice, bob, again):
        rig.approve(number)
    rig.work()
    assert [rig.agrees(number) for number in (alice, bob)] == ["deployed", "deployed"]
    assert rig.approval(again).status == "failed"
    assert "deployed anew" in rig.approval(again).note
    assert rig.log()[:2] == [f"deploy bob deployed/{bob}", f"deploy alice deployed/{alice}"]


def test_an_agent_that_is_destroyed_during_the_build_is_left_alone(rig: DeployRig) -> None:
    rig.deploy("alice", OPUS, "spawn")
    number = rig.propose("alice", HAIKU)
    rig.approve(number)
    steps: list[str] = []

    def destroy_meanwhile(step: str) -> None:
        steps.append(step)
        if step == "building":
            with rig.hive.db.write() as db:
                agents.set_state(db, "alice", "destroyed", 1.0)

    with pytest.raises(HiveError, match="destroyed meanwhile"):
        deploying.deploy(rig.hive, rig.job(number), destroy_meanwhile)
    assert steps == ["building"]
    assert rig.approval(number).status == "failed"
    assert Path(rig.hive.paths.agent_config("alice")).read_text() == OPUS
    assert repositories.main(rig.hive.settings, "alice") == rig.approval(number).base


def test_a_destroyed_agent_leaves_meta_and_a_rebuild_brings_it_back(rig: DeployRig) -> None:
    done = rig.deploy("alice", OPUS, "spawn")
    assert rig.ask("retire", "alice") == "alice is alive"
    with rig.hive.db.write() as db:
        agents.set_state(db, "alice", "destroyed", 1.0)
    for note in ("alice was taken out of meta", "alice is in meta no more"):
        assert rig.ask("retire", "alice") == note
    assert "alice" not in flake.agents_of(meta.lock(rig.hive.settings))
    assert meta.log(rig.hive.settings)[0].words == "retire alice"
    with rig.hive.db.write() as db:
        agents.set_state(db, "alice", "stopped", 1.0)
    (rig.world / "up.alice").unlink()
    assert "rebuilt" in rig.ask("rebuild", "alice")
    assert rig.agrees(done.id) == "deployed"


def test_what_others_became_while_a_deploy_waits_stays_in_meta(rig: DeployRig) -> None:
    for name in ("alice", "bob"):
        rig.deploy(name, OPUS, "spawn")
    number = rig.propose("alice", HAIKU)
    rig.approve(number)
    held = Path(rig.hive.paths.applied("alice"), "refs/heads/main.lock")
    held.touch()  # git cannot write just now: the box is switched, and the rest waits
    with pytest.raises(NotNow):
        rig.do(rig.job(number))
    assert rig.approval(number).status == "activating"
    with rig.hive.db.write() as db:
        agents.set_state(db, "bob", "destroyed", 1.0)
        retire = jobs.queue(db, "retire", "bob", "operator")
    other = rig.propose("carol", OPUS, "spawn")
    rig.approve(other)
    for job in job_rows.unfinished(rig.hive.db, "approvals")[1:]:
        rig.do(job)
    retired = job_rows.get(rig.hive.db, retire)
    assert retired and retired.note == "bob was taken out of meta"
    held.unlink()
    rig.work()
    assert set(flake.agents_of(meta.lock(rig.hive.settings))) == {"alice", "carol", "manager"}
    assert [rig.agrees(one) for one in (number, other)] == ["deployed", "deployed"]


@pytest.mark.parametrize("kind", ["apply_commit", "spawn"])
def test_an_agent_that_is_destroyed_while_its_deploy_waits_does_not_come_back(
    rig: DeployRig, kind: str
) -> None:
    if kind == "apply_commit":
        rig.deploy("alice", OPUS, "spawn")
    number = rig.propose("alice", HAIKU, kind)
    rig.approve(number)
    held = Path(rig.hive.paths.applied("alice"), "refs/heads/main.lock")
    held.touch()
    with pytest.raises(NotNow):
        rig.do(rig.job(number))
    with rig.hive.db.write() as db:
        agents.set_state(db, "alice", "destroyed", 1.0)
        jobs.queue(db, "retire", "alice", "operator")
    (rig.world / "up.alice").unlink()
    held.unlink()
    rig.work()
    assert rig.agent("alice").state == "destroyed" and not (rig.world / "up.alice").exists()
    assert rig.agrees(number) == "failed"
    assert "destroyed" in rig.approval(number).note


def test_a_rebuild_tells_agent_and_manager_once(rig: DeployRig) -> None:
    rig.deploy("alice", OPUS, "spawn")
    with rig.hive.db.write() as db:
        agents.set_deployed(db, "alice", rig.agent("alice").deployed_sha or "", "0.0+old", 1.0)
    note = rig.ask("rebuild", "alice")
    assert rig.agent("alice").revision == revision()
    assert [(one["ok"], one["note"], one["tag"]) for one in rig.told("rebuilt")] == [
        (True, note, "deployed/1")
    ]
    assert rig.restarts("alice") == 1 and rig.box("alice") == OPUS.strip()


def test_an_agent_from_before_there_were_repositories_gets_its_own(rig: DeployRig) -> None:
    with rig.hive.db.write() as db:
        agents.add(db, "old", "agent", "bwrap", HAIKU, 1.0)
    rig.ask("rebuild", "old")
    agent = rig.agent("old")
    assert agent.deployed_sha == repositories.main(rig.hive.settings, "old")
    place = rig.hive.paths.applied("old")
    assert git.show(place, agent.deployed_sha or "", "agent.json") == HAIKU
    assert rig.agrees(rig.deploy("old", OPUS).id) == "deployed"


def test_a_tombstones_name_is_used_again_and_its_files_are_kept(rig: DeployRig) -> None:
    rig.deploy("alice", OPUS, "spawn")
    old = rig.agent("alice").incarnation
    note = Path(rig.hive.paths.agent_state("alice"), "note")
    note.write_text("of the first")
    with rig.hive.db.write() as db:
        agents.set_state(db, "alice", "destroyed", 1.0)
    assert rig.agrees(rig.deploy("alice", HAIKU, "spawn").id) == "deployed"
    assert rig.agent("alice").incarnation > old and not note.exists()
    aside = Path(rig.hive.paths.state, f"agents/.alice.{old}/state/note")
    assert aside.read_text() == "of the first"
    assert Path(rig.hive.paths.proposed("alice"), "agent.json").read_text() == HAIKU


def test_a_failed_second_life_gives_the_tombstone_its_files_back(rig: DeployRig) -> None:
    rig.deploy("alice", OPUS, "spawn")
    note = Path(rig.hive.paths.agent_state("alice"), "note")
    note.write_text("of the first")
    with rig.hive.db.write() as db:
        agents.set_state(db, "alice", "destroyed", 1.0)
    done = rig.deploy("alice", UNSTARTABLE, "spawn")
    assert done.status == "failed" and note.read_text() == "of the first"
    assert rig.agent("alice").state == "destroyed"
