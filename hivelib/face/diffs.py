"""A diff as text for a terminal: what could deceive an eye is made visible first, then it is coloured.

Each line of a file stands behind five columns of ours: two blanks, a mark, a blank, the sign. The mark is `!` where
something was made visible, `↪` where a long line goes on; so no line of a file can pass for a heading of ours.
"""

import os
import shlex
import sys
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from hivelib.model.deceiving import crowded, seen, seen_name
from hivelib.model.diffs import LINK, NONE, PROGRAM, SUBMODULE, ChangedFile, Diff, DiffLine

_TAB = 8
_OURS = 5
_LEAST = 20
"""Columns: of a tab, before each line, and what a line gets of the narrowest terminal."""

RED, YELLOW, BOLD = "red", "yellow", "bold"


class Style(NamedTuple):
    """How to show things: with `colour` or without, lines broken after `width` columns (0: never)."""

    colour: bool
    width: int


PLAIN = Style(False, 0)
Row = tuple[str, str]
"""A line as it is shown: its mark (`!` something was made visible, `↪` it goes on, a blank), its sign and text."""


def style() -> Style:
    """What stdout wants: colour and broken lines on a terminal, unless NO_COLOR is set; neither elsewhere."""
    if not sys.stdout.isatty():
        return PLAIN
    width = os.get_terminal_size(sys.stdout.fileno()).columns
    return Style("NO_COLOR" not in os.environ, max(width, _OURS + _LEAST))


def painted(text: str, colour: str, style: Style) -> str:
    """Text of ours in a colour, where there are colours."""
    if not style.colour:
        return text
    from pygments.console import colorize

    return str(colorize(colour, text))


def quoted(text: str, style: Style, indent: str = "    ") -> str:
    """Words of others behind an indent on every line, also where a line is broken; made visible."""
    return "\n".join(
        f"{indent}{piece}"
        for line in text.split("\n")
        for piece in _pieces(seen(crowded(line)), style.width - len(indent) if style.width else 0)
    )


def diff_text(diff: Diff, repository: str, style: Style = PLAIN) -> str:
    """The whole diff; `repository` is where the contents can be read that are not shown."""
    if not diff.files:
        return "nothing differs"
    return "\n\n".join("\n".join(_file(file, repository, style)) for file in diff.files)


def stat_text(diff: Diff, style: Style = PLAIN) -> str:
    """A line for each file: what happened to it, lines added and deleted."""
    return "\n".join([*(_heading(file, style) for file in diff.files), _sum(diff)])


def _sum(diff: Diff) -> str:
    added, deleted = (
        sum(getattr(file, what) for file in diff.files) for what in ("added", "deleted")
    )
    unshown = sum(bool(file.unshown) for file in diff.files)
    count = f"{len(diff.files)} file{'s' if len(diff.files) != 1 else ''}"
    return f"{count}, +{added} -{deleted} lines{f', {unshown} not shown' if unshown else ''}"


def heading(file: ChangedFile) -> str:
    """What happened to a file, in one line."""
    facts = [file.status]
    if file.old_path != file.path:
        facts.append(f"from {_name(file.old_path)}")
    if file.mode != file.old_mode and file.mode != NONE:
        facts += _mode(file)
    facts.append(file.unshown or f"+{file.added} -{file.deleted}")
    return f"{_name(file.path)}: {', '.join(facts)}"


def _heading(file: ChangedFile, style: Style) -> str:
    pieces = _pieces(heading(file), style.width and style.width - 3)
    return painted(
        "\n".join(f"{'↪  ' if at else '── '}{one}" for at, one in enumerate(pieces)), BOLD, style
    )


def _mode(file: ChangedFile) -> list[str]:
    words = {LINK: "a symbolic link", SUBMODULE: "a submodule", PROGRAM: "executable"}
    if file.mode in words:
        return [words[file.mode]]
    return [f"no longer {words.get(file.old_mode, 'what it was')}"] if file.old_mode != NONE else []


def _name(path: str) -> str:
    """A file's name, marked when it is not what it looks like."""
    name = seen_name(path)
    return name if name == path else f'"{name}" (not plain ASCII)'


def _file(file: ChangedFile, repository: str, style: Style) -> Iterator[str]:
    yield _heading(file, style)
    if file.unshown:
        yield from unshown(file, repository)
    for rows in hunk_rows(file, style):
        yield from _coloured(rows, style)


