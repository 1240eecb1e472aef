"""root's hive-up: the hive belongs to an ordinary user, and root's tools become that user."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hivelib.host import manager
from tests.support import owners, raising
from tests.support.people import NAME, made_user, root_at_home
from tests.support.ports import free_port
from tests.support.raising import Upped, alive
from tests.support.source import ROOT

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can run a hive as another user"
)


@pytest.fixture
def roots(short_path: Path) -> Iterator[Upped]:
    """A directory that is not there yet, in which root brings up a hive of the tests' user."""
    made_user()
    short_path.chmod(0o755)
    upped = Upped(root_at_home(short_path / "home"), short_path / "r", free_port())
    yield upped
    if (upped.directory / manager.RECORD).exists():
        upped.down()


def test_everything_belongs_to_the_user(roots: Upped) -> None:
    uid = made_user().uid
    assert roots.up("--user", NAME)["user"] == NAME
    groups, running = roots.record.groups, roots.processes()
    assert len(running) >= 2
    assert owners.of_processes(running) == {uid}
    assert owners.below(roots.directory) == {uid}

    assert roots.up()["done"] == []  # whose it is, is known by now
    assert roots.tool("hive-send", "manager", "from root's shell").strip() == "1"
    assert owners.below(roots.directory) == {uid}

    assert roots.down()
    assert [pid for pid in running if alive(pid)] == []
    assert raising.groups_left(groups) == []
    assert not (roots.directory / "run").exists()


def test_roots_tools_run_from_where_their_user_may_not_look(roots: Upped, short_path: Path) -> None:
    roots.up("--user", NAME)
    closed = (
        short_path / "closed"
    )  # as a checkout below /root, whose venv is elsewhere (base/bootstrap.py)
    closed.mkdir(mode=0o700)
    shutil.copytree(ROOT / "bin", closed / "bin")
    (closed / ".venv").symlink_to(ROOT / ".venv")
    tool = [closed / "bin/hive-doctor"]
    done = roots.person.run(tool, roots.environment, check=False)
    assert "settings" in done.stdout and "a bug" not in done.stderr, done


def test_limits_of_a_box_can_bite(roots: Upped) -> None:
    roots.up("--user", NAME)
    findings = roots.tool("hive-doctor", "--json", check=False)
    assert '{"name":"limits","verdict":"ok"' in findings


@pytest.mark.parametrize("name", ["root", "nobody-of-that-name"])
def test_a_user_that_will_not_do_is_refused(roots: Upped, name: str) -> None:
    done = roots.person.run(roots.argv("--user", name), check=False)
    assert done.returncode in (1, 2)
    assert len(done.stderr.splitlines()) == 1
    assert not roots.directory.exists()


def test_a_directory_of_roots_own_is_not_given_away(roots: Upped) -> None:
    roots.directory.mkdir()
    (roots.directory / "precious").write_text("mine")
    done = roots.person.run(roots.argv("--user", NAME), check=False)
    assert done.returncode == 1
    assert "not empty and belongs to root" in done.stderr
    assert roots.directory.stat().st_uid == 0


def test_a_claude_that_the_user_cannot_reach_is_copied(roots: Upped) -> None:
    program = roots.directory.parent / "home/claude"  # home is root's alone
    program.write_bytes(Path("/bin/true").read_bytes())
    program.chmod(0o700)
    roots.up("--user", NAME, "--claude", program)
    config = (roots.directory / "hive.toml").read_text()
    copy = Path(next(line.split('"')[1] for line in config.splitlines() if line.startswith("path")))
    try:
        assert (copy.stat().st_uid, copy.stat().st_mode & 0o777) == (0, 0o755)
        assert copy.read_bytes() == program.read_bytes()
    finally:
        if str(copy).startswith("/opt/hyperhive/claude-"):
            copy.unlink()
            copy.parent.rmdir()


def test_a_checkout_that_the_user_cannot_read_runs_from_a_copy(short_path: Path) -> None:
    """Looked at from the bootstrap: the copy has the same files, is root's, and is brought up to date."""
    code = """
import sys
from hivelib.base import bootstrap
print(bootstrap.reachable_by_all(sys.argv[1]), bootstrap.stage(sys.argv[1], sys.argv[2]))
"""
    closed, below = short_path / "closed", short_path / "opt"
    checkout = closed / "hyperhive"
    for name in ("bin", "hivelib/base"):
        (checkout / name).mkdir(parents=True)
    (checkout / "bin/tool").write_text("#!/bin/sh\n")
    (checkout / "bin/tool").chmod(0o700)
    (checkout / "hivelib/base/one.py").write_text("1\n")
    closed.chmod(0o700)
    argv = [f"{ROOT}/.venv/bin/python3", "-c", code, str(checkout), str(below)]
    for change in ("as it was", "changed"):
        (checkout / "hivelib/base/one.py").write_text(f"{change}\n")
        if change == "changed":
            (checkout / "bin/tool").rename(checkout / "bin/other")
        said = subprocess.run(argv, umask=0o077, capture_output=True, text=True, check=True).stdout
        reachable, place = said.split()
        copy = Path(place)
        assert reachable == "False"
        assert (copy / "hivelib/base/one.py").read_text() == f"{change}\n"
        files = {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()}
        tool = "bin/other" if change == "changed" else "bin/tool"
        assert files == {tool, "hivelib/base/one.py"}
        modes = {path.stat().st_mode & 0o777 for path in (copy, *copy.rglob("*"))}
        assert modes == {0o755, 0o644}
