"""What of a line of somebody else's text an eye would not see, or would take for something else.

base/text.py keeps a text from steering a terminal. Whoever decides about a text needs more: blanks at a line's end,
letters that only look like Latin ones, characters that take no room, text pushed out of sight.
"""

import re
import unicodedata

_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
)
"""Characters that Unicode calls printable and that show nothing: fillers, variation selectors."""

_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LIKE_LATIN = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "LISU", "FULLWIDTH", "MATHEMATICAL")
_WORD = re.compile(r"\w+")
_BLANKS = re.compile(r"(?<=\S) {40,}(?=\S)|^ {120,}(?=\S)")
"""Blanks that push what follows them out of the window."""


def seen(line: str, *, one_line: bool = True) -> str:
    """The line with all that could deceive an eye written as an escape; a byte that was no UTF-8 (a lone surrogate, as
    `surrogateescape` makes them) as `\\xNN`. A tab stays a tab unless `one_line`, blanks stay blanks."""
    if line.isascii() and line.isprintable():
        return line
    hidden = _hidden_places(line)
    kept = "" if one_line else "\t"
    return "".join(
        _escape(char) if place in hidden or not (char.isprintable() or char in kept) else char
        for place, char in enumerate(line)
    )


def seen_name(name: str) -> str:
    """A file's name in ASCII: whatever is not is an escape, for two names may look the same. Blanks at its ends too."""
    shown = "".join(char if " " <= char <= "~" else _escape(char) for char in name)
    core = shown.strip(" ")
    lead, trail = len(shown) - len(shown.lstrip(" ")), len(shown) - len(shown.rstrip(" "))
    return "\\x20" * lead + core + "\\x20" * (trail if core else 0)


def deceptions(line: str) -> list[str]:
    """What in this line deceives an eye, in words; a carriage return at its end is not counted, CRLF is a habit."""
    line = line.removesuffix("\r")
    found = ["text pushed out of sight by blanks"] if _BLANKS.search(line) else []
    if line.isascii() and line.isprintable():
        return found
    odd = [char for char in line if not char.isprintable() and char != "\t"]
    if any("\udc80" <= char <= "\udcff" for char in odd):
        found.append("bytes that are no UTF-8")
    if any(unicodedata.category(char) == "Cc" for char in odd):
        found.append("control characters")
    if _TURNING.intersection(odd):
        found.append("characters that turn the direction of reading")
    rest = {char for char in odd if unicodedata.category(char) != "Cc"} - _TURNING
    if _INVISIBLE.intersection(line) or any(not "\udc80" <= char <= "\udcff" for char in rest):
        found.append("invisible characters or odd blanks")
    if _mixed_direction(line):
        found.append("letters that are read from right to left beside Latin ones")
    elif any(line[place] not in _INVISIBLE for place in _hidden_places(line)):
        found.append("letters of another script that look like Latin ones, or stacked marks")
    return found


def name_deceives(name: str) -> bool:
    """Whether a file's name has anything but plain ASCII, or blanks at its ends."""
    return seen_name(name) != name


def crowded(line: str) -> str:
    """The line with long runs of blanks inside it replaced by their number, so that what follows stays in sight."""
    return _BLANKS.sub(lambda found: f"[{len(found.group())} blanks]", line)


def _hidden_places(line: str) -> set[int]:
    """Where in the line characters stand that print nothing, pile up, pose as Latin letters, or turn those around."""
    if line.isascii():
        return set()
    places = {place for place, char in enumerate(line) if char in _INVISIBLE}
    if _mixed_direction(line):
        places.update(place for place, char in enumerate(line) if _leftwards(char))
    piled = True  # at the beginning there is nothing that a mark could be on
    for place, char in enumerate(line):
        mark = unicodedata.category(char) in ("Mn", "Me")
        if mark and piled:
            places.add(place)
        piled = mark
    for word in _WORD.finditer(line):
        if any(char.isascii() and char.isalpha() for char in word.group()):
            places.update(place for place in range(*word.span()) if _poses_as_latin(line[place]))
    return places


def _leftwards(char: str) -> bool:
    return unicodedata.bidirectional(char) in ("R", "AL", "AN")


def _mixed_direction(line: str) -> bool:
    """Whether a terminal may show parts of the line in another order than they stand in."""
    return any(map(_leftwards, line)) and any(char.isascii() and char.isalnum() for char in line)


def _poses_as_latin(char: str) -> bool:
    return not char.isascii() and unicodedata.name(char, "").startswith(_LIKE_LATIN)


def _escape(char: str) -> str:
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    if char.isascii() and char.isprintable():
        return f"\\x{ord(char):02x}"
    return char.encode("unicode_escape").decode("ascii")
