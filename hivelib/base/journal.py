"""What a service says of itself: lines on stderr, which systemd keeps (docs/security.md lists those about attacks)."""

import sys
from collections.abc import Iterable
from contextlib import suppress

from hivelib.base.text import shortened

MOST = 500
"""Characters of a line."""


class _Errors:
    """stderr as a file, for tracebacks: silent when nobody can take them, for who goes on after a bug must not end for
    what it says of it."""

    def write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)

    def writelines(self, texts: Iterable[str]) -> None:
        self.write("".join(texts))

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


ERRORS = _Errors()


def note(program: str, text: str) -> None:
    """Writes one line, in which nothing that came from a box can steer a terminal; silent when nobody can take it."""
    ERRORS.write(f"{program}: {shortened(text, MOST)}\n")
    ERRORS.flush()
