"""The clock: nobody else asks for the time. Deadlines re-read the wall clock when woken, for it may jump."""

import time
from collections.abc import Callable

now = time.time
"""UTC seconds with fractions."""

monotonic = time.monotonic
"""Seconds for measuring spans and for waiting; never stored."""


def boot() -> str:
    """Names this boot of the machine: another one means that the machine was off in between."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def iso(at: float) -> str:
    """UTC seconds as `2026-11-22T15:31:13Z`, for people."""
    return _shown("%Y-%m-%dT%H:%M:%SZ", time.gmtime, at)


def full(at: float) -> str:
    """UTC seconds as the machine's local `2026-11-22 15:31:13 CET`, for what is decided about."""
    return _shown("%Y-%m-%d %H:%M:%S %Z", time.localtime, at)


def local(at: float) -> str:
    """UTC seconds as the machine's local `11-22 15:31:13`, for tables."""
    return _shown("%m-%d %H:%M:%S", time.localtime, at)


def _shown(form: str, parts: Callable[[float], time.struct_time], at: float) -> str:
    """What is no time, for a row may hold anything, is shown as it is."""
    try:
        return time.strftime(form, parts(at))
    except (TypeError, ValueError, OverflowError, OSError):
        return repr(at)
