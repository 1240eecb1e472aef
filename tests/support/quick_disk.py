"""Where the tests' own files are: in memory where there is room (tests/flow takes 92 s there, 118 s on a disk).

What is asked of them is the same there, but for two things: what a box writes counts as memory of it, and a sync costs
nothing. A test for which one of them matters is marked `disk`.
"""

import os

PLACE = "/dev/shm"
ROOM = 4 << 30
"""Bytes that must be free; a whole run took 0.3 GiB at most."""


def directory() -> str:
    """A value for TMPDIR: what is set, or the place in memory if programs may be run and there is room; else empty."""
    given = os.environ.get("TMPDIR", "")
    try:
        found = os.statvfs(PLACE)
    except OSError:
        return given
    fits = found.f_bavail * found.f_frsize >= ROOM and not found.f_flag & os.ST_NOEXEC
    return given or (PLACE if fits and os.access(PLACE, os.W_OK) else "")
