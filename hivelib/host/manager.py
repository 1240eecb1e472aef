"""A `systemd --user` of the hive's own, for a directory: where no user manager runs, or beside it with `hive-up --dir`.

What it needs, and why (facts/spike.md, section 1):
* a control group that it may write: else systemd exits with status 1 and no word;
* on a machine that was not booted with systemd, a mount namespace with an empty /run/systemd in which
  /run/systemd/system exists: systemd asks for that directory before it starts (sd_booted(3));
* a unit path of its own: the machine's user units would start a D-Bus and key agents that nobody asked for;
* no generators: they would write units and run key agents for a desktop, at its start and at each daemon-reload;
* no journal is there, so units write to DIR/log.
Other shells talk to it through DIR/run/systemd/private: they need `XDG_RUNTIME_DIR=DIR/run` and the same uid.
"""

import glob
import hashlib
import json
import os
import shutil
import signal
import time
from collections.abc import Mapping
from typing import NamedTuple

from hivelib.base import packages
from hivelib.base.errors import HiveError
from hivelib.base.proc import run
from hivelib.host import cgroups

RECORD = "manager.json"
LONGEST = 60
"""Bytes of DIR: a socket's address holds 107, and the longest, run/hyperhive/agents/*/exec/exec.sock, adds 46."""

_BASE = (
    "basic.target",
    "default.target",
    "exit.target",
    "paths.target",
    "shutdown.target",
    "sockets.target",
    "systemd-exit.service",
    "timers.target",
)
BOOTED = "/run/systemd/system"
"""There on a machine that was booted with systemd (sd_booted(3))."""
_INSIDE = """
mount -t tmpfs -o mode=755 none /run/systemd
mkdir -p /run/systemd/system /run/systemd/inaccessible/dir
: > /run/systemd/inaccessible/reg
exec setpriv --ambient-caps=-all --inh-caps=-all "$@"
"""


class Private(NamedTuple):
    """The places of a private manager below its directory."""

    directory: str

    @property
    def runtime(self) -> str:
        """Its XDG_RUNTIME_DIR."""
        return f"{self.directory}/run"

    @property
    def units(self) -> str:
        """Where its units are."""
        return f"{self.directory}/config/systemd/user"

    @property
    def log(self) -> str:
        """The directory of the units' logs."""
        return f"{self.directory}/log"

    @property
    def record(self) -> str:
        """What is known of the running manager."""
        return f"{self.directory}/{RECORD}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the manager, and so of its units."""
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": f"{self.directory}/home",
            "XDG_RUNTIME_DIR": self.runtime,
            "XDG_CONFIG_HOME": f"{self.directory}/config",
            "XDG_DATA_HOME": f"{self.directory}/home/data",
            "XDG_STATE_HOME": f"{self.directory}/home/state",
            "XDG_CACHE_HOME": f"{self.directory}/home/cache",
            "SYSTEMD_UNIT_PATH": f"{self.units}:{self.runtime}/systemd/user",
            "SYSTEMD_GENERATOR_PATH": "",
            "SYSTEMD_ENVIRONMENT_GENERATOR_PATH": "",
            "SYSTEMD_LOG_TARGET": "console",
        }


class Record(NamedTuple):
    """A manager that was started: its process, its control group's directories, or the unit that holds it."""

    pid: int
    groups: list[str]
    unit: str


def why_not_directory(directory: str) -> str | None:
    """Given the absolute DIR of a hive; gives back None when its sockets fit into it, else why not."""
    length = len(os.fsencode(directory))
    if length > LONGEST:
        return f"{directory} has {length} bytes; sockets below it allow {LONGEST} at most"
    if not directory.isprintable() or any(letter in directory for letter in " \"'\\%:$"):
        return f"{directory!r}: the name goes into units and may not hold blanks, quotes, %, : or $"
    return None


def manager_program() -> str:
    """The path of systemd itself; raises HiveError when it is not installed."""
    for place in ("/usr/lib", "/lib", "/run/current-system/systemd/lib"):
        if os.path.exists(f"{place}/systemd/systemd"):
            return f"{place}/systemd/systemd"
    raise HiveError("no systemd on this machine", f"run: {packages.install_line(['systemd'])}")


def prepare(private: Private) -> None:
    """Makes the directories, the manager's own settings and the few targets it starts from."""
    for place in (private.runtime, private.units, private.log, f"{private.directory}/home"):
        os.makedirs(place, mode=0o700, exist_ok=True)
    with open(f"{private.directory}/config/systemd/user.conf", "w", encoding="utf-8") as file:
        file.write("[Manager]\nDefaultStandardOutput=inherit\nDefaultStandardError=inherit\n")
    source = f"{os.path.dirname(manager_program())}/user"
    for name in _BASE:
        link = f"{private.units}/{name}"
        if not os.path.lexists(link) and os.path.exists(f"{source}/{name}"):
            os.symlink(f"{source}/{name}", link)


