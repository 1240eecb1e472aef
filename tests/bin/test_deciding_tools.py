"""hive-approve, hive-deny and the requests as an operator types them; where there is a group, who types counts."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hivelib.flow import deciding, resolving
from hivelib.flow.opening import Hive
from hivelib.host import decisions
from hivelib.store import approvals
from tests.bin.conftest import Shell, give
from tests.support.people import made_user
from tests.support.residents import settle_in
from tests.support.source import ROOT
from tests.support.state import make_state, short_directory
from tests.support.undecided import deployed, propose

NOBODY = 65534


@pytest.fixture
def proposed(shell: Shell) -> Shell:
    """Approvals 1 to 3 of alice wait; 4 of bob has another base by now."""
    for name in ("alice", "bob"):
        deployed(shell.hive, name)
    for name in ("alice", "alice", "alice", "bob"):
        propose(shell.hive, name)
    deployed(shell.hive, "bob", '{"model": "haiku"}\n')
    give(shell.where)
    return shell


def test_several_are_decided_one_by_one_with_the_worst_status(proposed: Shell) -> None:
    done = proposed.run("hive-deny", "1", "99", "2", "--note", "not now", status=1)
    assert done.stdout == "1 denied\n2 denied\n"
    assert done.stderr == "hive-deny: there is no approval 99; `hive-pending` lists what waits\n"
    assert proposed.rows("hive-deny", "1", "--note", "not now") == [
        {"id": 1, "already": True, "status": "denied", "note": "not now"}
    ]
    sha = resolving.known(proposed.hive, 3).fetched_sha
    assert proposed.run("hive-approve", "3", "--sha", sha[:9]).stdout == "3 approved\n"
    assert proposed.run("hive-approve", "3").stdout == "already\n"
    found = decisions.read(proposed.hive.paths, 3)
    assert found and found[1] == os.stat(proposed.hive.paths.state).st_uid


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("hive-approve", "99"), "no approval 99"),
        (("hive-approve", "4"), "look again: hive-show 4"),
        (("hive-approve", "1", "--sha", "0000"), "not 0000; look: hive-show 1"),
        (("hive-deny", "1", "--note", " "), "needs a note"),
        (("hive-request-spawn", "alice"), "there is an agent alice"),
        (("hive-request-init-config", "Alice"), "lower-case"),
        (("hive-request-apply-commit", "alise", "main"), "did you mean alice?"),
        (("hive-request-apply-commit", "alice", "a..b"), "no branch and no commit"),
    ],
)
def test_a_refusal_is_one_line(proposed: Shell, words: tuple[str, ...], parts: str) -> None:
    before = approvals.latest(proposed.hive.db, 99)
    assert parts in proposed.refusal(*words, status=1)
    assert approvals.latest(proposed.hive.db, 99) == before


def test_following_ends_with_the_deploy_and_its_status(proposed: Shell) -> None:
    with proposed.hive.db.write() as db:  # nobody deploys in this test
        db.execute(
            "CREATE TRIGGER ended AFTER UPDATE OF status ON approvals WHEN new.status = 'approved' BEGIN"
            " UPDATE approvals SET status = 'failed', resolved_at = 1, note = 'no such model' WHERE id = new.id;"
            " END"
        )
    done = proposed.run("hive-approve", "3", "--follow", status=1)
    assert done.stdout == "3 failed\n"
    assert done.stderr == "hive-approve: approval 3 is failed; no such model\n"


@pytest.fixture
def parted(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Hive]]:
    """A hive of three users: nobody owns the state, root deploys, and the group of the tests' user are operators."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to be two users")
    user, before = made_user(), os.umask(0o007)
    with short_directory() as where:
        where.chmod(0o755)
        (where / "deployed").mkdir()
        hive = make_state(
            where, f'deployed_dir = "{where}/deployed"\n[operator]\ngroup = "{user.name}"\n'
        )
        monkeypatch.setenv("HIVE_CONFIG", str(where / "hive.toml"))
        os.makedirs(hive.paths.bell)
        decided = Path(hive.paths.decision(1)).parent
        decided.mkdir()
        settle_in(hive, "manager", "alice")
        deployed(hive, "alice")
        propose(hive, "alice")
        for path in (where, *where.rglob("*")):
            roots = Path(hive.paths.deployed) in (path, *path.parents)
            os.chown(path, 0 if roots else NOBODY, user.gid)
            if path.is_dir() and path != where:
                path.chmod(0o2750 if roots else 0o2770)
        decided.chmod(0o3770)
        (where / "hive.toml").chmod(0o644)
        with hive.db:
            yield where, hive
    os.umask(before)


def approve_as(uid: int, where: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [ROOT / "bin/hive-approve", "1"],
        user=uid,
        group=made_user().gid,
        extra_groups=[],
        env={"PATH": "/usr/bin:/bin", "HOME": "/", "HIVE_CONFIG": str(where / "hive.toml")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_member_decides_as_who_they_are(parted: tuple[Path, Hive]) -> None:
    where, hive = parted
    uid = made_user().uid
    done = approve_as(uid, where)
    assert done.stdout == "1 approved\n", done
    row = resolving.known(hive, 1)
    assert (row.decided_uid, row.status) == (uid, "approved")
    assert row.decided_by == made_user().name
    assert deciding.believed(hive, 1).agent == "alice"
    assert os.stat(hive.paths.decision(1)).st_mode & 0o777 == 0o644


def test_the_hives_own_user_does_not_decide(parted: tuple[Path, Hive]) -> None:
    where, hive = parted
    done = approve_as(NOBODY, where)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the hive's own user may not decide" in done.stderr
    assert decisions.all_ids(hive.paths) == []
    assert approve_as(made_user().uid, where).returncode == 0
    os.chown(hive.paths.decision(1), NOBODY, -1)  # as if it had been able to write one there
    with pytest.raises(Exception, match="may not decide"):
        deciding.believed(hive, 1)


def test_a_repository_that_the_hives_own_user_put_there_is_not_opened(
    parted: tuple[Path, Hive],
) -> None:
    where, hive = parted
    os.chown(hive.paths.applied("alice"), NOBODY, -1)
    assert "not the deploying user's own" in approve_as(made_user().uid, where).stderr
