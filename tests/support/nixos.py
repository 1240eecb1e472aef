"""A NixOS that is not there: fake nixos-container, systemctl and nix-env that assert their words and keep their world
in a directory, and the tiny accept that systemd would be for hive-root."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from hivelib.base import users
from tests.support.people import made_user
from tests.support.root_lines import HASH
from tests.support.source import ROOT

PROGRAM = """#!/usr/bin/python3 -IS
import os, re, sys
name, words = os.path.basename(sys.argv[0]), sys.argv[1:]
bin = os.path.dirname(sys.argv[0])
root = os.path.dirname(bin) + "/root"
wanted = {"PATH": bin, "LC_ALL": "C", "HOME": "/var/empty", "NIX_REMOTE": "daemon"}
given = {key: value for key, value in os.environ.items() if key != "LC_CTYPE"}  # Python's own
assert given == wanted, given
assert os.getuid() == os.geteuid() == 0
with open(root + "/log", "a") as log:
    print(name, *words, file=log)
if os.path.exists(root + "/fault"):
    sys.exit(open(root + "/fault").read())
store = r"/nix/store/[0-9a-z]{32}-[^/]+"
box = next(found[0] for word in words if (found := re.search(r"\\bh-[a-z0-9-]{1,9}\\b|\\bhm1nd\\b", word)))
conf, profiles = f"{root}/etc/nixos-containers/{box}.conf", f"{root}/nix/var/nix/profiles/per-container/{box}"
running = f"{root}/running.{box}"

def set_profile(path):
    assert re.fullmatch(store, path) and os.path.isdir(root + path)
    os.makedirs(profiles, exist_ok=True)
    if os.path.islink(profiles + "/system"):
        os.unlink(profiles + "/system")
    os.symlink(path, profiles + "/system")

def remove(path):
    if os.path.lexists(path):
        os.unlink(path)

if name == "nixos-container" and words[0] == "create":
    assert words[:3] == ["create", box, "--system-path"] and len(words) == 4
    if os.path.exists(conf):
        sys.exit("container already exists")
    with open(conf, "w") as file:
        file.write("PRIVATE_NETWORK=1\\nHOST_ADDRESS=10.233.1.1\\n")
    set_profile(words[3])
elif name == "nixos-container":
    assert words == ["destroy", box]
    for path in (conf, profiles + "/system", running):
        remove(path)
elif name == "nix-env":
    assert words[:3] == ["--profile", profiles.removeprefix(root) + "/system", "--set"] and len(words) == 4
    set_profile(words[3])
else:
    assert name == "systemctl" and words[0] == "--quiet" and words[2:] == [f"container@{box}.service"]
    if words[1] == "start":
        assert "PRIVATE_USERS=pick" in open(conf).read()
        open(running, "w").close()
    elif words[1] == "stop":
        remove(running)
    else:
        assert words[1] == "reset-failed"
        sys.exit("Unit not loaded.")  # as for every box that never failed
"""
AS_TOLD = """
import socket, sys
from hivelib.face import root
from hivelib.flow.obeying import Host
print(root.serve(socket.socket(fileno=0), Host(*sys.argv[1:3]), float(sys.argv[3])), file=sys.stderr)
"""


class Door:
    """hive-root behind a socket, on a machine below `where`; hive is the tests' user, hive-git is `daemon`."""

    def __init__(self, where: Path) -> None:
        self.where, self.root, self.path = where, where / "root", where / "root.sock"
        self.hive, self.git = made_user().uid, users.of("daemon").uid
        self.config = where / "hive.toml"
        self.said = ""
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.path.chmod(0o666)
        self.listener.listen(8)
        self.config.write_text(
            'state_dir = "/var/lib/hyperhive"\nruntime_dir = "/run/hyperhive"\n'
            f'[root]\nuser = "{made_user().name}"\ngit_user = "daemon"\n'
        )
        (where / "bin").mkdir()
        for name in ("nixos-container", "systemctl", "nix-env"):
            (where / "bin" / name).write_text(PROGRAM)
            (where / "bin" / name).chmod(0o755)
        (self.root / "etc/nixos-containers").mkdir(parents=True)
        (self.root / "nix/store").mkdir(parents=True)
        self.state = self.root / "var/lib/hyperhive"
        agent, run = self.state / "agents/alice", self.root / "run/hyperhive/agents/alice"
        for place in (agent / "state", agent / "claude", self.state / "shared", run / "exec"):
            place.mkdir(parents=True)
            os.chown(place, self.hive, self.hive)

    def system(self, name: str) -> str:
        """A system in the store; gives its path."""
        path = f"/nix/store/{HASH}-{name}"
        (self.root / path[1:]).mkdir(exist_ok=True)
        return path

    @contextlib.contextmanager
    def call(
        self, uid: int, seconds: float = 5.0, *, real: bool = False
    ) -> Iterator[socket.socket]:
        """A connection that `uid` made, with hive-root at its other end; `real`: as it is in bin/."""
        with socket.socket(socket.AF_UNIX) as link:
            os.seteuid(uid)  # what the kernel notes at connect, and tells
            try:
                link.connect(str(self.path))
            finally:
                os.seteuid(0)
            link.settimeout(20)
            child = self.serve(seconds, real=real)
            try:
                yield link
            finally:
                link.close()
                self.said = child.communicate(timeout=20)[1]
            assert child.returncode == 0, self.said

    def serve(self, seconds: float = 5.0, *, real: bool = False) -> "subprocess.Popen[str]":
        """Accepts the next connection as systemd does, and starts hive-root on it."""
        told: list[str] = [
            sys.executable,
            "-c",
            AS_TOLD,
            f"{self.where}/bin",
            str(self.root),
            str(seconds),
        ]
        connection, _ = self.listener.accept()
        with connection:
            return subprocess.Popen(
                [str(ROOT / "bin/hive-root")] if real else told,
                stdin=connection.fileno(),
                stderr=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                env={"PATH": "/usr/bin:/bin", "HIVE_CONFIG": str(self.config), "LEAK": "x"},
            )

    def say(self, uid: int, line: str | bytes, *, real: bool = False) -> str:
        """What hive-root answers to a line of `uid`."""
        data = f"{line}\n".encode() if isinstance(line, str) else line
        with self.call(uid, real=real) as link:
            with contextlib.suppress(OSError):  # it may have heard enough
                link.sendall(data)
                link.shutdown(socket.SHUT_WR)
            return heard(link)

    def log(self) -> list[str]:
        """The commands that were run."""
        log = self.root / "log"
        return log.read_text().splitlines() if log.exists() else []

    def conf(self, box: str) -> Path:
        """The settings of a box."""
        return self.root / f"etc/nixos-containers/{box}.conf"

    def profile(self, box: str) -> str:
        """The system of a box."""
        return os.readlink(self.root / f"nix/var/nix/profiles/per-container/{box}/system")


def heard(link: socket.socket) -> str:
    """All that comes until the other side closes, which is one line."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while part := link.recv(4096):
            data += part
    assert data.endswith(b"\n") and data.count(b"\n") == 1 and len(data) < 300, data
    assert data[:-1].decode().isprintable()
    return data[:-1].decode()