def hunk_rows(file: ChangedFile, style: Style = PLAIN) -> Iterator[list[Row]]:
    """For each hunk of a file its rows, the first of them where it is; what could deceive an eye is visible."""
    mixed = _mixes_tabs(file)
    for hunk in file.hunks:
        places = f"@@ -{hunk.old_start},{hunk.old_length} +{hunk.start},{hunk.length} @@"
        yield [(" ", places), *_rows(hunk.lines, mixed, style)]


def unshown(file: ChangedFile, repository: str) -> Iterator[str]:
    """Lines that say why a file's text is not shown, what it is, and how to see it."""
    if file.mode != NONE:
        was = f" (was {file.old_size:,} bytes, {file.old_blob})" if file.old_mode != NONE else ""
        yield f"    not shown: {file.unshown}; {file.size:,} bytes, git's hash {file.blob}{was}"
    else:
        yield f"    not shown: {file.unshown}; had {file.old_size:,} bytes, git's hash {file.old_blob}"
    if SUBMODULE not in (file.mode, file.old_mode):
        blob = file.old_blob if file.mode == NONE else file.blob
        yield f"    to see it: git --git-dir={shlex.quote(repository)} cat-file blob {blob} > FILE"


def _mixes_tabs(file: ChangedFile) -> bool:
    """Whether some lines of a file begin with tabs and others with blanks, or one with both."""
    begins = [
        line.text[: len(line.text) - len(line.text.lstrip(" \t"))]
        for hunk in file.hunks
        for line in hunk.lines
    ]
    return any("\t" in begin for begin in begins) and any(
        "  " in begin or " \t" in begin for begin in begins
    )


def _rows(lines: Iterable[DiffLine], mixed: bool, style: Style) -> Iterator[Row]:
    """For each line to show the mark, and sign and text."""
    for line in lines:
        if line.sign == "\\":
            yield " ", "\\ no newline at the end"
            continue
        shown, marked = _line(line.text, mixed)
        for at, piece in enumerate(_pieces(shown, style.width and style.width - _OURS)):
            yield ("↪" if at else "!" if marked else " "), line.sign + piece


def _line(text: str, mixed: bool) -> tuple[str, bool]:
    """A line of a file as it is shown, and whether that is anything else than what it is."""
    body = text.rstrip(" \t")
    tail = text[len(body) :].replace(" ", "·").replace("\t", "→")
    shown = seen(crowded(body), one_line=False)
    changed = shown != body or bool(tail)
    core = shown.lstrip(" \t")
    begin = shown[: len(shown) - len(core)]
    if mixed and "\t" in begin:
        begin, changed = _drawn(begin), True
    return (begin + core + tail).expandtabs(_TAB), changed


def _drawn(begin: str) -> str:
    """The blanks at a line's beginning with each tab as an arrow that is as wide."""
    drawn = ""
    for char in begin:
        drawn += "→".ljust(_TAB - len(drawn) % _TAB) if char == "\t" else char
    return drawn


def _pieces(line: str, width: int) -> list[str]:
    """A line broken so that no piece is wider than `width` columns; what is not ASCII counts as two."""
    if not width or (len(line) <= width and line.isascii()):
        return [line]
    pieces, room = [""], width
    for char in line:
        wide = 1 if char.isascii() else 2
        if wide > room:
            pieces.append("")
            room = width
        pieces[-1] += char
        room -= wide
    return pieces


def in_html(rows: list[Row]) -> Iterator[Row]:
    """Rows with their text as HTML, coloured by classes; Pygments escapes what stands in it."""
    from pygments.formatters import HtmlFormatter

    texts = _highlighted([text for _, text in rows], HtmlFormatter(nowrap=True))
    return ((mark, text) for (mark, _), text in zip(rows, texts, strict=True))


def _coloured(rows: list[Row], style: Style) -> Iterator[str]:
    """Rows of mark and text as lines, the texts coloured by Pygments."""
    texts = [text for _, text in rows]
    if style.colour:
        from pygments.formatters import TerminalFormatter

        texts = _highlighted(texts, TerminalFormatter())
    for (mark, _), text in zip(rows, texts, strict=True):
        yield f"  {mark} {text}"


def _highlighted(texts: list[str], formatter: Any) -> list[str]:
    from pygments import highlight
    from pygments.lexers import DiffLexer

    lexer = DiffLexer(stripnl=False, ensurenl=False)
    return str(highlight("\n".join(texts) + "\n", lexer, formatter)).split("\n")[:-1]
