"""The one family of errors, and the exit code each one means (SPEC section 10).

0 done, or already so · 1 refused or foreseen · 2 called wrongly · 3 a bug · 75 not now, try again · 130 interrupted.
"""


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
