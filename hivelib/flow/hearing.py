"""Whether mail that was just sent can wake anybody now. On the way of `hive-send`: imports nothing that costs."""

import os
from collections.abc import Iterable

from hivelib.flow.opening import Hive
from hivelib.model.names import OPERATOR


def deaf(hive: Hive, names: Iterable[str]) -> list[str]:
    """Those of the agents `names` whose bell nobody listens to: they are stopped, or the hive is down."""
    return [name for name in names if name != OPERATOR and not _heard(hive, name)]


def _heard(hive: Hive, name: str) -> bool:
    topic = f"{hive.paths.bell}/turn.{name}"
    try:
        return any(_listens(f"{topic}/{listener}") for listener in os.listdir(topic))
    except FileNotFoundError:
        return False
    except OSError:
        return True  # not ours to say


def _listens(fifo: str) -> bool:
    try:  # opening rings nobody, and for writing alone it takes a listener
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError:
        return False
    return True
