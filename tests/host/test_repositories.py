"""What the config repositories promise, with real git."""

from pathlib import Path

import pytest

from hivelib.base.config import load_settings
from hivelib.base.errors import HiveError, NotNow, Refused
from hivelib.base.paths import Paths
from hivelib.base.proc import run
from hivelib.host import git, repositories
from hivelib.model.settings import Settings
from tests.support.state import settings_text

AT = 1_800_000_000.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "hive.toml").write_text(settings_text(tmp_path))
    return load_settings(str(tmp_path / "hive.toml"))


def seeded(settings: Settings, name: str = "alice", config: str = "{}\n") -> str:
    return repositories.seed(settings, name, "agent", config, "system", "by installation", AT)


def packed(settings: Settings, tmp_path: Path, commit: str) -> str:
    """A pack file of everything that a commit of alice reaches."""
    inside = Paths.of(settings).applied("alice")
    git.git(inside, "pack-objects", "--revs", "--quiet", str(tmp_path / "p"), stdin=f"{commit}\n")
    return str(next(tmp_path.glob("p-*.pack")))


def test_a_seed_done_again_is_the_same_commit(settings: Settings) -> None:
    first = seeded(settings)
    assert seeded(settings) == first
    place = Paths.of(settings).applied("alice")
    assert git.show(place, first, "agent.json") == "{}\n"
    assert repositories.main(settings, "alice") == ""
    assert not git.git(place, "for-each-ref").out


def test_a_second_spawn_continues_the_history(settings: Settings) -> None:
    first = seeded(settings)
    repositories.advance(settings, "alice", first, "")
    second = seeded(settings, config='{"model": "opus"}\n')
    assert git.is_ancestor(Paths.of(settings).applied("alice"), first, second)


def test_a_tag_says_who_when_and_why_and_never_moves(settings: Settings) -> None:
    commit = seeded(settings)
    why = "# not a comment\n\nWho: somebody else\n\x1b[2Jgone \u202eflip"
    for _ in range(2):
        made = repositories.tag(settings, "alice", "denied", 12, commit, "iris", why, AT)
        assert made == "denied/12"
    (word,) = repositories.history(settings, "alice")
    assert word[:5] == ("denied", 12, commit, "iris", AT)
    assert word.why == "# not a comment\n\nWho: somebody else\n\\x1b[2Jgone \\u202eflip"
    assert repositories.tagged(settings, "alice", 12) == {"denied": commit}
    assert repositories.tagged(settings, "alice", 1) == {}
    other = seeded(settings, config="[]\n")
    with pytest.raises(HiveError, match="denied/12"):
        repositories.tag(settings, "alice", "denied", 12, other, "iris", why, AT)


def test_a_long_reason_keeps_its_end(settings: Settings) -> None:
    commit = seeded(settings)
    log = "x" * 100_000 + "\nerror: the end"
    repositories.tag(settings, "alice", "failed", 3, commit, "system", log, AT)
    (word,) = repositories.history(settings, "alice")
    assert word.why.endswith("error: the end") and len(word.why) < 20_000


def test_main_moves_only_forwards_and_only_from_where_it_was(settings: Settings) -> None:
    first = seeded(settings)
    repositories.advance(settings, "alice", first, "")
    repositories.advance(settings, "alice", first, "")  # asked again
    second = seeded(settings, config="[]\n")
    with pytest.raises(NotNow):
        repositories.advance(settings, "alice", second, "")
    repositories.advance(settings, "alice", second, first)
    stranger = git.write_commit(Paths.of(settings).applied("alice"), {"a": ""}, "", "x", AT)
    with pytest.raises(HiveError, match="does not descend"):
        repositories.advance(settings, "alice", stranger, second)
    assert repositories.main(settings, "alice") == second


def test_nothing_is_said_of_an_agent_without_a_repository(settings: Settings) -> None:
    assert repositories.main(settings, "nobody") == ""
    assert repositories.tagged(settings, "nobody", 1) == {}
    assert repositories.history(settings, "nobody") == []


