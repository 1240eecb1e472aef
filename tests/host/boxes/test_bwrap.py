"""What a real box of bubblewrap lets nobody do, tried from inside as an ordinary user."""

import json
import os
import random
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hivelib.base.errors import HiveError, Misuse
from hivelib.host import boxes
from hivelib.host.boxes import bwrap, walls
from hivelib.model.settings import Claude, Settings
from tests.support.box import Box, box_of, host_processes
from tests.support.people import Person
from tests.support.source import ROOT
from tests.support.waiting import until

LIMITS = "[box]\ntasks = 60\ndisk_bytes = 3000000\n"
WRITABLE = {"/tmp", "/run", "/root", "/dev/shm", "/state", "/root/.claude", "/shared"}


@pytest.fixture
def box(ordinary_user: Person, short_path: Path) -> Iterator[Box]:
    bob = short_path / "hive/state/agents/bob/state"
    bob.mkdir(parents=True)
    (bob / "secret-of-bob").write_text("bob's")
    (short_path / "hive/state/hive.sqlite").write_text("rows")
    (short_path / "hive/state/agents/alice").mkdir()
    (short_path / "hive/state/agents/alice/agent.json").write_text("{}")
    with box_of(ordinary_user, short_path / "hive", more=LIMITS) as box:
        yield box


def words() -> str:
    """A command line that no other process has."""
    return f"sleep 300.{random.randrange(10**9):09d}"


def test_there_is_no_network_but_the_loopback(box: Box) -> None:
    devices = box.shell("cat /proc/net/dev").splitlines()[2:]
    assert [line.split(":")[0].strip() for line in devices] == ["lo"]


