"""Entering a box: what hive-exec@NAME.service does before hive-exec runs inside."""

import os
import resource
import sys
from typing import NoReturn

from hivelib.base.config import load_settings
from hivelib.base.errors import HiveError
from hivelib.base.paths import Paths
from hivelib.host.boxes import profiles, walls
from hivelib.model import names
from hivelib.model.names import MANAGER

TRIAL_LOG_MOST = 64 * 1024
"""Bytes that a trial may say."""


def enter(name: str, bin_dir: str) -> NoReturn:
    """Become the box of agent `name`; descriptor 0, the listening exec.sock, goes along.

    `bin_dir` is where our programs lie. Raises HiveError when the box can't be: as root, or without bubblewrap.
    """
    settings = load_settings()
    configs = _proposed(Paths.of(settings)) if name == MANAGER else []
    system, uid = walls.System.of_host(), os.geteuid()
    argv = walls.argv(settings, name, bin_dir, system, uid, configs)
    # No single file may be larger than the agent's whole share.
    _become(argv, settings.box.disk_bytes)


def trial(name: str, bin_dir: str) -> NoReturn:
    """Become the box in which a build of agent `name` is tried: what hive-trial@NAME.service does.

    What it says goes into the build's log. Raises HiveError as `enter` does.
    """
    settings = load_settings()
    place = Paths.of(settings).build(name, profiles.TRIAL)
    config = f"{place}/{profiles.AGENT}"
    system, uid = walls.System.of_host(), os.geteuid()
    argv = walls.trial_argv(settings, name, bin_dir, system, uid, config)
    how = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    log = os.open(f"{place}/{profiles.LOG}", how, 0o640)
    for stream in (1, 2):
        os.dup2(log, stream)
    _become(argv, TRIAL_LOG_MOST)


def _proposed(paths: Paths) -> list[str]:
    """The agents whose config the manager edits; what else lies there is none of them."""
    place = os.path.dirname(paths.proposed(MANAGER))
    try:
        with os.scandir(place) as entries:
            found = [one.name for one in entries if one.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    return sorted(filter(names.is_name, found))


def _become(argv: list[str], largest: int) -> NoReturn:
    """Runs bubblewrap in the place of this process; no file it writes may be larger than `largest` bytes."""
    # And a crash leaves no copy of its memory.
    for limit, most in ((resource.RLIMIT_FSIZE, largest), (resource.RLIMIT_CORE, 0)):
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