def test_a_pack_is_taken_with_the_commit_that_was_named(settings: Settings, tmp_path: Path) -> None:
    commit = seeded(settings)
    pack = packed(settings, tmp_path, commit)
    git.init(Paths.of(settings).applied("bob"))
    repositories.receive(settings, "bob", pack, commit)
    assert git.show(Paths.of(settings).applied("bob"), commit, "agent.json") == "{}\n"
    with pytest.raises(Refused, match="not among"):
        repositories.receive(settings, "bob", pack, "1" * 40)


def test_a_torn_pack_is_refused_and_leaves_nothing(settings: Settings, tmp_path: Path) -> None:
    pack = packed(settings, tmp_path, seeded(settings))
    torn = tmp_path / "torn"
    torn.write_bytes(Path(pack).read_bytes()[:-30])
    git.init(Paths.of(settings).applied("bob"))
    with pytest.raises(Refused, match="git does not take"):
        repositories.receive(settings, "bob", str(torn), "1" * 40)
    assert "in-pack: 0" in git.git(Paths.of(settings).applied("bob"), "count-objects", "-v").out


def test_the_managers_clone_is_an_ordinary_one(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(HiveError, match="no configuration yet"):
        repositories.open_proposed(settings, "alice")
    commit = seeded(settings)
    repositories.advance(settings, "alice", commit, "")
    repositories.tag(settings, "alice", "deployed", 0, commit, "system", "the seed", AT)
    left = tmp_path / "state/proposed/.alice.new"
    left.mkdir(parents=True)
    (left / "half").write_text("of a dead one")
    for _ in range(2):
        repositories.open_proposed(settings, "alice")
    place = str(tmp_path / "state/proposed/alice")

    def in_it(*words: str) -> str:
        return run(["git", "-C", place, *words], env={"PATH": "/usr/bin:/bin", "HOME": place}).out

    assert in_it("status", "--porcelain", "--branch").strip() == "## main...applied/main"
    assert in_it("rev-parse", "HEAD", "applied/main").split() == [commit] * 2
    assert in_it("remote", "get-url", "applied").strip() == "/applied/alice"
    assert Path(place, "agent.json").read_text() == "{}\n"
    in_it("commit", "--quiet", "--allow-empty", "-m", "the manager can commit")


def test_what_the_manager_did_to_its_clone_is_left_alone(
    settings: Settings, tmp_path: Path
) -> None:
    repositories.advance(settings, "alice", seeded(settings), "")
    (tmp_path / "state/proposed").mkdir()
    (tmp_path / "state/proposed/alice").symlink_to(tmp_path / "nowhere")
    repositories.open_proposed(settings, "alice")
    assert (tmp_path / "state/proposed/alice").is_symlink()


def test_a_purged_agents_repositories_are_kept_aside(settings: Settings, tmp_path: Path) -> None:
    commit = seeded(settings)
    repositories.advance(settings, "alice", commit, "")
    repositories.open_proposed(settings, "alice")
    for _ in range(2):
        repositories.move_aside(settings, "alice", 7)
    assert repositories.main(settings, "alice") == ""
    assert git.commit_of(str(tmp_path / "state/applied/.alice.7"), repositories.MAIN) == commit
    assert (tmp_path / "state/proposed/.alice.7/agent.json").exists()


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/tags/deployed/1"])
def test_what_a_killed_git_has_locked_is_free_again(settings: Settings, ref: str) -> None:
    commit = seeded(settings)
    place = Path(Paths.of(settings).applied("alice"))
    lock = place / f"{ref}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w"):
        assert git.unlock(str(place)) == []  # a git that lives has it open
    moved = git.git(str(place), "update-ref", ref, commit, check=False)
    assert moved.status and "lock" in moved.err
    lock.touch()
    repositories.unlock(settings)
    git.git(str(place), "update-ref", ref, commit)


def test_a_git_that_is_killed_leaves_no_lock(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded(settings)
    place, program = Path(Paths.of(settings).applied("alice")), Path(settings.state_dir, "git")
    program.write_text(f"#!/bin/sh\n: > {place}/config.lock\nkill -9 $$\n")
    program.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{settings.state_dir}:/usr/bin:/bin")
        with pytest.raises(NotNow, match="killed by signal 9"):
            git.git(str(place), "config", "core.bare", "true")
    git.git(str(place), "config", "core.bare", "true")
