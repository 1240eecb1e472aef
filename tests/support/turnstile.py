"""A room that many may be in at once, or one alone: who asks to be alone is let in once the others have left.

The room is a lock file that all hold shared and one holds alone; the turnstile is a second one that everybody passes on
the way in, and in which who asks to be alone stands: nobody slips past, so that one does not wait for ever. The kernel
gives up the locks of a process that has died.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Turnstile:
    """The door of the room whose lock files lie in `directory`; each process has its own."""

    def __init__(self, directory: Path) -> None:
        self._turnstile, self._room = (
            os.open(directory / name, os.O_RDWR | os.O_CREAT, 0o600)
            for name in ("turnstile", "room")
        )

    @contextmanager
    def inside(self, *, alone: bool) -> Iterator[None]:
        """In the room for as long as the block runs; waits for those who are in the way."""
        # Unlocked by name, not by closing: a child that outlives the block may have inherited the descriptors.
        fcntl.flock(self._turnstile, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            if not alone:
                fcntl.flock(self._turnstile, fcntl.LOCK_UN)
            yield
        finally:
            fcntl.flock(self._room, fcntl.LOCK_UN)
            fcntl.flock(self._turnstile, fcntl.LOCK_UN)
