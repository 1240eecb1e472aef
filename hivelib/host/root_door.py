"""The hive's end of root's door: asks for one thing to be done to one box, and waits until it is."""

import socket

from hivelib.base.errors import HiveError, NotNow, Refused
from hivelib.base.text import shortened
from hivelib.model import root_line

SECONDS = 300.0
"""Longer than hive-root lets its commands take."""
ANSWER_MOST = 1024


def ask(path: str, verb: str, name: str, storepath: str = "") -> None:
    """Asks the door at `path` (`[root] socket` of hive.toml) and returns when it was done.

    Raises Refused when the door, or already the line's grammar, says no; HiveError with the reason when it was tried
    and failed; NotNow when nobody answers: it may have been done, and asking again is harmless.
    """
    line = root_line.spoken(root_line.RootLine(verb, name, storepath))
    if isinstance(why := root_line.read(line), str):
        raise Refused(f"hive-root {verb} {name}: {why}")
    answer = _asked(path, line)
    kind, _, reason = answer.rstrip("\n").partition(" ")
    if answer == "ok\n":
        return
    if kind not in ("refused", "failed") or not answer.endswith("\n"):
        raise NotNow("hive-root gave no answer", "try again")
    raised = Refused if kind == "refused" else HiveError
    raise raised(f"hive-root {verb} {name}: {shortened(reason, ANSWER_MOST)}")


def _asked(path: str, line: bytes) -> str:
    """All that the door answers; empty when it hung up."""
    answer = b""
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(SECONDS)
            link.connect(path)
            link.sendall(line)
            link.shutdown(socket.SHUT_WR)
            while len(answer) < ANSWER_MOST and (part := link.recv(ANSWER_MOST)):
                answer += part
    except OSError as error:
        if not answer:
            reason = error.strerror or "it took too long"
            raise NotNow(f"hive-root cannot be reached: {reason}", "try again") from None
    return answer.decode("utf-8", "replace")
