"""What systemd says of a box that ended badly: small files below the runtime directory, one for each time.

`hive-crash-note` writes them, which the box's unit runs when it has ended; a hive-turn whose claude the kernel killed
for want of memory leaves one too, for then the box itself ends well. Nothing in them comes from a box.
"""

import os
from contextlib import suppress

from hivelib.base.paths import Paths
from hivelib.model.crashing import Note
from hivelib.model.names import is_name

_MOST = 256  # bytes of a note


def found(paths: Paths) -> list[Note]:
    """All notes, oldest first; what is none, or not finished yet, is left out."""
    notes = []
    with suppress(FileNotFoundError):
        for file in os.listdir(paths.crashed):
            name, _, key = file.partition(".")
            if key and (is_name(name)) and (note := _read(f"{paths.crashed}/{file}", name, key)):
                notes.append(note)
    return sorted(notes, key=lambda note: note.at)


def _read(path: str, name: str, key: str) -> Note | None:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            at, text = os.fstat(file.fileno()).st_mtime, file.read(_MOST)
    except OSError:
        return None
    words = text.split()
    if not text.endswith("\n") or len(words) != 4 or not words[3].isdigit():
        return None
    result, code, status, starved = words
    return Note(name, key, at, result, code, status, int(starved))


def leave(paths: Paths, name: str, key: str, code: str, status: str, starved: int) -> None:
    """Leaves a note about a box that ends well though what ran in it did not; silent on a full disk."""
    with suppress(OSError):
        os.makedirs(paths.crashed, mode=0o770, exist_ok=True)
        hidden = f"{paths.crashed}/.{name}.{key}"
        with open(hidden, "w", encoding="ascii") as file:
            file.write(f"success {code} {status} {starved}\n")
        os.rename(hidden, f"{paths.crashed}/{name}.{key}")


def drop(paths: Paths, note: Note) -> None:
    """Removes a note that was told, or has nothing to tell."""
    with suppress(FileNotFoundError):
        os.unlink(f"{paths.crashed}/{note.agent}.{note.key}")
