"""Which tools there are, and what each does: read from their heads, none is run."""

import ast
import os
from typing import NamedTuple

from hivelib.base.errors import Misuse
from hivelib.base.text import shortened
from hivelib.model import names

_HEAD = 4096
"""Bytes at a program's beginning in which its docstring ends."""


class Listed(NamedTuple):
    """A tool's name and its docstring's first sentence."""

    name: str
    does: str


def tools(bindir: str) -> list[Listed]:
    """The tools that people type: those whose docstring has an example. The others are run by units and boxes."""
    found = []
    for name in sorted(os.listdir(bindir)):
        text = _docstring(f"{bindir}/{name}") if name.startswith("hive-") else ""
        if "\nExample" in text:
            found.append(Listed(name, " ".join(text.split("\n\n")[0].split())))
    return found


def program(bindir: str, verb: str) -> str:
    """The path of the tool `hive-VERB`; raises Misuse with the nearest ones when there is none."""
    if (
        verb.isascii()
        and verb.replace("-", "").isalnum()
        and os.path.exists(f"{bindir}/hive-{verb}")
    ):
        return f"{bindir}/hive-{verb}"
    if verb.startswith("-"):
        raise Misuse(f"no such option {shortened(verb, 40)}", "`hive --help` lists them")
    known = [one.name.removeprefix("hive-") for one in tools(bindir)]
    near = names.nearest(verb, known)
    hint = f"did you mean {' or '.join(near)}?" if near else "`hive` lists them"
    raise Misuse(f"no tool hive-{shortened(verb, 40)}", hint)


def _docstring(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            head = file.read(_HEAD)
    except (OSError, UnicodeDecodeError):
        return ""
    _, _, rest = head.partition('"""')
    text, end, _ = rest.partition('"""')
    return ast.literal_eval(f'"""{text}"""') if end else ""
