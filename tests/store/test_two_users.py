"""Two users of one group share the state directory: each writes what the other made, and rings the other's bell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.people import made_user
from tests.support.residents import settle_in
from tests.support.source import ROOT
from tests.support.state import make_state

OTHER = 65534  # nobody
SENDER = """
import sys
from hivelib.base.config import load_settings
from hivelib.flow import mailing
from hivelib.flow.opening import open_hive
hive = open_hive(load_settings(sys.argv[1]))
sys.stdin.readline()
for number in range(100):
    mailing.send(hive, mailing.SHELL, "alice", str(number))
print(len(mailing.inbox(hive, "alice", 1000)))
"""
WAITER = """
import sys
from hivelib.base.bell import Listener
with Listener(sys.argv[1], "mail.alice") as listener:
    print("listens", flush=True)
    print("rung" if listener.wait(30) else "deaf")
"""


@pytest.fixture
def shared(short_path: Path) -> Path:
    """A hive made by one user with the modes that systemd gives it (StateDirectoryMode=2770, UMask=0007)."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to be two users")
    before = os.umask(0o007)
    user = made_user()
    short_path.chmod(0o755)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            (short_path / "hive").mkdir()
            os.chown(short_path / "hive", user.uid, user.gid)
            os.setgroups([])
            os.setresgid(user.gid, user.gid, user.gid)
            os.setresuid(user.uid, user.uid, user.uid)
            hive = make_state(short_path / "hive")
            for place in (hive.paths.state, hive.paths.runtime, f"{short_path}/hive/run"):
                os.chmod(place, 0o2770)
            settle_in(hive, "alice")
            hive.db.close()
            status = 0
        finally:
            os._exit(status)
    os.umask(before)
    assert os.waitpid(pid, 0)[1] == 0
    return short_path / "hive"


def start(uid: int, script: str, *words: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, words)],
        user=uid,
        group=made_user().gid,
        extra_groups=[],
        umask=0o007,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_users_send_at_once_and_both_read_it_all(shared: Path) -> None:
    senders = [start(uid, SENDER, shared / "hive.toml") for uid in (made_user().uid, OTHER)]
    for sender in senders:
        assert sender.stdin
        sender.stdin.write("\n")
        sender.stdin.flush()
    counts = [int(sender.communicate()[0]) for sender in senders]
    assert [sender.returncode for sender in senders] == [0, 0]
    assert max(counts) == 200


@pytest.mark.parametrize("first", ["owner", "other"])
def test_whoever_comes_first_leaves_files_that_the_other_can_write(
    shared: Path, first: str
) -> None:
    uids = [made_user().uid, OTHER]
    for uid in uids if first == "owner" else reversed(uids):
        sender = start(uid, SENDER, shared / "hive.toml")
        sender.communicate("\n")
        assert sender.returncode == 0
    for path in (shared / "state").iterdir():
        assert path.stat().st_mode & 0o007 == 0, f"{path} is open to strangers"


def test_one_user_rings_the_others_bell(shared: Path) -> None:
    waiter = start(OTHER, WAITER, shared / "run/hyperhive/bell")
    assert waiter.stdout and waiter.stdout.readline() == "listens\n"
    sender = start(made_user().uid, SENDER, shared / "hive.toml")
    sender.communicate("\n")
    assert (sender.returncode, waiter.communicate()[0]) == (0, "rung\n")
