"""A package of npm, one pinned version, installed once where every user of the machine can read it.

Only the standard library is used: bin/hive-check calls this before anything else is there.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path


def place(folder: str, environment: Mapping[str, str], find: Callable[[Path], Path | None]) -> Path:
    """Where it is, or goes: for all users when root has done or does it, else in the user's own cache."""
    for_all = Path(f"/opt/hyperhive/{folder}")
    if os.getuid() == 0 or find(for_all):
        return for_all
    cache = environment.get("XDG_CACHE_HOME") or f"{environment['HOME']}/.cache"
    return Path(f"{cache}/hyperhive/{folder}")


def install(
    package: str, folder: str, find: Callable[[Path], Path | None], environment: Mapping[str, str]
) -> Path:
    """Installs `package`, NAME@VERSION, in `folder` unless it is there; gives back what `find` finds below it.

    `environment` is the one npm runs in. Raises RuntimeError with what is missing, or with what npm said.
    """
    where = place(folder, environment, find)
    if not find(where):
        where.parent.mkdir(parents=True, exist_ok=True)
        with (where.parent / f"{where.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not find(where):  # another run may have done it while we waited
                _fetch(package, where, environment)
    found = find(where)
    if found is None:
        raise RuntimeError(
            f"{where} does not hold {package} for this machine; remove it, try again"
        )
    return found


def _fetch(package: str, where: Path, environment: Mapping[str, str]) -> None:
    npm = shutil.which("npm", path=environment.get("PATH"))
    if npm is None:
        raise RuntimeError("npm is missing: apt-get install npm")
    # Made beside its final place and renamed, so that a killed install leaves nothing half-done there.
    with tempfile.TemporaryDirectory(dir=where.parent, prefix=f".{where.name}.") as staging:
        quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(
            [npm, "install", "--prefix", staging, *quiet, package],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            umask=0o022,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"npm could not install {package}: {done.stderr.strip()}")
        os.chmod(staging, 0o755)
        shutil.rmtree(where, ignore_errors=True)
        os.rename(staging, where)
        os.mkdir(staging)  # TemporaryDirectory wants something to remove
