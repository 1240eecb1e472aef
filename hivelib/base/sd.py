"""What a process that systemd started has from it: inherited descriptors and the notification socket."""

import os
from contextlib import suppress

FIRST = 3
"""The first inherited descriptor (sd_listen_fds(3))."""


def inherited() -> list[int]:
    """The descriptors handed over by systemd, in the unit's order; empty when started by hand."""
    count = int(os.environ.get("LISTEN_FDS") or 0)
    if os.environ.get("LISTEN_PID") not in (None, str(os.getpid())):
        return []
    for fd in range(FIRST, FIRST + count):
        os.set_inheritable(fd, False)
    return list(range(FIRST, FIRST + count))


def credential(name: str) -> str:
    """The path of a secret that the unit was given (LoadCredential=), empty when it was given none of that name."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    path = f"{directory}/{name}"
    return path if directory and os.path.exists(path) else ""


def notify(state: str) -> None:
    """Tells the manager `READY=1`, `STATUS=…`, `WATCHDOG=1` (sd_notify(3)); silent when nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    import socket  # 25 ms: only services that notify pay it

    if address.startswith("@"):
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(state.encode(), address)


def watchdog_seconds() -> float:
    """Within how many seconds the manager wants to hear `WATCHDOG=1` again (sd_watchdog_enabled(3)); 0: never."""
    if os.environ.get("WATCHDOG_PID") not in (None, str(os.getpid())):
        return 0.0
    return int(os.environ.get("WATCHDOG_USEC") or 0) / 1e6
