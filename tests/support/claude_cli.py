"""The real Claude Code CLI, one pinned version, installed once where every user of the machine can run it.

`python -m tests.support.claude_cli` installs it and prints its path. Only the standard library is
used: bin/hive-check calls this before anything else is there.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

VERSION = "2.1.197"
PACKAGE = "@anthropic-ai/claude-code"
# The package brings one self-contained program for each platform; where it lies depends on whether
# its install script ran.
PROGRAMS = (
    f"node_modules/{PACKAGE}/bin/claude.exe",
    f"node_modules/{PACKAGE}-linux-x64/claude",
    f"node_modules/{PACKAGE}-linux-arm64/claude",
)
ELF = b"\x7fELF"


def place(environment: Mapping[str, str]) -> Path:
    """Where it is, or goes: for all users when root has done or does it, else in the user's own cache."""
    for_all = Path(f"/opt/hyperhive/claude-{VERSION}")
    if os.getuid() == 0 or find(for_all):
        return for_all
    cache = environment.get("XDG_CACHE_HOME") or f"{environment['HOME']}/.cache"
    return Path(f"{cache}/hyperhive/claude-{VERSION}")


def find(where: Path) -> Path | None:
    """The program below an install directory, or None."""
    for name in PROGRAMS:
        path = where / name
        if path.is_file():
            with path.open("rb") as file:
                if file.read(4) == ELF:
                    return path
    return None


def install(environment: Mapping[str, str] = os.environ) -> Path:
    """Installs the CLI unless it is there; gives back the path of its executable.

    `environment` is the one npm runs in. Raises RuntimeError with what is missing, or with what npm
    said, or when the program is not of the pinned version.
    """
    where = place(environment)
    if not find(where):
        where.parent.mkdir(parents=True, exist_ok=True)
        with (where.parent / f"{where.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not find(where):  # another run may have done it while we waited
                _fetch(where, environment)
    program = find(where)
    if program is None:
        raise RuntimeError(
            f"{where} holds no claude program for this machine; remove it, try again"
        )
    said = subprocess.run(
        [program, "--version"], capture_output=True, text=True, check=False
    ).stdout
    if said.split()[:1] != [VERSION]:
        raise RuntimeError(f"{program} says it is {said.strip()!r}, wanted {VERSION}")
    return program


def _fetch(where: Path, environment: Mapping[str, str]) -> None:
    npm = shutil.which("npm", path=environment.get("PATH"))
    if npm is None:
        raise RuntimeError("npm is missing: apt-get install npm")
    # Made beside its final place and renamed, so that a killed install leaves nothing half-done there.
    with tempfile.TemporaryDirectory(dir=where.parent, prefix=f".{where.name}.") as staging:
        command = [
            npm,
            "install",
            "--prefix",
            staging,
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ]
        done = subprocess.run(
            [*command, f"{PACKAGE}@{VERSION}"],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            umask=0o022,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"npm could not install {PACKAGE}@{VERSION}: {done.stderr.strip()}")
        os.chmod(staging, 0o755)
        shutil.rmtree(where, ignore_errors=True)
        os.rename(staging, where)
        os.mkdir(staging)  # TemporaryDirectory wants something to remove


if __name__ == "__main__":
    try:
        print(install())
    except RuntimeError as error:
        sys.exit(str(error))
