"""The alarm: sleeps until the first of a ring, an instant of the wall clock, and a span, and feeds systemd's watchdog.

The instant is a timerfd on the wall clock with TFD_TIMER_CANCEL_ON_SET: it is reached though the machine slept in
between, and when somebody sets the clock the sleeper wakes and reckons anew. A timeout of poll knows neither: it counts
the seconds that the machine was awake.
"""

import ctypes
import errno
import os
import select
from typing import Self

from hivelib.base import clock
from hivelib.base.bell import Listener, drain
from hivelib.base.sd import notify, watchdog_seconds

NEVER = float("inf")
"""An instant that does not come."""

_CLOCK_REALTIME = 0
_ABSOLUTE, _CANCEL_ON_SET = 1, 2
_FLAGS = os.O_CLOEXEC | os.O_NONBLOCK
_LATEST = 2.0**40
"""No later instant is armed: the kernel's seconds end at 2**63, those of file systems and people much earlier."""


class _Spec(ctypes.Structure):
    """struct itimerspec: the interval, then the instant, each as seconds and nanoseconds."""

    _fields_ = [(name, ctypes.c_int64) for name in ("every_s", "every_ns", "at_s", "at_ns")]


class Alarm:
    """Wakes whoever listens to `listener`, which it does not close. Use as a context manager."""

    def __init__(self, listener: Listener) -> None:
        """Raises OSError when the kernel has no descriptor left."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._listener = listener
        self._timer: int = self._libc.timerfd_create(_CLOCK_REALTIME, _FLAGS)
        if self._timer < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._poller = select.poll()
        for fd in (listener.fileno(), self._timer):
            self._poller.register(fd, select.POLLIN)
        self._ping_every = watchdog_seconds() / 2
        self._ping_at = clock.monotonic()

    def wait(self, at: float, seconds: float = NEVER) -> None:
        """Sleeps until it rings, until the wall clock shows `at` (UTC seconds) or was set, or for `seconds`.

        An `at` that is past is no sleep. The listener is drained."""
        self._arm(at)
        end = clock.monotonic() + seconds
        while True:
            left = min(end, self._fed()) - clock.monotonic()
            woken = self._poller.poll(None if left == NEVER else max(0.0, left) * 1000)
            if woken or clock.monotonic() >= end:
                drain(self._listener.fileno())
                return

    def _arm(self, at: float) -> None:
        # Zero would disarm it; what is past wakes at once.
        whole, rest = divmod(min(max(at, 1.0), _LATEST), 1.0)
        spec = _Spec(0, 0, int(whole), int(rest * 1e9))
        how = _ABSOLUTE | _CANCEL_ON_SET
        failed = self._libc.timerfd_settime(self._timer, how, ctypes.byref(spec), None)
        # ECANCELED: the clock was set since the last arming, which the kernel says once; armed it is all the same.
        if failed and ctypes.get_errno() != errno.ECANCELED:
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def _fed(self) -> float:
        """Feeds the watchdog when it is time; gives back when it is time again, on the monotonic clock."""
        if not self._ping_every:
            return NEVER
        if clock.monotonic() >= self._ping_at:
            notify("WATCHDOG=1")
            self._ping_at = clock.monotonic() + self._ping_every
        return self._ping_at

    def close(self) -> None:
        """Gives the timer's descriptor back."""
        os.close(self._timer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
