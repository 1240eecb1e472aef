"""Root's one door: who calls, as the kernel tells it; one line within a few seconds; one line back."""

import os
import socket
import struct
from contextlib import suppress

from hivelib.base import clock, users
from hivelib.base.config import config_path, load_settings
from hivelib.base.errors import HiveError, Misuse, Refused
from hivelib.base.text import shortened
from hivelib.flow import obeying
from hivelib.model import root_line
from hivelib.model.settings import Settings

READ_SECONDS = 5.0
"""From the connection to the end of what the caller sends."""
REASON_MOST = 200
"""Characters of a reason."""


def serve(
    link: socket.socket, host: obeying.Host = obeying.NIXOS, seconds: float = READ_SECONDS
) -> str:
    """Hears one line on a connection and answers it: `ok`, `refused REASON` (nothing was done) or `failed REASON`.

    Gives back who asked, what and the answer, for the journal.
    """
    line: root_line.RootLine | None = None
    uid = -1
    try:
        uid = _peer(link)
        settings = _settings()
        hive, git = users.of(settings.root.user).uid, users.of(settings.root.git_user).uid
        if uid not in (hive, git):
            raise Refused(f"this door is not for uid {uid}")
        line = _line(link, seconds)
        if reason := root_line.why_not(line, uid, hive, git):
            raise Refused(reason)
        obeying.obey(settings, line, host)
        answer = "ok"
    except Refused as error:
        answer = f"refused {shortened(str(error), REASON_MOST)}"
    except (HiveError, OSError) as error:
        answer = f"failed {shortened(str(error), REASON_MOST)}"
    with suppress(OSError):  # who has hung up does not want to know
        link.settimeout(READ_SECONDS)
        link.sendall(f"{answer}\n".encode())
    asked = root_line.spoken(line).decode().strip() if line else "a line"
    return f"uid {uid}: {asked}: {answer}"


def _peer(link: socket.socket) -> int:
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return int(uid)


def _settings() -> Settings:
    """Root's own settings: the file must be root's and nobody else's to write. Raises Misuse when it is not."""
    path = config_path()
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        found = os.fstat(file)
        if found.st_uid != 0 or found.st_mode & 0o022:
            raise Misuse(f"{path} is not root's alone to write")
        return load_settings(
            f"/proc/self/fd/{file}"
        )  # the file that was looked at, whatever its name is by now
    finally:
        os.close(file)


def _line(link: socket.socket, seconds: float) -> root_line.RootLine:
    """What the caller sends until it closes its side, if that is a line; Refused with the reason if not."""
    data, until = b"", clock.monotonic() + seconds
    while len(data) <= root_line.LINE_MOST:
        link.settimeout(max(0.001, until - clock.monotonic()))
        try:
            part = link.recv(root_line.LINE_MOST + 1 - len(data))
        except TimeoutError:
            raise Refused(f"no whole line within {seconds:g} s") from None
        if not part:
            break
        data += part
        if clock.monotonic() >= until:
            raise Refused(f"no whole line within {seconds:g} s")
    line = root_line.read(data)
    if isinstance(line, str):
        raise Refused(line)
    return line
