"""What the meta repository promises, and what is left of a worker that died over it, with real git."""

import os
from pathlib import Path

import pytest

from hivelib.base.config import load_settings
from hivelib.base.errors import HiveError, NotNow
from hivelib.host import flake, git, meta
from hivelib.host.flake import Files
from hivelib.model.settings import Settings
from tests.support.state import settings_text

AT = 1_800_000_000.0
ONE, TWO = Files("{ }\n", "1\n"), Files("{ a = 1; }\n", "2\n")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "hive.toml").write_text(settings_text(tmp_path))
    return load_settings(str(tmp_path / "hive.toml"))


def tree(settings: Settings) -> Files:
    place = Path(settings.state_dir) / "meta"
    return Files((place / "flake.nix").read_text(), (place / "flake.lock").read_text())


def test_each_commit_is_a_line_of_the_log_and_the_work_tree_follows(settings: Settings) -> None:
    assert meta.head(settings) == meta.lock(settings) == "" and meta.log(settings) == []
    first = meta.commit(settings, ONE, "deploy alice", AT)
    assert tree(settings) == ONE and meta.lock(settings) == "1\n"
    assert meta.commit(settings, ONE, "deploy alice", AT) == first  # done again
    second = meta.commit(settings, TWO, "deploy bob", AT)
    assert tree(settings) == TWO
    assert meta.log(settings) == [(second, AT, "deploy bob"), (first, AT, "deploy alice")]


def test_a_person_sees_an_ordinary_clean_repository(settings: Settings) -> None:
    meta.commit(settings, ONE, "deploy alice", AT)
    place = f"{settings.state_dir}/meta"
    words = [f"--work-tree={place}", "status", "--porcelain"]
    assert git.git(f"{place}/.git", *words).out == ""


def test_a_candidate_changes_nothing_until_it_is_committed(settings: Settings) -> None:
    first = meta.commit(settings, ONE, "deploy alice", AT)
    assert meta.prepare(settings, 12, TWO) == first
    assert meta.prepare(settings, 12, TWO) == first
    assert meta.prepared(settings, 12) == TWO
    assert tree(settings) == ONE and meta.head(settings) == first
    meta.drop(settings, 12)
    meta.drop(settings, 12)
    assert meta.prepared(settings, 12) is None


def test_tidying_leaves_only_candidates_that_are_wanted(settings: Settings) -> None:
    with meta.locked(settings):
        for approval in (1, 2):
            meta.prepare(settings, approval, ONE)
        Path(f"{meta.candidate(settings, 3)}.new").mkdir()
        done = meta.tidy(settings, {2})
    assert done == ["removed the candidate 1", "removed the candidate 3.new"]
    assert meta.prepared(settings, 2) == ONE


def test_a_stale_index_lock_is_cleared_and_the_work_tree_mended(settings: Settings) -> None:
    meta.commit(settings, ONE, "deploy alice", AT)
    place = Path(settings.state_dir, "meta")
    (place / ".git/index.lock").write_text("")
    (place / "flake.lock").unlink()
    (place / "flake.nix").write_text("by hand")
    assert meta.tidy(settings, ()) == ["cleared meta's index.lock"]
    assert tree(settings) == ONE and not (place / ".git/index.lock").exists()


def test_an_index_lock_that_somebody_holds_is_left(settings: Settings) -> None:
    meta.commit(settings, ONE, "deploy alice", AT)
    path = f"{settings.state_dir}/meta/.git/index.lock"
    with open(path, "w", encoding="utf-8"):
        assert not git.held_by_nobody(path)
    assert git.held_by_nobody(path)
    os.unlink(path)
    assert not git.held_by_nobody(path)


def test_a_ref_that_moved_before_the_work_tree_did_is_followed(settings: Settings) -> None:
    first = meta.commit(settings, ONE, "deploy alice", AT)
    inside = f"{settings.state_dir}/meta/.git"
    made = git.write_commit(inside, TWO.named(), first, "deploy bob\n", AT)
    git.move(inside, meta.MAIN, made, first)  # killed here
    assert tree(settings) == ONE
    meta.tidy(settings, ())
    assert tree(settings) == TWO
    assert meta.commit(settings, TWO, "deploy bob", AT) == made


def test_what_is_locked_can_be_written_down_and_read_again(settings: Settings) -> None:
    lock = flake.locked(settings, meta.lock(settings), "alice", "a" * 40)
    meta.commit(settings, Files(flake.text(settings, ["alice"]), lock), "deploy alice", AT)
    assert flake.agents_of(meta.lock(settings)) == {"alice": "a" * 40}


def test_what_a_killed_git_did_not_say_is_not_taken_for_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    meta.commit(settings, ONE, "deploy alice", AT)
    git = Path(settings.state_dir, "git")
    monkeypatch.setenv("PATH", f"{settings.state_dir}:/usr/bin:/bin")
    for number, error in ((9, NotNow), (11, HiveError)):  # somebody's doing, and its own
        git.write_text(f"#!/bin/sh\nkill -{number} $$\n")
        git.chmod(0o755)
        for ask in (meta.head, meta.lock, meta.log):
            with pytest.raises(HiveError, match=f"was killed by signal {number}") as raised:
                ask(settings)
            assert raised.type is error
