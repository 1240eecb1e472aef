"""Writes the figures of a run into docs/performance.md, between its two marks."""

import json
import os
import platform
import time

from tests.bench.rig import KEPT, ROOT, Figure

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def write() -> None:
    """Replaces the table; the words around it stay as they are."""
    figures = [Figure(**json.loads(line)) for line in KEPT.read_text("utf-8").splitlines()]
    day = time.strftime("%Y-%m-%d", time.gmtime())
    lines = [
        f"Measured {day}, {os.cpu_count()} cores, Linux {platform.release().split('-')[0]}, Python"
        f" {platform.python_version()}; medians of 5 interleaved pairs.",
        "",
        "| what | ours | control | compared | bar | |",
        "|---|---|---|---|---|---|",
    ]
    for name, ours, control, unit, against, compared, bar, verdict in figures:
        both = f"{ours:.4g} {unit} | {against}: {control:.4g} {unit}"
        lines.append(f"| {name} | {both} | {compared} | {bar} | {verdict} |")
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text("\n".join([before + BEGIN, *lines, END + after]), encoding="utf-8")
