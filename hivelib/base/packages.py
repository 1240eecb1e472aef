"""The machine's own packages: installs what is missing as root on Debian and Ubuntu, else says the exact line.

Standard library only and free of new syntax: it runs before there is a venv (base/bootstrap.py).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping

from hivelib.base.errors import HiveError

PROGRAMS = {
    "bwrap": "bubblewrap",
    "systemctl": "systemd",
    "systemd-run": "systemd",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}
"""Each program the hive needs and the Debian package that brings it."""

_MANAGERS = {
    "apt-get": "apt-get install -y --no-install-recommends",
    "dnf": "dnf install -y",
    "pacman": "pacman -S --needed --noconfirm",
    "zypper": "zypper install -y",
    "apk": "apk add",
}
_SEARCH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin", "/sbin", "/bin"])


def find(program: str) -> str:
    """The path of `program` on PATH or in the system's own directories; empty when it is not there."""
    return shutil.which(program, path=_SEARCH) or ""


def install_line(packages: list[str]) -> str:
    """The line that installs these packages here; names are Debian's, other distributions mostly share them."""
    words = " ".join(packages)
    for manager, line in _MANAGERS.items():
        if find(manager):
            return f"{'' if os.geteuid() == 0 else 'sudo '}{line} {words}"
    return f"install {words} with your package manager"


def missing(programs: Mapping[str, str] = PROGRAMS) -> list[str]:
    """The packages, each once, of those `programs` that are not on this machine."""
    return sorted({package for program, package in programs.items() if not find(program)})


def provide(packages: list[str]) -> None:
    """Installs `packages` with apt when root on Debian or Ubuntu.

    Raises HiveError with the line to run when that is not possible or fails.
    """
    if not packages:
        return
    line = install_line(packages)
    apt = find("apt-get")
    if not apt or os.geteuid() != 0:
        raise HiveError(f"not on this machine: {', '.join(packages)}", f"run: {line}")
    sys.stderr.write(f"installing {', '.join(packages)} with apt\n")
    install = [apt, "install", "-y", "--no-install-recommends", *packages]
    done = _quiet(install)
    if done.returncode:  # a fresh container has no package lists yet
        _quiet([apt, "update"])
        done = _quiet(install)
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["apt-get failed"])[-1]
        raise HiveError(f"could not install {', '.join(packages)}: {last}", f"run: {line}")


def _quiet(argv: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        check=False,
    )
