"""The rig keeps its own promises: nothing real is in reach, and an ordinary user is one."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hivelib.base.config import load_settings
from hivelib.flow.opening import Hive
from tests.soak import pages
from tests.support import idling, waiting
from tests.support.home import FORGOTTEN
from tests.support.idling import Cost
from tests.support.people import Person
from tests.support.ports import free_port


def test_the_real_home_is_out_of_reach_and_the_error_says_what_was_forgotten() -> None:
    with pytest.raises(NotADirectoryError, match=FORGOTTEN):
        load_settings()
    done = subprocess.run(
        ["ls", os.path.expanduser("~")], capture_output=True, text=True, check=False
    )
    assert FORGOTTEN in done.stderr


def test_a_private_state_is_what_the_tools_find(private_state: Hive) -> None:
    assert load_settings() == private_state.settings
    assert private_state.db.value("SELECT count(*) FROM messages") == 0


def test_an_ordinary_user_is_not_root_and_has_a_home(ordinary_user: Person) -> None:
    said = ordinary_user.run(["sh", "-c", "id -u; cd; pwd; umask; cat /proc/self/cgroup"]).stdout
    assert said.splitlines()[:2] == [str(ordinary_user.user.uid), str(ordinary_user.home)]
    assert said.splitlines()[0] != "0"
    if ordinary_user.groups:
        assert "hivetest-" in said


def test_an_ordinary_users_control_group_is_theirs(ordinary_user: Person) -> None:
    for group in ordinary_user.groups:
        ordinary_user.run(["mkdir", f"{group}/below"])
        ordinary_user.run(["sh", "-c", f"echo $$ > {group}/below/cgroup.procs"])


def test_a_wait_says_what_did_not_come(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"a line like 'never' in .*log: not within"):
        waiting.until_line(tmp_path / "log", "never", seconds=0.1)


def test_a_free_port_stays_the_tests_own_until_its_server_comes() -> None:
    port = free_port()
    with pytest.raises(OSError, match="in use"), socket.socket() as other:
        other.bind(("127.0.0.1", port))  # as a client's or a stranger's would
    with (
        socket.create_server(("127.0.0.1", port)) as server,
        socket.create_connection(("127.0.0.1", port), 10),
    ):
        server.accept()[0].close()


def test_a_soak_leaves_the_figures_of_the_others(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    for title, words in (("One", "a\n\nb"), ("Two", "* c\n"), ("One", "d\n")):
        pages.put(title, words, page)
    assert page.read_text() == f"{pages.HEAD}## One\n\nd\n\n## Two\n\n* c\n"


def test_who_loops_does_not_pass_for_idle() -> None:
    assert not idling.Idled(
        2, [("bin/hive-x", Cost(2, 0)), ("bin/hive-broker", Cost(12, 0))]
    ).faults()
    assert idling.Idled(2, [("bin/hive-x", Cost(0, 1.0))]).faults()
    loop = [sys.executable, "-c", "import time\nwhile True: time.sleep(0.02)"]
    with subprocess.Popen(loop) as looping:
        try:
            waiting.until(lambda: idling.cost_of(looping.pid).wakes > 50, "it wakes")
            found = idling.cost_of(looping.pid)
        finally:
            looping.kill()
    assert len(idling.Idled(1, [("bin/hive-broker", found)]).faults()) == 1
