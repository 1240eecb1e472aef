"""What a proposed repository may hold, and what hive-fetch makes of it: nothing runs, nothing else is read."""

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import proposing
from tests.support.proposing import SECRET, Repository, holds, refused


def test_a_good_proposal_is_handed_on_whole_and_alone(repository: Repository) -> None:
    repository.run("checkout", "-q", "-b", "other")
    elsewhere = repository.commit({"notes": SECRET})
    repository.run("checkout", "-q", "main")
    commit = repository.commit({"lib/own.nix": "{ }\n"})
    repository.run("gc", "--quiet")
    for ref in ("main", "refs/heads/main", "HEAD", commit, commit[:7]):
        looked = repository.look_as_a_process(ref)
        assert looked.answer == {"commit": commit, "lock_hash": "", "size": len(looked.pack)}, ref
        assert looked.err == ""
    found = holds(repository, looked.pack, commit)
    assert found == set(
        repository.run("rev-list", "--objects", "--no-object-names", "main").split()
    )
    assert elsewhere not in found


# --- what git would run


def programs(repository: Repository, canary: Path) -> None:
    """Everything that makes a git run something: every hook, and every setting that names a program."""
    script = repository.above / "canary.sh"
    script.write_text(f"#!/bin/sh\ntouch {canary}\ncat\n")
    script.chmod(0o755)
    hooks = repository.git / "hooks"
    hooks.mkdir(exist_ok=True)
    samples = (
        "pre-commit post-checkout post-index-change reference-transaction pre-auto-gc pre-receive "
    )
    samples += "update post-receive post-update push-to-checkout fsmonitor-watchman proc-receive post-rewrite"
    for name in samples.split():
        (hooks / name).symlink_to(script)
    (repository.git / "more").write_text(f'[core]\n\tpager = "{script}"\n')
    settings = {
        "core.fsmonitor": script,
        "core.sshCommand": script,
        "core.gitProxy": script,
        "core.askPass": script,
        "core.editor": script,
        "core.alternateRefsCommand": script,
        "uploadpack.packObjectsHook": script,
        "filter.run.clean": script,
        "filter.run.smudge": script,
        "filter.run.process": script,
        "diff.external": script,
        "diff.run.textconv": script,
        "gpg.program": script,
        "log.showSignature": "true",
        "extensions.partialClone": "origin",
        "remote.origin.url": f"ext::{script}",
        "remote.origin.promisor": "true",
        "remote.origin.uploadpack": script,
        "protocol.ext.allow": "always",
        "include.path": "more",
    }
    lines = [
        f'[{key.rpartition(".")[0]}]\n\t{key.rpartition(".")[2]} = "{value}"\n'
        for key, value in settings.items()
    ]
    shaped = [
        line.replace("[filter.run]", '[filter "run"]').replace("[diff.run]", '[diff "run"]')
        for line in lines
    ]
    shaped = [line.replace("[remote.origin]", '[remote "origin"]') for line in shaped]
    with (repository.git / "config").open("a") as config:
        config.write("".join(shaped).replace("[protocol.ext]", '[protocol "ext"]'))


def test_nothing_that_the_repository_brings_is_run(repository: Repository) -> None:
    commit, canary = repository.commit({"a.run": "text"}), repository.above / "canary"
    programs(repository, canary)
    # First: the canary is alive, an ordinary git would have run it.
    os.spawnvp(os.P_WAIT, "git", ["git", "-C", str(repository.tree), "status"])
    assert canary.exists()
    canary.unlink()
    assert repository.look_as_a_process().answer["commit"] == commit
    assert not canary.exists()


def test_a_missing_object_is_not_fetched_from_where_the_repository_says(
    repository: Repository,
) -> None:
    blob = repository.run("hash-object", "-w", "--stdin", stdin=b"to be lost")
    repository.commit({"lost": "to be lost"})
    programs(repository, repository.above / "canary")
    (repository.git / "objects" / blob[:2] / blob[2:]).unlink()
    refused(repository, "is not whole", "git fsck")
    assert not (repository.above / "canary").exists()