def start(private: Private, groups: list[str]) -> None:
    """Starts the manager as this user, in the control group of directories `groups`, and waits until it answers.

    Raises HiveError with the end of its log when it does not come up.
    """
    prepare(private)
    write_record(private, 0, groups)  # first: whoever finds us killed half-way knows where to look
    log = os.open(f"{private.log}/manager.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    argv = program() if os.path.isdir(BOOTED) else _in_namespace(program())
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            cgroups.join(groups)
            os.dup2(os.open(os.devnull, os.O_RDWR), 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.closerange(3, 1024)
            os.execve(argv[0], argv, private.environment)
        except OSError as error:
            os.write(2, f"{argv[0]}: {error}\n".encode())
        finally:
            os._exit(1)
    os.close(log)
    write_record(private, child, groups)
    wait_until_up(private, child)


def program() -> list[str]:
    """The command line of the manager."""
    return [manager_program(), "--user", "--unit=basic.target"]


def _in_namespace(program: list[str]) -> list[str]:
    # --keep-caps: without it CAP_SYS_ADMIN is gone after exec and mount fails; setpriv drops it again
    unshare = [packages.find("unshare"), "--user", "--map-current-user", "--keep-caps", "--mount"]
    return [*unshare, "--propagation", "slave", "--", "sh", "-euc", _INSIDE, "sh", *program]


def wait_until_up(private: Private, child: int = 0) -> None:
    """Waits until the manager answers; gives up when the process `child` of ours ends, or after a minute (HiveError):
    a machine that does ten other things took more than 20 s."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if child and os.waitpid(child, os.WNOHANG)[0]:
            break
        if answers(private.runtime):
            return
        time.sleep(0.02)
    lines = _tail(f"{private.log}/manager.log")
    raise HiveError(
        f"the private systemd did not start: {lines or 'it said nothing (is the control group writable?)'}",
        "`hive-doctor` says what this machine lacks",
    )


def answers(runtime: str) -> bool:
    """Whether a manager answers at this XDG_RUNTIME_DIR, as this user."""
    if not os.path.exists(f"{runtime}/systemd/private"):
        return False
    argv = ["systemctl", "--user", "show", "-p", "SystemState", "--value"]
    done = run(argv, env=client_environment(runtime), check=False, seconds=10)
    return done.out.strip() in ("running", "degraded", "starting")


def client_environment(runtime: str) -> dict[str, str]:
    """What `systemctl --user` needs to talk to the manager at `runtime`."""
    plain: Mapping[str, str] = os.environ
    kept = {k: plain[k] for k in ("PATH", "HOME", "LANG", "USER") if k in plain}
    return {"PATH": os.defpath, **kept, "XDG_RUNTIME_DIR": runtime}


def write_record(private: Private, pid: int, groups: list[str], unit: str = "") -> None:
    """Keeps where the manager is: its process and control group, or the unit of the manager that runs it."""
    record = {"pid": pid, "started": _start_time(pid), "groups": groups, "unit": unit}
    with open(f"{private.record}.new", "w", encoding="utf-8") as file:
        json.dump(record, file)
    os.replace(f"{private.record}.new", private.record)


def recorded(private: Private) -> Record:
    """What is known of the manager; process 0 when it does not run (any more)."""
    try:
        with open(private.record, encoding="utf-8") as file:
            found = json.load(file)
        pid, started = int(found["pid"]), str(found["started"])
        groups, unit = [str(place) for place in found["groups"]], str(found["unit"])
    except (OSError, ValueError, KeyError, TypeError):
        return Record(0, [], "")
    alive = pid > 0 and started and _start_time(pid) == started
    return Record(pid if alive else 0, groups, unit)


def _start_time(pid: int) -> str:
    """The start of a process in clock ticks since boot, so that a reused number is not taken for it."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return ""
    return fields[19] if fields[0] != "Z" else ""


def stop(private: Private, seconds: float = 30.0) -> bool:
    """Stops the manager and all its units, kills what does not go, removes its run directory.

    Gives back whether there was anything to stop. Safe when half of it is dead already.
    """
    record = recorded(private)
    found = bool(record.pid or cgroups.processes(record.groups) or os.path.exists(private.runtime))
    if record.pid:
        os.kill(record.pid, signal.SIGTERM)
    elif answers(private.runtime):
        run(["systemctl", "--user", "exit"], env=client_environment(private.runtime), check=False)
    until = time.monotonic() + seconds
    while (recorded(private).pid or answers(private.runtime)) and time.monotonic() < until:
        _reap(record.pid)
        time.sleep(0.05)
    cgroups.kill(record.groups)
    cgroups.remove(record.groups)
    shutil.rmtree(private.runtime, onerror=_open_up)
    for leftover in glob.glob(f"{private.record}*"):
        os.unlink(leftover)
    return found


def _open_up(_: object, path: str, __: object) -> None:
    # systemd leaves directories without any permission (inaccessible/dir)
    if os.path.isdir(path) and not os.path.islink(path):
        os.chmod(path, 0o700)
        os.rmdir(path)


def _reap(pid: int) -> None:
    try:
        if pid:
            os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return  # not ours: whoever started it, or init, reaps it


def _tail(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return " / ".join(file.read().strip().splitlines()[-3:])
    except OSError:
        return ""


def group_name(directory: str, uid: int) -> str:
    """The name of the control group of the hive of user `uid` in `directory`."""
    return f"hyperhive-{uid}-{hashlib.sha256(os.fsencode(directory)).hexdigest()[:8]}"
