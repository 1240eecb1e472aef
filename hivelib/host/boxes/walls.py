"""The walls of a box made of bubblewrap: one sandbox for each turn, on any Linux with systemd and user namespaces.

The box sees a read-only system, its own /state and /root/.claude, the hive's /shared, and two directories with a
socket each. It has no network but `lo`, no process but its own, and no way to a namespace or a privilege of its own.
Never as uid 0: root's bubblewrap leaves kernel settings writable (facts: spike, section 4).
"""

import os
from collections.abc import Sequence
from typing import NamedTuple

from hivelib.base.errors import HiveError
from hivelib.base.paths import Paths
from hivelib.model.names import MANAGER
from hivelib.model.settings import Settings

TOOLS = ("hive-exec", "hive-claude", "hive-mcp-pump", "hive-wake")
"""The programs of ours that run inside, each a single file."""

PROXY = "http://127.0.0.1:3128"
"""Where hive-exec's relay listens inside the box."""

UID = "1000"  # the same in every box, whatever the hive's user is on the host; etc/passwd calls it agent
MEBIBYTE = 1 << 20
TEMPORARY = {"/tmp": 1024, "/run": 64, "/root": 256, "/dev/shm": 256}
"""The writable places without a disk behind them, and how many MiB fit; they count as the box's memory."""

ENVIRONMENT = {
    "PATH": "/opt/hive:/opt/claude:/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin",
    "HOME": "/root",
    "USER": "agent",
    "LOGNAME": "agent",
    "SHELL": "/bin/sh",
    "LANG": "C.UTF-8",
    "TMPDIR": "/tmp",
    "CLAUDE_CONFIG_DIR": "/root/.claude",
    # Programs disagree on the case. A server that the agent itself started is not reached through the proxy.
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), PROXY),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1,::1"),
}

# What programs need of /etc; passwd, group, hosts and nsswitch.conf are ours, so that the box learns no host names or
# users. No resolv.conf: names are resolved by the proxy, on the host. Each may be missing on some distribution.
SYSTEM_FILES = (
    "/etc/alternatives",
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/etc/static",  # NixOS: what /etc/ssl points to
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/terminfo",
    "/nix/store",
    "/run/current-system",
)
OUR_FILES = ("passwd", "group", "hosts", "nsswitch.conf")


class System(NamedTuple):
    """How the host's root directory is laid out: links (usr-merge) and real directories."""

    links: tuple[tuple[str, str], ...]
    directories: tuple[str, ...]

    @classmethod
    def of_host(cls) -> "System":
        """This machine's."""
        links, directories = [], []
        for place in ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
            if os.path.islink(place):
                links.append((os.readlink(place), place))
            elif os.path.isdir(place):
                directories.append(place)
        return cls(tuple(links), tuple(directories))


def argv(
    settings: Settings,
    name: str,
    bin_dir: str,
    system: System,
    uid: int,
    proposed: Sequence[str] = (),
) -> list[str]:
    """The command that becomes the box of agent `name`, with exec.sock's listener as its descriptor 0.

    `bin_dir` holds TOOLS; `uid` is who will run it; `proposed` are the agents whose config the manager edits. Pure.
    Raises HiveError for uid 0, and when no claude is set.
    """
    _refuse_root(uid)
    if not settings.claude.path:
        raise HiveError("hive.toml names no claude program", "run `hive-up --claude PATH`")
    inside = ["/opt/hive/hive-exec", "--processes", str(settings.box.tasks)]
    ours = [*_ours(settings, name, bin_dir), *_lasting(settings, name)]
    if name == MANAGER:
        ours += _configs(settings, proposed)
    return [*_box(name, system, ours), "--", *inside]


def trial_argv(
    settings: Settings, name: str, bin_dir: str, system: System, uid: int, config: str
) -> list[str]:
    """The command that looks, in a box like the agent's but without any way out, whether the box could run with the
    agent.json at `config`. It runs nothing that this names, it only looks whether it is there.
    """
    _refuse_root(uid)
    words = _programs(settings, bin_dir)
    words += ["--ro-bind", config, "/etc/hyperhive/agent.json"]
    words += ["--dir", "/state", "--ro-bind-try", Paths.of(settings).agent_state(name), "/state"]
    words += ["--dir", "/shared", "--ro-bind-try", Paths.of(settings).shared, "/shared"]
    return [*_box(name, system, words), "--", "/opt/hive/hive-claude", "--prove"]


