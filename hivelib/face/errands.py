"""Small work that any thread leaves for a loop's thread, with what wakes that: a descriptor to select on."""

import os
from collections import deque
from collections.abc import Callable


class Errands:
    """Those that wait. Its descriptor can be read while there are some."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._woken = False

    def fileno(self) -> int:
        """The descriptor."""
        return self._wake

    def add(self, work: Callable[[], None]) -> None:
        """Leaves one; from any thread. They are done in the order they came."""
        self._waiting.append(work)
        self._wake_up()

    def do(self) -> None:
        """Does those that wait now; what they leave is for the next round."""
        os.eventfd_read(self._wake)
        self._woken = False  # before looking: who adds from here on wakes again
        for _ in range(len(self._waiting)):
            self._waiting.popleft()()
        if self._waiting:
            self._wake_up()

    def _wake_up(self) -> None:
        if not self._woken:
            self._woken = True
            os.eventfd_write(self._wake, 1)
