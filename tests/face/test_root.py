"""hive-root at a real socket, with callers of real uids; only the programs that it runs are not NixOS' own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from hivelib.base.errors import NotNow, Refused
from hivelib.host.root_door import ask
from tests.support.nixos import Door, heard
from tests.support.root_lines import HOSTILE
from tests.support.source import ROOT

STRANGER = 65534
ASK = """
import sys
from hivelib.base.errors import HiveError
from hivelib.host.root_door import ask
try:
    print(ask(*sys.argv[1:]))
except HiveError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def door(short_path: Path) -> Iterator[Door]:
    if os.geteuid() != 0:
        pytest.skip("needs root, to be two users")
    short_path.chmod(0o755)
    door = Door(short_path)
    yield door
    door.listener.close()


def test_a_box_from_its_making_to_its_end(door: Door) -> None:
    first, second = door.system("one"), door.system("two")
    assert door.say(door.git, f"create alice {first}") == "ok"
    assert door.conf("h-alice").read_text().startswith("PRIVATE_USERS=pick\nPRIVATE_NETWORK=1\n")
    assert "HOST_ADDRESS" not in door.conf("h-alice").read_text()
    assert door.say(door.hive, "start alice") == "ok"
    assert (door.root / "running.h-alice").exists()
    assert door.say(door.git, f"set-profile alice {second}") == "ok"
    assert door.profile("h-alice") == second
    assert door.say(door.hive, "stop alice") == "ok"
    assert door.say(door.hive, "destroy alice") == "ok"
    assert not door.conf("h-alice").exists() and not (door.root / "running.h-alice").exists()
    assert door.said == f"uid {door.hive}: destroy alice: ok\n"
    assert [line.split()[:2] for line in door.log()] == [
        ["nixos-container", "create"],
        ["systemctl", "--quiet"],
        ["systemctl", "--quiet"],
        ["nix-env", "--profile"],
        ["systemctl", "--quiet"],
        ["nixos-container", "destroy"],
    ]


def test_a_create_that_was_killed_is_begun_anew_and_one_that_was_done_is_not(door: Door) -> None:
    first, second = door.system("one"), door.system("two")
    door.conf("h-alice").write_text("PRIVATE_NETWORK=1\n")
    assert door.say(door.git, f"create alice {first}") == "ok"
    assert [line.split()[1] for line in door.log()] == ["destroy", "create"]
    assert door.say(door.git, f"create alice {second}") == "ok"
    assert door.log()[2:] == [
        f"nix-env --profile /nix/var/nix/profiles/per-container/h-alice/system --set {second}"
    ]


def test_a_box_never_starts_without_its_user_namespace(door: Door) -> None:
    assert door.say(door.hive, "start alice") == "refused there is no box of alice"
    assert door.log() == []
    door.conf("h-alice").write_text("PRIVATE_NETWORK=1\n")  # killed before the rest was written
    assert door.say(door.hive, "start alice") == "ok"
    assert "PRIVATE_USERS=pick" in door.conf("h-alice").read_text()


def test_what_a_box_may_write_is_no_link_and_not_roots(door: Door) -> None:
    door.conf("h-alice").write_text("")
    state = door.state / "agents/alice/state"
    os.chown(state, 0, 0)
    assert "/agents/alice/state is a link" in door.say(door.hive, "start alice")
    state.rmdir()
    state.symlink_to(door.state / "shared")
    assert "/agents/alice/state is a link" in door.say(door.hive, "start alice")
    state.unlink()
    assert "No such file" in door.say(door.hive, "start alice")
    (door.state / "agents").rename(door.state / "elsewhere")
    (door.state / "agents").symlink_to(door.state / "elsewhere")
    (door.state / "elsewhere/alice/state").mkdir()
    os.chown(door.state / "elsewhere/alice/state", door.hive, door.hive)
    assert "/agents/alice/state is a link" in door.say(door.hive, "start alice")
    assert door.log() == []


@pytest.mark.parametrize("verb", ["create", "set-profile"])
def test_a_store_path_is_there_and_its_own(door: Door, verb: str) -> None:
    path = door.system("one")
    (door.root / path[1:]).rmdir()
    assert door.say(door.git, f"{verb} alice {path}") == "refused that store path is not there"
    (door.root / path[1:]).symlink_to("/etc")
    assert "no directory of its own" in door.say(door.git, f"{verb} alice {path}")
    assert door.log() == []