def _refuse_root(uid: int) -> None:
    if uid == 0:
        raise HiveError(
            "a bubblewrap box never runs as root",
            "let `hive-up --user NAME` run the hive as a user",
        )


def _box(name: str, system: System, ours: Sequence[str]) -> list[str]:
    # Last: the root itself is a tmpfs too, and everything has its place on it by now.
    last = ["--remount-ro", "/", "--chdir", "/state"]
    return ["bwrap", *_walls(name), *_system(system), *ours, *last]


def _walls(name: str) -> list[str]:
    """What is cut off. `--as-pid-1`: when hive-exec ends, the kernel ends all that is left of the box."""
    namespaces = ("user", "pid", "net", "ipc", "uts", "cgroup")
    words = [
        "--die-with-parent",
        "--new-session",
        "--as-pid-1",
        "--disable-userns",
        "--cap-drop",
        "ALL",
    ]
    words += [f"--unshare-{one}" for one in namespaces]
    words += ["--uid", UID, "--gid", UID, "--hostname", name, "--clearenv"]
    for key, value in ENVIRONMENT.items():
        words += ["--setenv", key, value]
    return words


def _system(system: System) -> list[str]:
    """The host's programs, all read-only."""
    words = []
    for place, mebibytes in TEMPORARY.items():
        if place != "/dev/shm":
            words += ["--size", str(mebibytes * MEBIBYTE), "--tmpfs", place]
    words += ["--ro-bind", "/usr", "/usr"]
    for target, place in system.links:
        words += ["--symlink", target, place]
    for place in system.directories:
        words += ["--ro-bind", place, place]
    for place in SYSTEM_FILES:
        words += ["--ro-bind-try", place, place]
    here = os.path.dirname(os.path.abspath(__file__))
    for file in OUR_FILES:
        words += ["--ro-bind", f"{here}/etc/{file}", f"/etc/{file}"]
    words += ["--symlink", "/tmp", "/var/tmp", "--proc", "/proc", "--dev", "/dev"]
    # The box's user is the owner of its ipc namespace and may set that one's limits: no harm, and no need either.
    words += ["--ro-bind", "/proc/sys", "/proc/sys"]
    # bubblewrap's /dev is a writable tmpfs without a limit: close it, but for the part that programs write to.
    return [
        *words,
        "--size",
        str(TEMPORARY["/dev/shm"] * MEBIBYTE),
        "--tmpfs",
        "/dev/shm",
        "--remount-ro",
        "/dev",
    ]


def _programs(settings: Settings, bin_dir: str) -> list[str]:
    """Our programs, and claude."""
    words = []
    for tool in TOOLS:
        words += ["--ro-bind", f"{bin_dir}/{tool}", f"/opt/hive/{tool}"]
    claude = settings.claude.path
    return [*words, *(["--ro-bind", claude, "/opt/claude/claude"] if claude else [])]


def _ours(settings: Settings, name: str, bin_dir: str) -> list[str]:
    """What the agent runs with, and its ways out."""
    paths = Paths.of(settings)
    words = _programs(settings, bin_dir)
    words += ["--ro-bind-try", paths.agent_config(name), "/etc/hyperhive/agent.json"]
    # Directories, not the sockets in them: a bound socket file goes stale when its unit is restarted.
    for kind in ("mcp", "net"):
        words += ["--ro-bind", os.path.dirname(paths.socket(name, kind)), f"/run/hive/{kind}"]
    return words


def _lasting(settings: Settings, name: str) -> list[str]:
    """The places that outlive the turn."""
    paths = Paths.of(settings)
    words = ["--bind", paths.agent_state(name), "/state"]
    words += ["--bind", paths.agent_claude(name), "/root/.claude"]
    return [*words, "--bind", paths.shared, "/shared"]


def _configs(settings: Settings, proposed: Sequence[str]) -> list[str]:
    """What only the manager has: each agent's config to edit, and to read what is deployed."""
    paths = Paths.of(settings)
    words = ["--ro-bind-try", os.path.dirname(paths.applied(MANAGER)), "/applied"]
    words += ["--ro-bind-try", paths.meta, "/meta"]
    for one in proposed:
        words += ["--bind", paths.proposed(one), f"/agents/{one}/config"]
    return words
