"""What units wrote: from journald, or from log files where the hive's own manager has no journal."""

import os
from collections.abc import Sequence

from hivelib.base.paths import Paths
from hivelib.model.settings import Settings

TAIL = 256 * 1024  # bytes at the end of a log file in which the newest lines are looked for


def newest(settings: Settings, units: Sequence[str], lines: int) -> list[str]:
    """The newest `lines` lines of some units, oldest first; HiveError when journalctl fails.

    Log files carry no times: there the units' lines follow each other, each with its unit in front.
    """
    if not settings.log_dir:
        return _from_journal(settings, units, lines)
    found = []
    for unit in units:
        stem = unit.rpartition(".")[0]
        tail = _tail(Paths.of(settings).unit_log(stem), lines)
        found += [f"{stem}: {line}" for line in tail]
    return found


def _from_journal(settings: Settings, units: Sequence[str], lines: int) -> list[str]:
    from hivelib.base.proc import run

    scope = [] if settings.systemd.scope == "system" else ["--user"]
    which = [word for unit in units for word in ("-u", unit)]
    command = [
        "journalctl",
        *scope,
        "--no-pager",
        "-q",
        "-o",
        "short-iso",
        "-n",
        str(lines),
        *which,
    ]
    return run(command).out.splitlines()


def _tail(path: str, lines: int) -> list[str]:
    try:
        with open(path, "rb") as file:
            start = max(0, os.fstat(file.fileno()).st_size - TAIL)
            file.seek(start)
            text = file.read(TAIL).decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    whole = text.splitlines()[1 if start else 0 :]
    return whole[-lines:] if lines > 0 else []
