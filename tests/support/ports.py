"""Ports of the loopback for servers that a test starts in another process."""

import socket
from collections import deque

HELD: deque[socket.socket] = deque()
MOST = 100
"""More than one test asks for; those of tests that are over are given back."""


def free_port() -> int:
    """A port that is nobody else's for as long as the test runs, though its server comes later.

    It stays bound here, unheard: the kernel gives it to no connection and to no bind to port 0, but to a server that
    asks for it with SO_REUSEADDR, as systemd's and Python's do.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    HELD.append(held)
    if len(HELD) > MOST:
        HELD.popleft().close()
    return int(held.getsockname()[1])
