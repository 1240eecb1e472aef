"""The walls of a box: what its programs see, what they can open, and what the kernel does for them."""

import os
import socket
import stat
import subprocess
from pathlib import Path
from typing import Any

from hivelib.flow import admitting
from tests.attacks.intruder import Box
from tests.attacks.rig import Attacked
from tests.support.hive import KEY

# On disk are /state, /root/.claude and /shared; the rest is memory of the box, gone with it.
WRITABLE = {"/dev/shm", "/root", "/root/.claude", "/run", "/run/hive", "/run/hive-exec"}
WRITABLE |= {"/shared", "/state", "/tmp"}


def look_for(box: Box, secrets: list[str], paths: list[str]) -> Any:
    """Looks for secrets in every file there is, and for the hive's own files by every way to a root directory."""
    found, places = [], set()
    for top, folders, files in os.walk("/"):
        if top == "/":
            folders[:] = [name for name in folders if name not in ("usr", "proc")]
        if box.tried(os.mkdir, f"{top}/mine") == "ok":
            os.rmdir(f"{top}/mine")
            places.add(top)
        for name in filter(lambda name: os.path.isfile(f"{top}/{name}"), files):
            try:
                with open(f"{top}/{name}", errors="replace") as file:
                    text = file.read(1 << 22)
            except OSError:
                continue
            found += [f"{top}/{name}" for secret in secrets if secret in text]
    for number in filter(str.isdigit, os.listdir("/proc")):
        for name in ("environ", "cmdline"):
            try:
                with open(f"/proc/{number}/{name}", errors="replace") as file:
                    text = file.read()
            except OSError:
                continue
            found += [f"/proc/{number}/{name}" for secret in secrets if secret in text]
    roots = ["", "/proc/self/root", "/proc/1/root", "/proc/1/cwd/..", "/proc/self/cwd/../../../.."]
    opened = {root + path: box.tried(os.stat, root + path) for root in roots for path in paths}
    there = [path for path, how in opened.items() if how == "ok"]
    return {"found": found, "there": there, "writable": sorted(places)}


def test_it_finds_no_file_of_the_hive_or_of_another_agent(attacked: Attacked) -> None:
    paths = attacked.hive.hive.paths
    (attacked.state("bob") / "diary").write_text("bob's own secret")
    known = [paths.database, paths.transcript("bob"), paths.agent_state("bob"), paths.bell]
    known += [paths.socket("bob", "mcp"), paths.socket("alice", "exec"), paths.handoff("mcp")]
    known += [
        f"{paths.state}/api-key",
        str(attacked.hive.directory),
        "/etc/shadow",
        "/sys",
        "/home",
    ]
    told = attacked.attack("alice", look_for, secrets=["bob's own " + "secret", KEY], paths=known)
    assert told["there"] == []
    # Its own order names the secrets: claude's stdin is a pipe, so no file has them, not even its own session.
    assert told["found"] == []
    assert set(told["writable"]) == WRITABLE


def reach_its_keeper(box: Box) -> Any:
    """Goes for hive-exec, the first process of the box, which has the same uid."""
    held = {fd: os.readlink(f"/proc/self/fd/{fd}").split(":")[0] for fd in ("0", "1", "2")}
    more = [fd for fd in os.listdir("/proc/self/fd") if fd not in held]
    own = [fd for fd in more if os.path.exists(f"/proc/self/fd/{fd}")]

    def peek(place: str) -> None:
        with open(f"/proc/1/{place}", "rb") as file:
            file.read(16)

    how = {place: box.tried(peek, place) for place in ("exe", "mem", "environ", "maps", "stack")}
    how |= {
        place: box.tried(os.listdir, f"/proc/1/{place}")
        for place in ("fd", "root", "cwd", "map_files")
    }
    how["its log"] = box.tried(open, "/proc/1/fd/2", "w")
    how["its score"] = box.tried(open, "/proc/1/oom_score_adj", "w")
    how["pidfd_getfd"] = box.syscall(438, os.pidfd_open(1), 2, 0)
    child = subprocess.Popen(["sleep", "60"])  # first a child: to trace is not forbidden as such
    how["trace a child"] = box.syscall(101, 0x4206, child.pid, 0, 0)
    child.kill()
    how["trace it"] = box.syscall(
        101, 0x4206, 1, 0, 0
    )  # PTRACE_SEIZE: were it allowed, it would go on running
    os.kill(1, 19)
    os.kill(1, 9)
    return {"held": held, "own": own, "how": how}


