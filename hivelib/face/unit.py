"""What programs have in common that only units start: one line for what went wrong, and the exit status it means."""

import os
import signal
from collections.abc import Callable

from hivelib.base import journal
from hivelib.base.errors import HiveError, explained


def run(name: str, work: Callable[[], None], sit_out: Callable[[], None] | None = None) -> int:
    """Does the work of the unit `name`; gives back the exit status. `sit_out` is called once that
    line is out: a unit that its bell would start again at once waits there."""
    try:
        work()
    except (HiveError, OSError) as error:
        found = error if isinstance(error, HiveError) else explained(error)
        journal.note(name, str(found))
        if sit_out:
            sit_out()
        return found.exit_code
    return 0


def start_anew(name: str, why: HiveError) -> None:
    """Ends this service as systemd would: what it has open is gone for good, and its socket starts it again."""
    journal.note(name, str(why))
    os.kill(os.getpid(), signal.SIGTERM)
