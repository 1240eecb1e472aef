"""A process that does nothing but sleep to instants of the wall clock by timerfd, and says how late it woke.

usage: python -m tests.bench.bare_timer    (instants in UTC seconds on stdin, one a line; seconds late on stdout)
"""

import ctypes
import os
import sys
import time

ABSOLUTE = 1


def main() -> None:
    """One instant after the other."""
    libc = ctypes.CDLL(None)
    timer = libc.timerfd_create(time.CLOCK_REALTIME, os.O_CLOEXEC)
    for line in sys.stdin:
        at = float(line)
        spec = (ctypes.c_int64 * 4)(0, 0, int(at), int(at % 1 * 1e9))
        libc.timerfd_settime(timer, ABSOLUTE, ctypes.byref(spec), None)
        os.read(timer, 8)
        print(time.time() - at, flush=True)


if __name__ == "__main__":
    main()
