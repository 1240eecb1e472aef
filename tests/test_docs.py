"""The docs say what the tools do: generated pages are fresh, examples name real tools and real options.

An example in a `console` block is not run here: it is checked that its tool is there and knows each
long option. tests/units runs the README's examples on a live hive.
"""

import re

import pytest

from tests.support import docs
from tests.support.docs import PAGES, Command, commands_in, help_of, inner, tools
from tests.support.source import ROOT

OURS = re.compile(r"(?:\./)?(?:bin/)?(hive(?:-[a-z-]+)?)")
TYPED = sorted(set(tools()) - inner())


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_fresh(name: str) -> None:
    path = ROOT / name
    stale = not path.exists() or path.read_text() != PAGES[name]()
    assert not stale, f"{name} is stale: run python -m tests.support.docs"


@pytest.mark.parametrize("name", TYPED)
def test_help_ends_with_an_example_that_can_be_pasted(name: str) -> None:
    text = help_of(name)
    _, found, examples = text.rpartition("Example")
    assert found, f"no example in:\n{text}"
    after = re.search(r"^(options|arguments|commands):", examples, re.MULTILINE | re.IGNORECASE)
    assert not after, f"the example is not at the end:\n{text}"
    commands = re.findall(rf"(?:bin/)?\b{name}\b.*", examples)
    assert commands, f"{name} is not in its own example:\n{text}"
    assert [fault for line in commands for fault in faults(Command(name, line.split()))] == []


def faults(command: Command) -> list[str]:
    """What is wrong with a command of ours; nothing is known of other people's."""
    match = OURS.fullmatch(command.words[0])
    if not match:
        return []
    name = match.group(1)
    if name not in tools():
        return [f"{command.where}: there is no {name}"]
    text = help_of(name)
    options = [word.partition("=")[0] for word in command.words[1:] if word.startswith("--")]
    unknown = [
        option for option in options if not re.search(rf"{option}\b", text) and option != "--"
    ]
    return [f"{command.where}: {name} has no option {option}" for option in unknown]


def test_examples_in_the_docs_name_real_tools_and_options() -> None:
    assert [fault for command in docs.console_commands() for fault in faults(command)] == []


def test_a_wrong_example_is_found() -> None:
    page = "```console\n$ hive-nonsense x\n$ HIVE_CONFIG=/x bin/hive-check --nonsense \\\n  y | sort\n```\n"
    commands = list(commands_in("page", page))
    assert [command.words[0] for command in commands] == ["hive-nonsense", "bin/hive-check", "sort"]
    assert [len(faults(command)) for command in commands] == [1, 1, 0]