def test_the_kernel_says_who_may_say_what(door: Door) -> None:
    path = door.system("one")
    for uid in (STRANGER, 0):
        assert door.say(uid, "stop alice", real=True) == f"refused this door is not for uid {uid}"
    for line in (f"create alice {path}", f"set-profile alice {path}"):
        verb = line.split()[0]
        assert door.say(door.hive, line) == f"refused {verb} is not for uid {door.hive}"
    assert door.say(door.git, "destroy alice") == f"refused destroy is not for uid {door.git}"
    assert door.log() == []


def test_a_stranger_is_refused_before_a_word_is_read(door: Door) -> None:
    with door.call(STRANGER, 60.0) as link:
        assert heard(link) == f"refused this door is not for uid {STRANGER}"


def test_settings_that_others_can_write_are_not_believed(door: Door) -> None:
    for uid, mode in ((door.hive, 0o644), (0, 0o664), (0, 0o646)):
        os.chown(door.config, uid, 0)
        door.config.chmod(mode)
        said = door.say(door.hive, "stop alice", real=True)
        assert said.startswith("failed ") and "not root's alone to write" in said
    os.chown(door.config, 0, 0)
    door.config.write_text("nonsense = 1\n")
    door.config.chmod(0o644)
    assert "unknown setting nonsense" in door.say(door.hive, "stop alice", real=True)
    door.config.unlink()
    assert door.say(door.hive, "stop alice", real=True).startswith("failed ")


@pytest.mark.parametrize(
    "what", ["nothing", "a NUL", "CR LF", "two lines", "no newline", "a Cyrillic a", "a megabyte"]
)
def test_a_hostile_line_is_refused_in_one_line(door: Door, what: str) -> None:
    assert door.say(door.hive, HOSTILE[what], real=True).startswith("refused ")


def test_who_is_slow_is_sent_away(door: Door) -> None:
    with door.call(door.hive, 0.3) as link:
        link.sendall(b"stop al")
        assert heard(link) == "refused no whole line within 0.3 s"
    with door.call(door.hive, 0.3) as link:  # a whole line, but there may be a second one
        link.sendall(b"stop alice\n")
        assert heard(link) == "refused no whole line within 0.3 s"
    assert door.log() == []


def test_who_hangs_up_is_obeyed_all_the_same(door: Door) -> None:
    with door.call(door.hive) as link:
        link.sendall(b"stop alice\n")
    assert door.log() == ["systemctl --quiet stop container@h-alice.service"]


def test_a_command_that_fails_says_why_visibly_and_in_bounds(door: Door) -> None:
    (door.root / "fault").write_text("\x1b[31mred " + "x" * 5000)
    said = door.say(door.hive, "stop alice")
    assert said.startswith("failed ") and "\\x1b[31mred" in said and said.endswith("…")


def asked(door: Door, uid: int, *words: str) -> str:
    """What the hive's own client makes of the door's answer."""
    client = subprocess.Popen(
        [sys.executable, "-c", ASK, str(door.path), *words],
        user=uid,
        group=uid,
        extra_groups=[],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    server = door.serve()
    said = client.communicate(timeout=30)[0].strip()
    server.communicate(timeout=30)
    return said


def test_the_client_tells_the_answers_apart(door: Door) -> None:
    path = door.system("one")
    assert asked(door, door.git, "create", "alice", path) == "None"
    refused = asked(door, door.hive, "create", "alice", path)
    assert refused.startswith("Refused hive-root create alice: create is not for uid")
    (door.root / "fault").write_text("no such unit")
    failed = asked(door, door.hive, "stop", "alice")
    assert failed.startswith("HiveError hive-root stop alice: ") and "no such unit" in failed


def test_the_client_asks_nothing_that_is_no_line(door: Door) -> None:
    with pytest.raises(Refused, match="no agent's name"):
        ask(str(door.path), "stop", "../alice")
    with pytest.raises(NotNow, match="cannot be reached: No such file"):
        ask(f"{door.path}.gone", "stop", "alice")


def test_a_door_that_hangs_up_is_not_now(door: Door) -> None:
    def hang_up() -> None:
        link, _ = door.listener.accept()
        link.recv(300)
        link.shutdown(socket.SHUT_RDWR)
        link.close()

    thread = Thread(target=hang_up)
    thread.start()
    with pytest.raises(NotNow, match=r"no answer|cannot be reached"):
        ask(str(door.path), "stop", "alice")
    thread.join()
