"""What this machine can do for a hive, by trying it: namespaces, lingering, control groups, a claude that runs."""

import os
from typing import NamedTuple

from hivelib.base import packages
from hivelib.base.errors import HiveError
from hivelib.base.proc import run
from hivelib.base.users import current
from hivelib.host import cgroups, manager
from hivelib.host.manager import Private
from hivelib.model.settings import Settings

APPARMOR_PROFILE = "/etc/apparmor.d/bwrap"
_PROFILE = (
    r"abi <abi/4.0>,\ninclude <tunables/global>\n"
    r"profile bwrap /usr/bin/bwrap flags=(unconfined) {\n  userns,\n}\n"
)
_NEEDED = {"memory", "pids", "cpu"}


class Fault(NamedTuple):
    """What does not work, and the line that mends it."""

    what: str
    mend: str


def boxes() -> Fault | None:
    """Runs the smallest box there is; None when it works."""
    if not packages.find("bwrap"):
        return Fault("bubblewrap is not installed", packages.install_line(["bubblewrap"]))
    words = ["--unshare-user", "--unshare-pid", "--unshare-net", "--cap-drop", "ALL"]
    words += ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]
    done = run([packages.find("bwrap"), *words, "true"], check=False, seconds=20)
    if done.status == 0:
        return None
    said = (done.err.strip() or f"status {done.status}").splitlines()[-1]
    return Fault(f"no box can be made: {said}", mend_namespaces())


def mend_namespaces(sysctls: str = "/proc/sys") -> str:
    """The line that lets an ordinary user make namespaces, by what the kernel's settings below `sysctls` forbid."""
    if _sysctl(sysctls, "kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            f"printf '{_PROFILE}' | sudo tee {APPARMOR_PROFILE} && sudo apparmor_parser -r {APPARMOR_PROFILE}"
            "   (or, for every program: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0)"
        )
    if _sysctl(sysctls, "kernel/unprivileged_userns_clone") == "0":
        return "sudo sysctl kernel.unprivileged_userns_clone=1"
    if _sysctl(sysctls, "user/max_user_namespaces") == "0":
        return "sudo sysctl user.max_user_namespaces=15000"
    return "allow user namespaces for this user; in a container its own runtime may forbid them"


def _sysctl(sysctls: str, name: str) -> str:
    try:
        with open(f"{sysctls}/{name}", encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def lingers() -> bool:
    """Whether this user's manager goes on after logout."""
    return os.path.exists(f"/var/lib/systemd/linger/{current().name}")


def missing_controllers(settings: Settings) -> set[str]:
    """The control group controllers that the hive's manager does not have: those limits of boxes do not bite."""
    if settings.systemd.scope == "private":
        record = manager.recorded(Private(os.path.dirname(settings.systemd.xdg_runtime_dir)))
        groups = record.groups
    else:
        uid = os.getuid()
        below = f"user.slice/user-{uid}.slice/user@{uid}.service"
        groups = [f"{root}/{below}" for root in cgroups.hierarchies()]
    return _NEEDED - {name for group in groups for name in _controllers(group)}


def _controllers(group: str) -> set[str]:
    top = group.removeprefix(f"{cgroups.ROOT}/").split("/")[0]
    if top in _NEEDED or "," in top:
        return set(top.split(",")) if os.access(group, os.W_OK) else set()
    try:
        with open(f"{group}/cgroup.controllers", encoding="utf-8") as file:
            return set(file.read().split())
    except OSError:
        return set()


def claude_version(path: str) -> str:
    """What `claude --version` says; raises HiveError when it does not run."""
    done = run([path, "--version"], env={"PATH": os.defpath, "HOME": "/nonexistent"}, seconds=30)
    return done.out.strip() or "of unknown version"


def systemd_version() -> int:
    """The number of the systemd that is installed; 0 when there is none."""
    try:
        words = run(["systemctl", "--version"], seconds=20).out.split()
    except HiveError:
        return 0
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
