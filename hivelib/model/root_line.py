"""The one line that root obeys: what it may say, who may say it, and the fixed commands that it stands for. Pure.

    create NAME STOREPATH · set-profile NAME STOREPATH · start NAME · stop NAME · destroy NAME

What is not exactly that is not obeyed. Of a line only two words ever reach a command, the box's name and the store
path, and both are of an alphabet without a blank, a colon, a leading dash or a way upwards.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from hivelib.model import names

LINE_MOST = 256
"""Bytes of a line, its newline included."""

PROGRAMS = "/run/current-system/sw/bin"
"""Where NixOS has nixos-container, nix-env and systemctl. Nothing is looked for anywhere else."""

WITH_PATH = ("create", "set-profile")
VERBS = (*WITH_PATH, "start", "stop", "destroy")

# Who may bring another system into a box decides what runs there. hive reads hostile bytes, so it may not: were it
# allowed `create`, a forged row would deploy any build that lies in the store. hive-git restarts what it deployed.
OF_GIT = frozenset({*WITH_PATH, "start", "stop"})
OF_HIVE = frozenset({"start", "stop", "destroy"})

# Nix spells hashes without e, o, t and u.
_STORE_PATH = re.compile(r"/nix/store/[0-9a-df-np-sv-z]{32}-[A-Za-z0-9+._?=-]+")
_PLACE = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9._-]*)+")


class RootLine(NamedTuple):
    """A line that passed: a verb, an agent's name, and for two of the verbs a path in the store."""

    verb: str
    name: str
    path: str = ""

    @property
    def box(self) -> str:
        """What the box is called."""
        return names.box(self.name)


class Places(NamedTuple):
    """The hive's directories, from root's own settings: state, runtime, and where what is deployed lies."""

    state: str
    runtime: str
    deployed: str


class Step(NamedTuple):
    """A command that a line stands for; one with `may_fail` only tidies up before the next."""

    argv: Sequence[str]
    may_fail: bool = False


def read(data: bytes) -> RootLine | str:
    """All that a caller sent; gives back the record, or in fixed words why it is none: nothing of it is repeated."""
    if len(data) > LINE_MOST:
        return f"a line has at most {LINE_MOST} bytes"
    if not data.endswith(b"\n") or data.count(b"\n") != 1:
        return "not exactly one line"
    if not all(0x20 <= byte < 0x7F for byte in data[:-1]):
        return "a line is printable ASCII"
    verb, *words = data[:-1].decode("ascii").split(" ")
    if verb not in VERBS:
        return f"a line begins with {', '.join(VERBS[:-1])} or {VERBS[-1]}"
    if len(words) != 1 + (verb in WITH_PATH):
        wanted = "a name and a store path" if verb in WITH_PATH else "a name"
        return f"after {verb} comes {wanted}, with single blanks"
    if not names.is_name(words[0]):
        return "that is no agent's name"
    if verb in WITH_PATH and (not _STORE_PATH.fullmatch(words[1]) or ".." in words[1]):
        return "that is no path right in /nix/store"
    return RootLine(verb, *words)


def spoken(line: RootLine) -> bytes:
    """The bytes of a line."""
    return " ".join(word for word in line if word).encode() + b"\n"


def why_not(line: RootLine, uid: int, hive: int, git: int) -> str | None:
    """Given who calls, as the kernel tells it, and the uids of hive and hive-git; None when they may say this line."""
    if (uid == git and line.verb in OF_GIT) or (uid == hive and line.verb in OF_HIVE):
        return None
    return f"{line.verb} is not for uid {uid}"


def steps(line: RootLine, programs: str = PROGRAMS) -> list[Step]:
    """The commands that a line stands for, in order."""
    unit = f"container@{line.box}.service"
    container, systemctl = f"{programs}/nixos-container", [f"{programs}/systemctl", "--quiet"]
    if line.verb == "create":
        return [Step([container, "create", line.box, "--system-path", line.path])]
    if line.verb == "set-profile":
        profile = ["--profile", profile_of(line.name)]
        return [Step([f"{programs}/nix-env", *profile, "--set", line.path])]
    if line.verb == "start":
        # After five crashes, or a killed systemd-nspawn, it would not start again before this.
        forget = Step([*systemctl, "reset-failed", unit], may_fail=True)
        return [forget, Step([*systemctl, "start", unit])]
    if line.verb == "stop":
        return [Step([*systemctl, "stop", unit])]
    return [Step([container, "destroy", line.box])]  # success when there is none


def profile_of(name: str) -> str:
    """The profile of a box: a link to the system that its next start runs."""
    return f"/nix/var/nix/profiles/per-container/{names.box(name)}/system"


def conf_of(name: str) -> str:
    """What container@BOX.service reads its settings from."""
    return f"/etc/nixos-containers/{names.box(name)}.conf"


def writable(name: str, at: Places) -> dict[str, str]:
    """What a box may write: place on the host → place in the box."""
    own = {
        f"{at.state}/agents/{name}/state": "/state",
        f"{at.state}/agents/{name}/claude": "/root/.claude",
        f"{at.state}/shared": "/shared",
        f"{at.runtime}/agents/{name}/exec": "/run/hive/exec",
    }
    # All of proposed, not a bind for each: binds are fixed at the start, agents come later. The manager's own system
    # links /agents/NAME/config to it.
    return {**own, f"{at.state}/proposed": "/proposed"} if name == names.MANAGER else own


def readable(name: str, at: Places) -> dict[str, str]:
    """What a box may read only: place on the host → place in the box. Directories of sockets, never the sockets."""
    own = {f"{at.runtime}/agents/{name}/{kind}": f"/run/hive/{kind}" for kind in ("mcp", "net")}
    ours = {f"{at.deployed}/applied": "/applied", f"{at.deployed}/meta": "/meta"}
    return {**own, **ours} if name == names.MANAGER else own


def conf(name: str, at: Places) -> str:
    """The whole of a box's .conf.

    It takes the place of what `nixos-container create` wrote, which has addresses (so a veth) and users of the host.
    Raises ValueError for a directory whose name systemd-nspawn's words cannot carry.
    """
    for place in at:
        if not _PLACE.fullmatch(place) or "/.." in place:
            raise ValueError(f"{place!r} is no place to bind")
    # rootidmap: the box's root writes as the owner of that place, and nobody else of the box writes at all.
    flags = [
        *(f"--bind={a}:{b}:rootidmap" for a, b in writable(name, at).items()),
        *(f"--bind-ro={a}:{b}:rootidmap" for a, b in readable(name, at).items()),
    ]
    lines = [
        "PRIVATE_USERS=pick",
        "PRIVATE_NETWORK=1",
        "AUTO_START=0",
        f'EXTRA_NSPAWN_FLAGS="{" ".join(flags)}"',
    ]
    return "\n".join(lines) + "\n"
