"""The one family of errors, and the exit code each one means (SPEC section 10).

0 done, or already so · 1 refused or foreseen · 2 called wrongly · 3 a bug · 75 not now, try again · 130 interrupted.
"""

import os


class HiveError(Exception):
    """A foreseen failure: one line of what was wrong and, as `hint`, one line of what to do."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class Refused(HiveError):
    """A rule says no."""


class Misuse(HiveError):
    """Called wrongly: bad arguments, bad settings."""

    exit_code = 2


class NotNow(HiveError):
    """Not possible at the moment: the same call may go through later (disk full, host side away)."""

    exit_code = 75


class Replaced(NotNow):
    """The file that was opened is not the one that lies there now: who goes on with it works for nobody."""


def explained(error: OSError) -> HiveError:
    """What the kernel said, in a line; NotNow when the same may go through later (a full disk, a limit)."""
    import errno

    later = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EIO}
    where = f": {os.fsdecode(error.filename)}" if error.filename else ""
    words = f"{(error.strerror or str(error)).lower()}{where}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NotNow(words, "make room and try again")
    if error.errno == errno.EROFS:
        return NotNow(words, "look why it is mounted so: the machine's log says")
    if error.errno in (errno.EACCES, errno.EPERM):
        return HiveError(words, "run as its owner, or look at its mode")
    return (
        NotNow(words, "try again")
        if error.errno in later
        else HiveError(words, "look what lies there")
    )