def test_it_cannot_take_over_what_ends_its_box(attacked: Attacked) -> None:
    told = attacked.attack("alice", reach_its_keeper)
    assert told["held"] == {"0": "pipe", "1": "pipe", "2": "pipe"}
    assert told["own"] == []
    how = told["how"]
    assert how.pop("trace a child") == "ok"
    assert set(how.values()) <= {"EPERM", "PermissionError"}, how
    assert "forged" not in attacked.log("hive-exec@alice")


def ask_the_kernel(box: Box) -> Any:
    """What could lead out or up: each by its bare system call, so that no library is in the way."""
    import ctypes

    calls: dict[str, tuple[Any, ...]] = {
        "unshare user": (272, 0x10000000),
        "unshare mount": (272, 0x00020000),
        "unshare net": (272, 0x40000000),
        "mount": (165, b"none", b"/tmp", b"tmpfs", 0, 0),
        "umount": (166, b"/proc/sys", 2),
        "remount": (165, b"none", b"/usr", 0, 32 | 4096, 0),
        "open_tree": (428, -100, b"/", 1),
        "fsopen": (430, b"tmpfs", 0),
        "chroot": (161, b"/tmp"),
        "setuid 0": (105, 0),
        "handle": (
            304,
            -100,
            ctypes.create_string_buffer(b"\x08\0\0\0\x01\0\0\0" + b"\x02" + bytes(120)),
            0,
        ),
        "bpf": (321, 0, bytes(128), 128),
        "perf": (298, bytes(128), 0, -1, -1, 0),
        "keyctl": (250, 0, -3, 1),
        "io_uring": (425, 1, ctypes.create_string_buffer(120)),
        "userfaultfd": (323, 0),
        "init_module": (175, 0, 0, 0),
        "kexec": (246, 0, 0, 0, 0),
        "settime": (227, 0, bytes(16)),
        "swapon": (167, b"/state/x", 0),
        "acct": (163, b"/state/x"),
        "syslog": (103, 3, ctypes.create_string_buffer(64), 64),
        "sethostname": (170, b"host", 4),
        "reboot": (169, 0xFEE1DEAD, 672274793, 0, 0),
        "iopl": (172, 3),
        "vhangup": (153,),
    }
    how = {name: box.syscall(*arguments) for name, arguments in calls.items()}
    how["mknod"] = box.tried(os.mknod, "/state/vda", 0o600 | 0x6000, os.makedev(254, 0))
    how["raw socket"] = box.tried(socket.socket, socket.AF_INET, socket.SOCK_RAW, 1)
    how["packets"] = box.tried(socket.socket, socket.AF_PACKET, socket.SOCK_RAW)
    how["vsock"] = box.tried(socket.socket, 40, socket.SOCK_STREAM)
    how["alg"] = box.tried(socket.socket, 38, socket.SOCK_SEQPACKET)
    for number, name in enumerate(("user", "net", "mnt", "pid", "ipc", "uts", "cgroup")):
        how[f"setns {name} {number}"] = box.tried(os.open, f"/proc/1/ns/{name}", os.O_RDONLY)
    opened = []
    for top, _, files in os.walk("/proc/sys"):
        opened += [f"{top}/{name}" for name in files if os.access(f"{top}/{name}", os.W_OK)]
    for path in (
        "/proc/sysrq-trigger",
        "/proc/kcore",
        "/proc/kmsg",
        "/proc/bus",
        "/dev/mem",
        "/dev/kmsg",
    ):
        opened += [path] if box.tried(open, path, "r+b") == "ok" else []
    with open("/proc/self/status") as file:
        status = dict(
            line.strip().split(":\t") for line in file if line[:3] in ("Cap", "NoN", "Sec")
        )
    return {"how": how, "opened": opened, "status": status}


