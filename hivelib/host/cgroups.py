"""Control groups for a private manager: made and given away by root, or by a user inside one that is its own already.

systemd looks for its group at the same path in every hierarchy, so one name is made in each that is there: version 2,
or version 1's `systemd` with the controllers that make limits bite (facts/spike.md, section 1). The hive thereby leaves
the version 1 controller groups of the shell that started it; the limits of its boxes are its own from then on.
"""

import os
import signal
import time
from collections.abc import Iterator

from hivelib.base.errors import HiveError
from hivelib.base.users import User, current

ROOT = "/sys/fs/cgroup"
_CONTROLLERS = ("memory", "pids", "cpu", "cpuacct")
_GIVEN = ("cgroup.procs", "cgroup.subtree_control", "cgroup.threads", "cgroup.kill", "tasks")


def hierarchies() -> list[str]:
    """The mounted hierarchies, those first without which systemd does not start."""
    if os.path.exists(f"{ROOT}/cgroup.procs"):
        return [ROOT]
    names = [n for n in ("unified", "systemd") if os.path.exists(f"{ROOT}/{n}/cgroup.procs")]
    found = [f"{ROOT}/{name}" for name in names]
    for name in _CONTROLLERS:
        path = os.path.realpath(f"{ROOT}/{name}")
        if os.path.exists(f"{path}/cgroup.procs") and path not in found:
            found.append(path)
    return found


def own_path() -> str:
    """The group of this process, as systemd would see it: `/` or `/some/where`."""
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        rows = [line.rstrip("\n").split(":", 2) for line in file]
    for number, name, path in rows:
        if number == "0" or name == "name=systemd":
            return path
    return "/"


def places(name: str) -> list[str]:
    """The directories that the group `name` below this process's own has, one for each hierarchy."""
    inside = os.path.normpath(f"/{own_path()}/{name}")
    return [f"{hierarchy}{inside}" for hierarchy in hierarchies()]


def beside(own: str, unit: str, other: str) -> str:
    """Given the group of a template's instance `unit`, the group of the same instance of `other`, another template.

    Pure. Empty when `own` is not the group of `unit`, as for a program that was started by hand.
    """
    place, _, name = own.rpartition("/")
    if name != unit:
        return ""
    template, _, instance = unit.partition("@")
    slices, others = (word.replace("-", r"\x2d") for word in (template, other))
    return f"{place.replace(slices, others)}/{other}@{instance}"


def refused_processes(group: str) -> int:
    """How often the kernel has refused the group a process, for it has all that it may; 0 where nobody counts that."""
    return _counted(group, "max", "pids.events")


def starved_processes(group: str) -> int:
    """How many of the group's processes the kernel has killed for want of memory; 0 where nobody counts that."""
    return _counted(group, "oom_kill", "memory.events", "memory.oom_control")


def _counted(group: str, what: str, *files: str) -> int:
    places = [f"{hierarchy}{group}/{file}" for hierarchy in hierarchies() for file in files]
    for place in places if group else ():
        try:
            with open(place, encoding="utf-8") as file:
                return int(dict(line.split() for line in file)[what])
        except (OSError, ValueError, KeyError):
            continue  # another hierarchy, or the group has gone with its last process
    return 0


def make(name: str, owner: User | None = None) -> list[str]:
    """Makes the group `name` below this process's own, and gives it to `owner` (default: who runs this).

    Gives back its directories. Controllers that cannot be had are left out: then limits do not bite, which
    `hive-doctor` says. Raises HiveError when no group can be made at all.
    """
    made: list[str] = []
    for place in places(name):
        must = place.startswith((f"{ROOT}/unified", f"{ROOT}/systemd")) or not made
        try:
            _switch_controllers_on(os.path.dirname(place))
            os.makedirs(place, mode=0o755, exist_ok=True)
            if owner:
                _give(place, owner)
            made.append(place)
        except OSError as error:
            if must:
                raise HiveError(
                    f"cannot make the control group {place}: {error.strerror}",
                    f"run hive-up as root with --user {_name(owner)}, or in a login that has a systemd --user",
                ) from None
    return made


def _name(owner: User | None) -> str:
    return (owner or current()).name


def _switch_controllers_on(parent: str) -> None:
    for controller in _CONTROLLERS[:3]:
        try:
            with open(f"{parent}/cgroup.subtree_control", "w", encoding="utf-8") as file:
                file.write(f"+{controller}")
        except OSError:
            continue  # version 1, or processes directly in the parent: no limits then


def _give(place: str, owner: User) -> None:
    for name in ("", *_GIVEN):
        try:
            os.chown(f"{place}/{name}", owner.uid, owner.gid, follow_symlinks=False)
        except FileNotFoundError:
            continue


def join(places: list[str]) -> None:
    """Moves this process into the group."""
    for place in places:
        with open(f"{place}/cgroup.procs", "w", encoding="utf-8") as file:
            file.write(str(os.getpid()))


def processes(places: list[str]) -> set[int]:
    """The processes in the group and in every group below it."""
    found: set[int] = set()
    for place in places:
        for directory, _, _ in os.walk(place):
            found.update(_pids(directory))
    return found


def _pids(directory: str) -> Iterator[int]:
    try:
        with open(f"{directory}/cgroup.procs", encoding="utf-8") as file:
            yield from (int(line) for line in file)
    except OSError:
        return


def kill(places: list[str], seconds: float = 5.0) -> None:
    """Kills whatever is in the group; raises HiveError when something outlives SIGKILL for `seconds`."""
    until = time.monotonic() + seconds
    for place in places:
        try:
            with open(f"{place}/cgroup.kill", "w", encoding="utf-8") as file:
                file.write("1")
        except OSError:
            continue  # version 1 has no such file
    while left := processes(places):
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if time.monotonic() > until:
            raise HiveError(f"these processes do not die: {' '.join(map(str, sorted(left)))}")
        time.sleep(0.01)


def remove(places: list[str]) -> None:
    """Removes the empty group; a directory that only root may remove stays."""
    for place in places:
        for directory, _, _ in os.walk(place, topdown=False):
            try:
                os.rmdir(directory)
            except OSError:
                continue
