"""Has the sandbox (`hive-fetch`) look at a proposed repository, and takes the pack that it hands on.

The sandbox has read hostile bytes, so its answer may be hostile too: bounded in size and time, parsed strictly.
"""

import json
import os
import re
import socket
import struct
import tempfile
from typing import Any, NamedTuple

from hivelib.base import clock
from hivelib.base.errors import HiveError, NotNow, Refused
from hivelib.base.paths import Paths
from hivelib.base.text import shortened
from hivelib.model.settings import Settings

_LINE_MOST = 16 << 10
_CHUNK = 1 << 18
_COMMIT, _HASH = re.compile(r"[0-9a-f]{40}"), re.compile(r"([0-9a-f]{64})?")
_AGAIN = "`git gc` in it and submit again; the log of hive-fetch may say more"


class Fetched(NamedTuple):
    """What was looked at and found good: a commit, and the SHA-256 of its flake.lock (empty: it has none).

    `pack` is the path of a file of ours with all that the commit reaches; the caller removes it.
    """

    commit: str
    lock_hash: str
    pack: str


def fetch(settings: Settings, agent: str, ref: str, into: str) -> Fetched:
    """Looks at `ref` (a branch, a commit, HEAD) of an agent's proposed repository; writes the pack into `into`.

    Raises NotNow when nobody is there to look. All else is Refused, with the reason: also a look that took too long
    or broke off, for what made it so would do it again, and must not keep the next one waiting.
    """
    limits = settings.approvals
    until = clock.monotonic() + limits.fetch_seconds
    try:
        link = _connected(Paths.of(settings).fetch)
    except OSError as error:
        raise NotNow(
            f"the sandbox is away: {error.strerror or error}", "`hive-doctor` says more"
        ) from None
    look = {"agent": agent, "ref": ref, "bytes": limits.fetch_bytes, "files": limits.files_most}
    try:
        with link:
            _wait(link, until)
            link.sendall(json.dumps(look).encode() + b"\n")
            return _answer(link, until, limits.fetch_bytes, into)
    except TimeoutError:
        raise Refused(f"the look took longer than {limits.fetch_seconds:g} s", _AGAIN) from None
    except ConnectionError:
        raise Refused("the sandbox died", _AGAIN) from None


def _connected(path: str) -> socket.socket:
    """A connection to the sandbox's socket, which only this user's or the system's manager may hold."""
    place = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    link = socket.socket(socket.AF_UNIX)
    try:
        link.connect(f"/proc/self/fd/{place}")
        _, uid, _ = struct.unpack("3i", link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid not in (0, os.geteuid()):
            raise HiveError(f"{path} belongs to uid {uid}", "`hive-doctor` looks at the units")
    except BaseException:
        link.close()
        raise
    finally:
        os.close(place)
    return link


def _wait(link: socket.socket, until: float) -> None:
    """Gives what is done next with the link the time that is left."""
    left = until - clock.monotonic()
    if left <= 0:
        raise TimeoutError
    link.settimeout(left)


def _answer(link: socket.socket, until: float, most: int, into: str) -> Fetched:
    data = b""
    while b"\n" not in data:
        part = _more(link, until)
        data += part
        if not part or (b"\n" not in data and len(data) > _LINE_MOST):
            raise Refused("the sandbox died, or spoke nonsense", _AGAIN)
    line, _, rest = data.partition(b"\n")
    said = _parsed(line)
    commit, lock_hash, size = (said.get(key) for key in ("commit", "lock_hash", "size"))
    if not isinstance(commit, str) or not isinstance(lock_hash, str) or type(size) is not int:
        raise Refused("the sandbox spoke nonsense", _AGAIN)
    if not _COMMIT.fullmatch(commit) or not _HASH.fullmatch(lock_hash) or not 0 < size <= most:
        raise Refused("the sandbox spoke nonsense", _AGAIN)
    return Fetched(commit, lock_hash, _pack(link, until, rest, size, into))


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise Refused("the sandbox spoke nonsense", _AGAIN)
    if "refused" in said:
        raise Refused(
            shortened(str(said["refused"]), 1000), shortened(str(said.get("hint", "")), 300)
        )
    return said


def _pack(link: socket.socket, until: float, data: bytes, size: int, into: str) -> str:
    """Writes exactly `size` bytes, of which `data` have come already, into a new file; with fewer no file stays."""
    number, path = tempfile.mkstemp(".pack", "fetched-", into)
    try:
        with open(number, "wb") as file:
            while size > 0 and (data or (data := _more(link, until))):
                size -= len(data)
                file.write(data)
                data = b""
        if size < 0:
            raise Refused("the sandbox sent more than it said", _AGAIN)
        if size:
            raise Refused("the sandbox died while it sent the pack", _AGAIN)
    except BaseException:
        os.unlink(path)
        raise
    return path


def _more(link: socket.socket, until: float) -> bytes:
    _wait(link, until)
    return link.recv(_CHUNK)
