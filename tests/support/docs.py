"""Writes docs/tools.md and docs/events.md from the tools and the code: `python -m tests.support.docs`."""

import ast
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hivelib.model import changes, events, timely
from hivelib.model.events import Event
from tests.support import openapi
from tests.support.source import ROOT, python_files

ALSO_TYPED = {"hive-vacuum"}
"""Programs that a unit starts, and a person too."""
WIDTH = "100"  # columns; the terminal of whoever generates must not show in the page
ONE_FILE = b"#!/usr/bin/python3 -IS"
MADE = "<!-- Made by `python -m tests.support.docs`; a test fails when it is stale. -->\n"
TOOLS_HEAD = """# Tools

Data on stdout, words on stderr. Exit codes of every tool: 0 done, or already so · 1 refused or foreseen ·
2 called wrongly · 3 a bug · 75 not now, try again · 130 interrupted.
"""
EVENTS_HEAD = """# Events

A row in `events` tells what happened, in the order of commits: `seq` (without gaps for a reader), `at` (UTC
seconds), `kind`, `subject` (the agent, or the id of what it is about) and `payload` (JSON, the fields below).
It is written in the same transaction as the change it tells of.
"""


def _kinds() -> list[type[Event]]:
    """All kinds, module by module, whichever was imported first."""
    homes = [module.__name__ for module in (events, changes, timely)]
    return sorted(Event.kinds.values(), key=lambda kind: homes.index(kind.__module__))


class Command(NamedTuple):
    """A line of a `console` example: where it stands and the words of its first command."""

    where: str
    words: list[str]


def tools() -> list[str]:
    """The names of all programs in bin/."""
    return [Path(path).name for path in python_files("bin")]


def inner() -> set[str]:
    """The programs that nobody types on the host: what units alone start, and the one-file programs."""
    lines = "".join(path.read_text() for path in (ROOT / "systemd").rglob("*.service"))
    started = re.findall(r"^ExecStart=.*?@bindir@/([a-z-]+)", lines, re.MULTILINE)
    alone = [name for name in tools() if (ROOT / "bin" / name).read_bytes().startswith(ONE_FILE)]
    return ({*started, *alone} & set(tools())) - ALSO_TYPED


def help_of(name: str) -> str:
    """What `NAME --help` prints; for a program that nobody types, the text at its head."""
    program = ROOT / "bin" / name
    if name in inner():
        return (ast.get_docstring(ast.parse(program.read_text())) or "").strip()
    done = subprocess.run(
        [program, "--help"],
        env={**os.environ, "COLUMNS": WIDTH},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{name} --help: status {done.returncode}\n{done.stderr}")
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())


def tools_page() -> str:
    """docs/tools.md."""
    typed = [MADE, TOOLS_HEAD, "## What you type\n", *map(_tool, sorted(set(tools()) - inner()))]
    return "\n".join([*typed, "## What units and boxes run\n", *map(_tool, sorted(inner()))])


def _tool(name: str) -> str:
    return f"### {name}\n\n```text\n{help_of(name)}\n```\n"


def events_page() -> str:
    """docs/events.md."""
    return "\n".join([MADE, EVENTS_HEAD, *map(_event, _kinds())])


def _event(kind: type[Event]) -> str:
    words = " ".join((kind.__doc__ or "").split())
    fields = "".join(f"| `{name}` | {meaning} |\n" for name, meaning in kind.fields.items())
    return f"## {kind.kind}\n\n{words}\n\n| field | |\n|---|---|\n{fields}"


PAGES = {
    "docs/tools.md": tools_page,
    "docs/events.md": events_page,
    "docs/openapi.json": openapi.page,
}


def console_commands() -> Iterator[Command]:
    """Every command in the ```console examples of README.md and docs/, with the lines it goes on for."""
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        if path.exists():
            yield from commands_in(path.name, path.read_text())


def commands_in(where: str, text: str) -> Iterator[Command]:
    """The commands after `$ ` or `# ` in the console examples of one page."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in re.findall(r"^[$#] (.*)$", block.replace("\\\n", " "), re.MULTILINE):
            lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            yield from (Command(where, words) for words in _split(list(lexer)))


def _split(words: list[str]) -> Iterator[list[str]]:
    """A pipeline's commands; redirections, comments and assignments before the name left out."""
    command: list[str] = []
    for word in [*words, ";"]:
        if word in {"|", ";", "&&", "||", "&"}:
            while command and re.fullmatch(r"[A-Z_]+=.*", command[0]):
                command.pop(0)
            if command:
                yield command
            command = []
        else:
            command.append(word)


def write() -> None:
    """Brings the generated pages up to date."""
    for name, page in PAGES.items():
        (ROOT / name).write_text(page())


if __name__ == "__main__":
    write()
