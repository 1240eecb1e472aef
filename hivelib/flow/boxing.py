"""Entering a box: what hive-exec@NAME.service does before hive-exec runs inside."""

import os
import resource
import sys
from typing import NoReturn

from hivelib.base.config import load_settings
from hivelib.base.errors import HiveError
from hivelib.host.boxes import bwrap


def enter(name: str, bin_dir: str) -> NoReturn:
    """Become the box of agent `name`; descriptor 0, the listening exec.sock, goes along.

    `bin_dir` is where our programs lie. Raises HiveError when the box can't be: as root, or without bubblewrap.
    """
    settings = load_settings()
    argv = bwrap.argv(settings, name, bin_dir, bwrap.System.of_host(), os.geteuid())
    # No single file may be larger than the agent's whole share; and a crash leaves no copy of its memory.
    for limit, most in (
        (resource.RLIMIT_FSIZE, settings.box.disk_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(limit)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (allowed, allowed))
    sys.stdout.flush()
    try:
        os.execvp(argv[0], argv)
    except FileNotFoundError:
        raise HiveError(
            "no program bwrap on this machine", "install bubblewrap 0.8 or newer"
        ) from None
