"""A cache of what was drawn, bounded by characters and not by entries: who writes it chooses how long each is."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import wraps
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def kept(most: int) -> Callable[[Callable[[Key], str]], Callable[[Key], str]]:
    """Keeps what a function of one thing gave back, `most` characters of it in all, those used last; for any thread.

    What alone is over an eighth of that is not kept: one long text must not push out all others.
    """

    def decorated(function: Callable[[Key], str]) -> Callable[[Key], str]:
        found: OrderedDict[Key, str] = OrderedDict()
        lock = threading.Lock()
        size = 0

        @wraps(function)
        def known(key: Key) -> str:
            nonlocal size
            with lock:
                if key in found:
                    found.move_to_end(key)
                    return found[key]
            made = function(key)
            if len(made) > most // 8:
                return made
            with lock:
                if key not in found:
                    found[key] = made
                    size += len(made)
                while size > most:
                    size -= len(found.popitem(last=False)[1])
            return made

        return known

    return decorated
