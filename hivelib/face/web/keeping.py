"""A cache of what was drawn, bounded by its length and not by entries: who writes it chooses how long each is."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sized
from functools import wraps
from typing import TypeVar

LARGE = 8 * 1024
"""A piece of a page from this length on is worth keeping as it goes out: encoded, and compressed."""
Key = TypeVar("Key", bound=Hashable)
Drawn = TypeVar("Drawn", bound=Sized)


def kept(most: int, share: int = 8) -> Callable[[Callable[[Key], Drawn]], Callable[[Key], Drawn]]:
    """Keeps what a function of one thing gave back, `most` characters or bytes of it in all, those used last; for any
    thread. The same thing has the very same object back.

    What alone is over an eighth of that (a `share`th) is not kept: one long text must not push out all others.
    """

    def decorated(function: Callable[[Key], Drawn]) -> Callable[[Key], Drawn]:
        found: OrderedDict[Key, Drawn] = OrderedDict()
        lock = threading.Lock()
        size = 0

        @wraps(function)
        def known(key: Key) -> Drawn:
            nonlocal size
            with lock:
                if key in found:
                    found.move_to_end(key)
                    return found[key]
            made = function(key)
            if len(made) > most // share:
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


SECTION = 600_000, 2
"""Of a section the last few drawings are kept: who loads the page wants how it is now."""


def together(draw: Callable[[Key], str]) -> Callable[[tuple[Key, ...]], str]:
    """What `draw` makes of each of several things, in a row; it is kept too, all of it as one."""

    @kept(*SECTION)
    def drawn(things: tuple[Key, ...]) -> str:
        return "".join(map(draw, things))

    return drawn
