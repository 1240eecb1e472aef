"""Runs a tool of bin/ in a child of the test's own process: all is imported there, so hundreds of runs are cheap."""

import os
import runpy
import select
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import NamedTuple, NoReturn

from tests.support.source import ROOT


class Ran(NamedTuple):
    """How a tool ended: its exit status (negative: the signal that ended it) and what it wrote."""

    status: int
    out: str
    err: str


def run(tool: str, words: Sequence[str], environment: Mapping[str, str], seconds: int = 10) -> Ran:
    """Runs bin/TOOL with no stdin and this environment alone; a SIGALRM ends it after so many seconds."""
    pipes = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        _become(tool, words, environment, pipes[0][1], pipes[1][1], seconds)
    for _, end in pipes:
        os.close(end)
    out, err = _read(pipes[0][0], pipes[1][0])
    return Ran(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), out, err)


def _become(
    tool: str,
    words: Sequence[str],
    environment: Mapping[str, str],
    out: int,
    err: int,
    seconds: int,
) -> NoReturn:
    status = 70
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.alarm(seconds)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for there, here in ((nothing, 0), (out, 1), (err, 2)):
            os.dup2(there, here)
        os.closerange(3, 256)
        sys.stdin, sys.stdout, sys.stderr = map(os.fdopen, (0, 1, 2), "rww")
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(environment["HOME"])
        path = str(ROOT / "bin" / tool)
        sys.argv = [path, *words]
        status = 0
        runpy.run_path(path, run_name="__main__")
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:  # noqa: BLE001  what a process of its own would end with
        traceback.print_exc()
        status = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _read(*pipes: int) -> list[str]:
    found = dict.fromkeys(pipes, b"")
    open_ones = set(pipes)
    while open_ones:
        for pipe in select.select(list(open_ones), [], [])[0]:
            if data := os.read(pipe, 65536):
                found[pipe] += data
            else:
                open_ones.discard(pipe)
                os.close(pipe)
    return [found[pipe].decode(errors="backslashreplace") for pipe in pipes]