@pytest.mark.parametrize("name", [".gitattributes", "deep/.gitattributes", ".GitAttributes"])
def test_attributes_are_refused(repository: Repository, name: str) -> None:
    repository.commit({name: "* filter=run diff=run\n"})
    refused(repository, f"{name}: git would run filters by it", "remove it")


# --- what lies elsewhere


def secret_repository(repository: Repository) -> Repository:
    """Another repository, with a secret in its objects."""
    other = proposing.repository(repository.above / "elsewhere")
    other.commit({"secret": SECRET})
    return other


def test_objects_of_another_repository_are_not_borrowed(repository: Repository) -> None:
    other = secret_repository(repository)
    stolen = other.run("rev-parse", "HEAD")
    (repository.git / "objects/info/alternates").write_text(f"{other.git}/objects\n")
    assert repository.run("cat-file", "-t", stolen) == "commit"  # an ordinary git does
    repository.run("update-ref", "refs/heads/main", stolen)
    refused(repository, "is not whole", "alternates")
    refused(repository, "is not whole", ref=stolen)


@pytest.mark.parametrize(
    "what", [".git", "objects", "objects/pack", "objects/aa", "refs/heads", "refs", "HEAD"]
)
def test_a_link_in_place_of_a_part_is_not_followed(repository: Repository, what: str) -> None:
    other = secret_repository(repository)
    (other.git / "objects/aa").mkdir(exist_ok=True)
    ours = repository.tree / ".git" if what == ".git" else repository.git / what
    if ours.exists():
        ours.rename(repository.above / "moved")
    ours.symlink_to(other.tree / ".git" if what == ".git" else other.git / what)
    refused(repository, "not followed", ref="HEAD")


def test_a_file_that_names_another_repository_is_not_followed(repository: Repository) -> None:
    other = secret_repository(repository)
    repository.git.rename(repository.above / "moved")
    repository.git.write_text(f"gitdir: {other.git}\n")
    refused(repository, "its .git is no plain directory")


def test_a_common_directory_elsewhere_is_not_followed(repository: Repository) -> None:
    other = secret_repository(repository)
    (repository.git / "commondir").write_text(f"{other.git}\n")
    refused(repository, "is neither a branch nor a commit", ref=other.run("rev-parse", "HEAD")[:12])


def a_link(path: Path) -> None:
    path.symlink_to(path.parents[4] / "secret")


def a_fifo(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    where = os.open(path.parent, os.O_PATH)  # its path may be too long
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{where}/{path.name}")
    os.close(where)


def a_device(path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can run a hive as another user")
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero, which never ends


def a_directory(path: Path) -> None:
    path.mkdir()


KINDS = [a_link, a_fifo, a_socket, a_device, a_directory]


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
@pytest.mark.parametrize(
    "name", ["objects/ab/" + "c" * 38, f"objects/pack/pack-{'d' * 40}.pack", "packed-refs"]
)
def test_what_is_no_plain_file_is_not_read(
    repository: Repository, name: str, make: Callable[[Path], None]
) -> None:
    place = repository.git / name
    place.parent.mkdir(exist_ok=True)
    make(place)
    refused(repository, "no plain file", ref="main" if "objects" in name else "elsewhere")


def test_a_branch_behind_a_link_is_not_read(repository: Repository) -> None:
    (repository.git / "refs/heads/other").symlink_to(repository.above / "secret")
    refused(repository, "no plain file", ref="other")
    (repository.git / "refs/heads/strange").write_text(SECRET)
    refused(repository, "names no commit", ref="strange")
    (repository.git / "HEAD").write_text(f"ref: ../../../secret {SECRET}"[:30])
    refused(repository, "HEAD names neither", ref="HEAD")


@pytest.mark.parametrize(
    "ref",
    ["../../secret", "main^{tree}", "-x", "main:agent.json", ":/work", "a\x1b[2Jb", "", "@{-1}"],
)
def test_a_ref_is_a_branch_or_a_commit_and_no_expression(repository: Repository, ref: str) -> None:
    refused(repository, "name a branch or a commit", ref=ref)
