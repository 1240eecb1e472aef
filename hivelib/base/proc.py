"""Runs other programs: an argv in, status and output out; no shell, no terminal.

By subprocess, which starts them with vfork. `sh` forks: in a program that has threads, as hive-mcp and hive-dashboard,
what runs between fork and exec may wait for ever for a lock that another thread held; and it took 55 ms to import, and
5 ms more for each program.
"""

import os
import signal
from collections.abc import Mapping, Sequence
from typing import IO, NamedTuple

from hivelib.base.errors import HiveError, NotNow


class Done(NamedTuple):
    """How a program ended: exit status (negative: the signal that killed it) and what it wrote."""

    status: int
    out: str
    err: str


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: str | IO[bytes] = "",
    seconds: float | None = None,
    check: bool = True,
    exact: bool = False,
) -> Done:
    """Runs `argv` (first word: a path, or a name on PATH) to its end and gives back what came of it.

    `env` replaces the environment; `seconds` is the longest it may take. Raises HiveError when the program is missing
    or, with `check`, ends with another status than 0 (the last line of its stderr is the reason), NotNow when it
    takes too long. Bytes that are no UTF-8 are replaced, or with `exact` kept as lone surrogates.
    """
    import subprocess  # 10 ms: only who runs programs pays it

    from hivelib.base.running import Running

    words = stdin.encode("utf-8", "surrogateescape") if isinstance(stdin, str) else b""
    source: IO[bytes] | int = subprocess.PIPE if words else subprocess.DEVNULL
    try:
        running = Running(
            list(argv),
            env=env,
            stdin=source if isinstance(stdin, str) else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # so that Ctrl-C in a terminal does not stop a git halfway
        )
    except (FileNotFoundError, PermissionError):
        raise HiveError(
            f"no program {argv[0]} on this machine", "`hive-doctor` says more"
        ) from None
    with running:
        try:
            written, said = running.communicate(words or None, seconds)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            raise NotNow(f"{argv[0]} took longer than {seconds:g} s") from None
    out = written.decode("utf-8", "surrogateescape" if exact else "replace")
    done = Done(running.returncode, out, said.decode("utf-8", "replace"))
    if check and done.status:
        lines = (done.err.strip() or done.out.strip()).splitlines() or [f"status {done.status}"]
        raise HiveError(f"{' '.join(argv[:3])}: {lines[-1]}")
    return done
