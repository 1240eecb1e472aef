"""Tables for people: columns as wide as needed, the last one as wide as the terminal lets it be."""

import os
import sys
from collections.abc import Sequence

from hivelib.base.text import shortened

_WIDE = 100
_CELL = 60


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows of cells under heads, as lines; cells are made safe and short, None is shown as nothing."""
    last = len(heads) - 1
    cut = [
        [
            shortened(_shown(cell), _CELL if place < last else 4 * _WIDE)
            for place, cell in enumerate(row)
        ]
        for row in [heads, *rows]
    ]
    widths = [max(map(len, column)) for column in zip(*cut, strict=True)]
    left = max(20, _columns() - sum(widths[:-1]) - 2 * last)
    return "\n".join(
        "  ".join(
            [
                *(cell.ljust(width) for cell, width in zip(line, widths[:-1], strict=False)),
                shortened(line[-1], left),
            ]
        ).rstrip()
        for line in cut
    )


def indented(text: str) -> str:
    """Text of somebody else below a heading of ours: no line of it can pass for a heading."""
    from hivelib.base.text import visible

    return "\n".join(f"    {line}" for line in visible(text).split("\n"))


def _columns() -> int:
    if not sys.stdout.isatty():
        return 10_000  # a file or a pipe wants it whole
    return os.get_terminal_size(sys.stdout.fileno()).columns


def _shown(cell: object) -> str:
    return "" if cell is None else str(cell)
