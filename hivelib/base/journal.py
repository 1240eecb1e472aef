"""What a service says of itself: lines on stderr, which systemd keeps (docs/security.md lists those about attacks)."""

import sys
from contextlib import suppress

from hivelib.base.text import shortened

MOST = 500
"""Characters of a line."""


def note(program: str, text: str) -> None:
    """Writes one line, in which nothing that came from a box can steer a terminal; silent when nobody can take it."""
    with suppress(OSError):  # a full disk: what is noted must not fail for the note
        sys.stderr.write(f"{program}: {shortened(text, MOST)}\n")
        sys.stderr.flush()
