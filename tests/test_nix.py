"""The files in nix/ are nix, in the style of RFC 166 as far as this can look without nixfmt, which is not to be had."""

import re
from pathlib import Path

import pytest
import tree_sitter_nix
from tree_sitter import Language, Parser

from hivelib.model import checking
from tests.support.source import ROOT

FILES = sorted((ROOT / "nix").rglob("*.nix"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_nix_file_parses(path: Path) -> None:
    tree = Parser(Language(tree_sitter_nix.language())).parse(path.read_bytes())
    assert not tree.root_node.has_error


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_nix_file_has_the_style(path: Path) -> None:
    text = path.read_text()
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{path.name}:{number}"
        assert len(line) <= 120 and line == line.rstrip() and "\t" not in line, where
        assert (len(line) - len(line.lstrip())) % 2 == 0, f"{where}: indented by twos"
    assert text.endswith("}\n") and not re.search(r"^with |\n\n\n", text)


def test_the_template_of_agent_json_is_good() -> None:
    assert checking.faults_of_agent((ROOT / "nix/templates/agent.json").read_text()) == []
