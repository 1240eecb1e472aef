"""Safe display of untrusted text: what an agent, a repository or a model wrote never steers a terminal."""

_KEEP = frozenset("\n\t")


def visible(text: object, *, one_line: bool = False) -> str:
    """The text with every control, bidirectional, zero-width and unassigned character written as an escape.

    `one_line` also writes newline and tab as escapes, for tables and single-line messages.
    """
    if not isinstance(text, str):  # a row may hold anything, and its reader shows it all the same
        text = repr(text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or (char in _KEEP and not one_line) else _escape(char)
        for char in text
    )


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def shortened(text: object, width: int) -> str:
    """One visible line of at most `width` characters, with … where it was cut."""
    line = visible(text, one_line=True)
    return line if len(line) <= width else line[: max(0, width - 1)] + "…"
