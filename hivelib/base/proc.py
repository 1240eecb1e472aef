"""Runs other programs: an argv in, status and output out; no shell, no terminal. The only importer of `sh`."""

from collections.abc import Mapping, Sequence
from typing import IO, Any, NamedTuple

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
    import threading

    import sh  # 80 ms: only who runs programs pays it

    try:
        command = sh.Command(argv[0])
    except sh.CommandNotFound:
        raise HiveError(
            f"no program {argv[0]} on this machine", "`hive-doctor` says more"
        ) from None
    late = threading.Event()
    try:
        running: Any = command(
            *argv[1:],
            _env=None if env is None else dict(env),
            _in=stdin or None,
            _tty_out=False,
            _return_cmd=True,
            _bg=True,
            _bg_exc=False,
        )

        def stop() -> None:
            late.set()
            running.kill()

        # Not sh's own _timeout: that looks ten times a second whether the program has ended, so each took 100 ms.
        timer = threading.Timer(seconds, stop) if seconds is not None else None
        try:
            if timer:
                timer.start()
            ended = running.wait()
        finally:
            if timer:
                timer.cancel()
    except sh.ErrorReturnCode as error:
        if late.is_set():
            raise NotNow(f"{argv[0]} took longer than {seconds:g} s") from None
        ended = error
    out = ended.stdout.decode("utf-8", "surrogateescape" if exact else "replace")
    done = Done(int(ended.exit_code), out, ended.stderr.decode("utf-8", "replace"))
    if check and done.status:
        lines = (done.err.strip() or done.out.strip()).splitlines() or [f"status {done.status}"]
        raise HiveError(f"{' '.join(argv[:3])}: {lines[-1]}")
    return done
