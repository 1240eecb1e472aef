"""What recurs: when it comes next; pure."""

import math


def after(due: float, every: float, now: float) -> tuple[float, int]:
    """The next time of what is due at `due` and every so many seconds: later than `now`, and later than `due` where the
    clock went back; and how many times between passed without being made up for."""
    skipped = max(0, math.floor((now - due) / every))
    following = due + (skipped + 1) * every
    while following <= now:  # the quotient was rounded down
        skipped, following = skipped + 1, following + every
    return following, skipped
