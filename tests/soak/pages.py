"""docs/reliability.md: each soak writes a section of its own and leaves the others as they are."""

import re
from pathlib import Path

from tests.support.source import ROOT

PAGE = ROOT / "docs/reliability.md"
HEAD = """# Reliability

`bin/hive-check --soak` wrote this page, each section by a run of its own.

"""


def put(title: str, words: str, page: Path = PAGE) -> None:
    """Writes a section anew, where it was or at the end."""
    text = page.read_text() if page.exists() else ""
    sections = dict(re.findall(r"(?ms)^## (.+?)\n\n(.*?)(?=^## |\Z)", text))
    sections[title] = words
    shown = [f"## {name}\n\n{body.strip()}\n" for name, body in sections.items()]
    page.write_text(HEAD + "\n".join(shown))


def put_between(marks: tuple[str, str], words: str, page: Path) -> None:
    """Replaces what is between two marks of a page; the words around them stay as they are."""
    before, _, rest = page.read_text(encoding="utf-8").partition(marks[0])
    after = rest.partition(marks[1])[2]
    page.write_text(f"{before}{marks[0]}\n{words}{marks[1]}{after}", encoding="utf-8")
