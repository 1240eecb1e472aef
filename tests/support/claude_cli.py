"""The real Claude Code CLI, one pinned version, installed once where every user of the machine can run it.

`python -m tests.support.claude_cli` installs it and prints its path. Only the standard library is
used: bin/hive-check calls this before anything else is there.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support import npm

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
    program = npm.install(f"{PACKAGE}@{VERSION}", f"claude-{VERSION}", find, environment)
    said = subprocess.run(
        [program, "--version"], capture_output=True, text=True, check=False
    ).stdout
    if said.split()[:1] != [VERSION]:
        raise RuntimeError(f"{program} says it is {said.strip()!r}, wanted {VERSION}")
    return program


if __name__ == "__main__":
    try:
        print(install())
    except RuntimeError as error:
        sys.exit(str(error))