def test_no_listening_port_of_the_host_can_be_reached(box: Box) -> None:
    tried = (
        "import socket\nfor where in {!r}:\n try: socket.create_connection(where, 2)\n"
        " except OSError as e: print(e.errno)"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert box.python(tried.format([("127.0.0.1", port), ("192.0.2.1", port)])) == "111\n101"


def test_abstract_sockets_of_the_host_are_not_there(box: Box) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        name = f"\0hive-test-{os.getpid()}"
        server.bind(name)
        server.listen()
        tried = (
            f"import socket\ntry: socket.socket(socket.AF_UNIX).connect({name!r})\n"
            "except OSError as e: print(e.errno)"
        )
        assert box.python(tried) == "111"


def test_only_its_own_processes_are_seen(box: Box) -> None:
    lines = [path.split("/")[2] for path in box.shell("ls -d /proc/[0-9]*").split()]
    assert "1" in lines and len(lines) <= 5
    assert "hive-exec" in box.shell("tr '\\0' ' ' < /proc/1/cmdline")


def test_neither_other_agents_nor_the_hive_are_seen(box: Box, short_path: Path) -> None:
    found = box.shell("find / -xdev \\( -name 'secret-*' -o -name '*.sqlite' \\) 2>/dev/null")
    assert found == ""
    for place in (
        "/home",
        "/var/lib",
        "/sys",
        "/boot",
        "/etc/shadow",
        "/etc/machine-id",
        short_path,
    ):
        assert box.shell(f"test -e {place} || echo gone") == "gone"
    assert box.shell("ls /state /root/.claude /shared") == "/root/.claude:\n\n/shared:\n\n/state:"


def test_nothing_can_be_written_but_its_own_places(box: Box) -> None:
    writable = set()
    for line in box.shell("cat /proc/self/mountinfo").splitlines():
        fields = line.split()
        if "rw" in fields[5].split(",") and not fields[4].startswith("/dev/"):
            writable.add(fields[4])
    assert writable == WRITABLE - {"/dev/shm"} | {"/proc"}
    for place in WRITABLE:
        assert box.shell(f"echo x > {place}/try && cat {place}/try") == "x"
    for place in (
        "/",
        "/usr",
        "/etc",
        "/etc/hyperhive",
        "/opt/hive",
        "/opt/claude",
        "/dev",
        "/var",
    ):
        assert "Read-only file system" in box.shell(f"echo x > {place}/try")
    for place in ("/run/hive/mcp/try", "/run/hive/net/try", "/etc/hyperhive/agent.json"):
        assert "Read-only file system" in box.shell(f"echo x > {place}")
    assert box.shell("echo x >> /opt/hive/hive-exec || echo no").endswith("no")


def test_kernel_settings_are_read_only(box: Box) -> None:
    assert box.shell("find /proc/sys -writable 2>/dev/null") == ""
    assert "Read-only file system" in box.shell("echo 1 > /proc/sys/kernel/msgmax")
    others = box.shell("find /proc -maxdepth 1 -type f -writable")
    assert others == ""


def test_there_is_no_way_to_privileges_or_new_namespaces(box: Box) -> None:
    status = dict(line.split(":\t", 1) for line in box.shell("cat /proc/self/status").splitlines())
    assert {int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {0}
    assert status["NoNewPrivs"] == "1"
    for kind in (0x10000000, 0x00020000, 0x40000000):  # user, mount, network
        tried = (
            "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
            f"print(libc.unshare({kind}), ctypes.get_errno())"
        )
        result, error = box.python(tried).split()
        assert result == "-1" and error in ("1", "28")
    assert box.shell("id -un; hostname") == "agent\nalice"


def test_its_namespaces_are_all_its_own(box: Box) -> None:
    for kind in ("user", "pid", "net", "ipc", "uts", "cgroup", "mnt"):
        assert box.shell(f"readlink /proc/self/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}")


def test_forks_and_files_are_limited(box: Box) -> None:
    forks = (
        "import os, time\ncount = 0\ntry:\n while count < 1000:\n"
        "  if os.fork() == 0: time.sleep(60); os._exit(0)\n  count += 1\n"
        "except BlockingIOError: print(count)"
    )
    assert 40 <= int(box.python(forks)) < 60
    assert "too large" in box.python(
        "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "try: open('/state/big', 'wb').write(b'x' * 4000000)\nexcept OSError as e: print(e)"
    )


def test_what_has_no_disk_behind_it_has_a_size(box: Box) -> None:
    for place, mebibytes in walls.TEMPORARY.items():
        size = box.python(f"import os\ns = os.statvfs('{place}')\nprint(s.f_blocks * s.f_frsize)")
        assert int(size) == mebibytes << 20


def test_everything_dies_when_the_hosts_connection_closes(box: Box) -> None:
    mine = words()
    box.shell(f"(setsid {mine} </dev/null >/dev/null 2>&1 &)")
    assert until(lambda: host_processes(mine), "the child runs")
    box.close()
    assert box.process.wait(10) == 0
    until(lambda: not host_processes(mine), "the child is gone")


def test_everything_dies_with_bubblewrap(box: Box) -> None:
    mine = words()
    box.shell(f"(setsid {mine} </dev/null >/dev/null 2>&1 &)")
    assert until(lambda: host_processes(mine), "the child runs")
    os.kill(box.process.pid, signal.SIGKILL)
    box.process.wait(10)
    until(lambda: not host_processes(mine), "the child is gone")


def test_the_turn_ends_though_a_child_was_left_behind(box: Box) -> None:
    mine = words()
    box.shell(f"(setsid {mine} &)")
    box.say({"eof": True})
    assert box.hear() == {"exit": 0}
    box.close()  # the box is there for the host to look at until the host hangs up
    assert box.process.wait(10) == 0
    until(lambda: not host_processes(mine), "the child is gone")


def test_root_is_refused() -> None:
    settings = Settings(claude=Claude(path="/opt/claude"))
    with pytest.raises(HiveError, match="never runs as root"):
        walls.argv(settings, "alice", str(ROOT / "bin"), walls.System((), ()), 0)


def test_a_hive_without_claude_says_what_to_do() -> None:
    with pytest.raises(HiveError, match="hive-up --claude"):
        walls.argv(Settings(), "alice", str(ROOT / "bin"), walls.System((), ()), 1000)


@pytest.mark.parametrize(
    "system",
    [
        walls.System((("usr/bin", "/bin"), ("usr/lib64", "/lib64")), ("/lib",)),
        walls.System((), ("/bin", "/lib")),
    ],
)
def test_the_hosts_own_layout_is_kept(system: walls.System) -> None:
    settings = Settings(claude=Claude(path="/opt/claude"))
    words = walls.argv(settings, "alice", "/bin", system, 1000)
    for target, place in system.links:
        assert words[words.index(place) - 2 : words.index(place)] == ["--symlink", target]
    for place in system.directories:
        assert words[words.index(place) - 1] == "--ro-bind"


def test_the_manager_edits_configs_and_reads_what_is_deployed(
    ordinary_user: Person, short_path: Path
) -> None:
    state = short_path / "hive/state"
    for place in ("applied/bob", "meta", "proposed/bob", "proposed/.bob.3"):
        (state / place).mkdir(parents=True)
        (state / place / "file").write_text("x")
    (state / "proposed/link").symlink_to("/etc")
    for place in ("proposed/bob", "applied/bob", "meta"):
        ordinary_user.own(state / place)
    with box_of(ordinary_user, short_path / "hive", "manager", LIMITS) as box:
        seen = box.shell("find /agents /applied /meta | sort | xargs").split()
        assert seen[:4] == [
            "/agents",
            "/agents/bob",
            "/agents/bob/config",
            "/agents/bob/config/file",
        ]
        assert seen[4:] == ["/applied", "/applied/bob", "/applied/bob/file", "/meta", "/meta/file"]
        assert box.shell("echo x > /agents/bob/config/new && echo done") == "done"
        for place in ("/applied", "/applied/bob", "/meta", "/agents", "/agents/bob"):
            assert "Read-only file system" in box.shell(f"echo x > {place}/try")
    assert (state / "proposed/bob/new").read_text() == "x\n"


def test_nobody_else_has_them(box: Box) -> None:
    assert box.shell("ls -d /agents /applied /meta 2>/dev/null || echo none") == "none"


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("python3", ""),
        ("/usr/bin/python3", ""),
        ("/state/mine", ""),
        ("no-such-program", "extra_mcp_servers.x: no program no-such-program in the box"),
        ("/state/secret-of-bob", "no program /state/secret-of-bob"),
        ("/etc/passwd", "no program /etc/passwd"),
        ("a\x1b[2J\nb", r"no program a\x1b[2J\nb"),
        ("/opt/ours/../../tmp/x; touch /state/ran", "no program"),
    ],
)
def test_a_trial_looks_for_commands_and_runs_none(
    ordinary_user: Person, short_path: Path, command: str, fault: str
) -> None:
    hive = short_path / "hive"
    mine = hive / "state/agents/alice/state"
    with box_of(ordinary_user, hive, more=LIMITS):
        pass  # the agent's places are there
    (mine / "mine").write_text("#!/bin/sh\ntouch /state/ran\n")
    (mine / "mine").chmod(0o755)
    place = hive / "state/builds/alice/trial"
    place.mkdir(parents=True)
    ordinary_user.own(place)
    server = {"command": command, "env": {"PATH": "/usr/bin:/bin"}}
    (place / "agent.json").write_text(json.dumps({"extra_mcp_servers": {"x": server}}))
    done = ordinary_user.run(
        [ROOT / "bin/hive-box", "--trial", "alice"],
        {"HIVE_CONFIG": str(hive / "hive.toml")},
        check=False,
    )
    said = (place / "log").read_text()
    assert (done.returncode, done.stdout, done.stderr) == (int(bool(fault)), "", "")
    assert fault in said and bool(said) is bool(fault)
    assert len(said.splitlines()) <= 1 and not (mine / "ran").exists()


def test_an_agents_places_are_made_once_and_for_the_hive_alone(short_path: Path) -> None:
    settings = Settings(state_dir=str(short_path / "state"))
    for _ in range(2):
        bwrap.create(settings, "alice")
    place = short_path / "state/agents/alice"
    assert [(place / part).stat().st_mode & 0o777 for part in ("state", "claude")] == [0o700] * 2


def test_a_backend_is_found_by_its_name() -> None:
    assert boxes.backend("bwrap") is bwrap
    with pytest.raises(Misuse, match="there is bwrap"):
        boxes.backend("docker")
