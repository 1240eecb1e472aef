"""Calls a box: the one place that connects to exec.sock, which lies where a box may write."""

import errno
import os
import socket
import stat


def connected(path: str, seconds: float | None = None) -> socket.socket:
    """A connection to the exec.sock at `path`, made within `seconds` if there is such a bound.

    No link is followed, and what was looked at is what is connected to. Raises OSError, whose text says it, when a
    link or anything else but a socket lies there, or nobody listens.
    """
    place = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    link = socket.socket(socket.AF_UNIX)
    try:
        kind = os.fstat(place).st_mode
        if not stat.S_ISSOCK(kind):
            what = "a link, which is not followed" if stat.S_ISLNK(kind) else "no socket"
            raise OSError(errno.ENOTSOCK, f"its {os.path.basename(path)} is {what}")
        link.settimeout(seconds)
        link.connect(f"/proc/self/fd/{place}")
    except OSError:
        link.close()
        raise
    finally:
        os.close(place)
    return link