def test_the_kernel_gives_it_nothing_that_leads_out(attacked: Attacked) -> None:
    told = attacked.attack("alice", ask_the_kernel)
    allowed = {name: how for name, how in told["how"].items() if how in ("ok", "EFAULT")}
    assert allowed == {}
    assert told["opened"] == []
    status = told["status"]
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {
        "0" * 16
    }
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def reach_for_the_host(
    box: Box, ports: list[int], hidden: str, paths: list[str], pids: list[int]
) -> Any:
    """The host's ports, its abstract sockets and its processes."""
    how = {}
    for address in ("127.0.0.1", "::1", "0.0.0.0", "10.0.0.1", "169.254.169.254", "1.1.1.1"):
        for port in ports:
            how[f"{address} {port}"] = box.tried(socket.create_connection, (address, port), 3)
    for path in paths:
        with socket.socket(socket.AF_UNIX) as link:
            how[path] = box.tried(link.connect, path)
    with socket.socket(socket.AF_UNIX) as link:
        how["abstract"] = box.tried(link.connect, "\0" + hidden)
    how |= {f"kill {pid}": box.tried(os.kill, pid, 9) for pid in pids}
    with open("/proc/net/dev") as file:
        cards = [line.split(":")[0].strip() for line in file if ":" in line]
    with open("/proc/net/tcp") as file:
        ports = sorted(int(line.split()[1].split(":")[1], 16) for line in file if " 0A " in line)
    with open("/proc/net/unix") as file:
        sockets = [line.split()[7] for line in file.readlines()[1:] if len(line.split()) > 7]
    seen = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return {"how": how, "cards": cards, "ports": ports, "sockets": sockets, "seen": seen}


def test_it_reaches_no_port_socket_or_process_of_the_host(attacked: Attacked) -> None:
    hidden = f"hive-attack-{os.getpid()}"
    hive = attacked.hive.hive
    assert admitting.is_served(hive), "the page is there, for whoever is not in a box"
    proxy = str(
        attacked.hive.directory / "proxy.sock"
    )  # as `[web.proxy]` has one, for a reverse proxy
    listening = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)
    with listening[0] as server, listening[1] as abstract, socket.socket(socket.AF_UNIX) as unix:
        abstract.bind("\0" + hidden)
        abstract.listen()
        unix.bind(proxy)
        unix.listen()
        pids = [os.getpid(), attacked.hive.main_pid("hive-broker.service")]
        told = attacked.attack(
            "alice",
            reach_for_the_host,
            ports=[server.getsockname()[1], hive.settings.web.port],
            hidden=hidden,
            paths=[proxy],
            pids=pids,
        )
    os.unlink(proxy)
    assert "ok" not in told["how"].values(), told["how"]
    assert told["cards"] == ["lo"]
    assert told["ports"] == [3128]
    assert told["sockets"] == []
    assert max(told["seen"]) < 100  # numbers of its own
    assert Path(f"/proc/{pids[1]}").exists()


def plant_setuid(box: Box) -> Any:
    """Leaves a shell with every right that a file can have, where the host can see it."""
    import shutil

    shutil.copy("/bin/sh", "/state/sh")
    os.chmod("/state/sh", 0o6755)
    done = subprocess.run(
        ["/state/sh", "-pc", "id -u"], check=False, capture_output=True, text=True
    )
    return {"uid": done.stdout.strip(), "user": box.tried(os.chown, "/state/sh", 0, 0)}


def test_a_setuid_file_helps_nobody(attacked: Attacked) -> None:
    told = attacked.attack("alice", plant_setuid)
    assert told == {"uid": "1000", "user": "OSError"}
    planted = attacked.state("alice") / "sh"
    uid = attacked.hive.person.user.uid
    assert planted.stat().st_uid == uid
    # It is the hive's user's, so it must be out of reach of every other user of the machine.
    parents = [attacked.state("alice"), *attacked.state("alice").parents]
    below = parents[: parents.index(Path(attacked.hive.hive.paths.state)) + 1]
    assert any(not stat.S_IMODE(place.stat().st_mode) & 0o005 for place in below)
    planted.unlink()
