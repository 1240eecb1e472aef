"""A box made of bubblewrap: one sandbox for each turn, on any Linux with systemd and user namespaces.

The box sees a read-only system, its own /state and /root/.claude, the hive's /shared, and two directories with a
socket each. It has no network but `lo`, no process but its own, and no way to a namespace or a privilege of its own.
Never as uid 0: root's bubblewrap leaves kernel settings writable (facts: spike, section 4).
"""

import os
from typing import NamedTuple

from hivelib.base.errors import HiveError
from hivelib.base.paths import Paths
from hivelib.host.boxes import Status
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


def argv(settings: Settings, name: str, bin_dir: str, system: System, uid: int) -> list[str]:
    """The command that becomes the box of agent `name`, with exec.sock's listener as its descriptor 0.

    `bin_dir` holds TOOLS; `uid` is who will run it. Pure. Raises HiveError for uid 0, and when no claude is set.
    """
    if uid == 0:
        raise HiveError(
            "a bubblewrap box never runs as root",
            "let `hive-up --user NAME` run the hive as a user",
        )
    if not settings.claude.path:
        raise HiveError("hive.toml names no claude program", "run `hive-up --claude PATH`")
    inside = ["/opt/hive/hive-exec", "--processes", str(settings.box.tasks)]
    return [
        "bwrap",
        *_walls(name),
        *_system(system),
        *_ours(settings, name, bin_dir),
        "--",
        *inside,
    ]


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


def _ours(settings: Settings, name: str, bin_dir: str) -> list[str]:
    """The agent's own places, and our programs."""
    paths = Paths.of(settings)
    words = []
    for tool in TOOLS:
        words += ["--ro-bind", f"{bin_dir}/{tool}", f"/opt/hive/{tool}"]
    words += ["--ro-bind", settings.claude.path, "/opt/claude/claude"]
    words += ["--ro-bind-try", paths.agent_config(name), "/etc/hyperhive/agent.json"]
    # Directories, not the sockets in them: a bound socket file goes stale when its unit is restarted.
    for kind in ("mcp", "net"):
        words += ["--ro-bind", os.path.dirname(paths.socket(name, kind)), f"/run/hive/{kind}"]
    words += ["--bind", paths.agent_state(name), "/state"]
    words += ["--bind", paths.agent_claude(name), "/root/.claude"]
    words += ["--bind", paths.shared, "/shared"]
    # Last: the root itself is a tmpfs too, and everything has its place on it by now.
    return [*words, "--remount-ro", "/", "--chdir", "/state"]


def target(name: str) -> str:
    """The unit that is an agent."""
    return f"hive-agent@{name}.target"


def units(name: str) -> list[str]:
    """The services of an agent."""
    return [f"hive-{part}@{name}.service" for part in ("door", "exec", "turn")]


def create(settings: Settings, name: str) -> None:
    """Make the agent's directories, for the hive's user alone; success when they are there already."""
    paths = Paths.of(settings)
    for place in (paths.agent_state(name), paths.agent_claude(name), paths.shared):
        os.makedirs(place, mode=0o700, exist_ok=True)


def update(settings: Settings, name: str) -> None:
    """Nothing is built: a box is made anew for each turn, with the agent.json that is there then."""


def start(settings: Settings, name: str) -> None:
    """Let the agent's sockets listen. The caller rings once: a stopped agent has no fifo to hear with."""
    from hivelib.host.systemd import systemctl

    create(settings, name)
    systemctl(settings, "start", target(name))


def stop(settings: Settings, name: str) -> None:
    """Stop the agent's sockets and services, a turn in progress too; success when it is stopped already."""
    from hivelib.host.systemd import systemctl

    systemctl(settings, "stop", target(name), *units(name))


def destroy(settings: Settings, name: str) -> None:
    """Stop the agent and remove its sockets. Its state directory stays: it is the tombstone."""
    import shutil

    stop(settings, name)
    shutil.rmtree(f"{Paths.of(settings).runtime}/agents/{name}", ignore_errors=True)


def status(settings: Settings, name: str) -> Status:
    """What the manager says of the agent's units."""
    from hivelib.host.systemd import units as known

    found = {unit.name: unit.active for unit in known(settings, target(name), *units(name))}
    failed = tuple(sorted(unit for unit, active in found.items() if active == "failed"))
    in_turn = found.get(f"hive-exec@{name}.service") in ("active", "activating")
    return Status(found.get(target(name)) == "active", in_turn, failed)


def journal(settings: Settings, name: str, lines: int = 50) -> list[str]:
    """The newest lines that the agent's units wrote, oldest first; from log files where no journal is."""
    from hivelib.host.journal import newest

    return newest(settings, units(name), lines)
