"""Where the tests' own files are: in memory where there is room (tests/flow takes 92 s there, 118 s on a disk).

What is asked of them is the same there, but for two things: what a box writes counts as memory of it, and a sync costs
nothing. A test for which one of them matters is marked `disk`.
"""

import os
import tempfile

PLACE = "/dev/shm"
ROOM = 4 << 30
"""Bytes that must be free; a whole run took 0.3 GiB at most."""


def directory() -> str:
    """The place in memory if programs may be run from there and there is room, else the usual one."""
    usual = tempfile.gettempdir()
    try:
        found = os.statvfs(PLACE)
    except OSError:
        return usual
    fits = found.f_bavail * found.f_frsize >= ROOM and not found.f_flag & os.ST_NOEXEC
    return PLACE if fits and os.access(PLACE, os.W_OK) else usual
