"""What needs the operator's eye: a warning stands from its cause to its end, and each of the two is told once."""

from hivelib.base import clock
from hivelib.base.db import Database
from hivelib.model.events import Event, WarningCleared, WarningRaised
from hivelib.store import warnings


def raised(db: Database, subject: str, name: str, why: str, mend: str) -> list[Event]:
    """Raises a warning inside the caller's write transaction; gives back its event, none when it stood already."""
    if not warnings.raise_once(db, name, why, mend, clock.now()):
        return []
    return [WarningRaised(subject, name=name, why=why, mend=mend)]


def cleared(db: Database, subject: str, name: str) -> list[Event]:
    """Takes a warning back inside the caller's write transaction; gives back its event, none when it did not stand."""
    return [WarningCleared(subject, name=name)] if warnings.clear(db, name) else []
