"""Who may import whom, as data, and a test that reads every import there is, also those inside functions."""

import ast
import sys

import pytest

from tests.support.source import ROOT, python_files, tracked_files

# model ← base ← store | host ← flow ← face ← bin. A page or a tool calls flow, never a store.
MAY_IMPORT = {
    "model": {"model"},
    "base": {"model", "base"},
    "store": {"model", "base"},
    "host": {"model", "base", "host"},
    "flow": {"model", "base", "store", "host", "flow"},
    "face": {"model", "base", "flow", "face"},
    "bin": {"model", "base", "flow", "face"},
}

# Each outside thing has one home; what is not named here may be imported nowhere.
HOMES = {
    "apprise": ["hivelib/host/apprising"],
    "bottle": ["hivelib/face/web"],
    "click": ["hivelib/face/tool", "bin/"],
    "markdown_it": ["hivelib/face/web/markdown"],
    "mcp": ["hivelib/face/mcp"],
    "mcp_types": ["hivelib/face/mcp"],
    "anyio": ["hivelib/face/mcp"],
    "pydantic": ["hivelib/model/", "hivelib/face/mcp"],
    "pygments": ["hivelib/face/diffs"],
    "tests": ["bin/hive-check"],
    "sqlite_utils": ["hivelib/base/db", "hivelib/store/"],
    "sqlite3": ["hivelib/base/db", "hivelib/store/"],
    "tree_sitter": ["hivelib/model/flakes"],
    "tree_sitter_nix": ["hivelib/model/flakes"],
    "subprocess": [
        "hivelib/base/proc",
        "hivelib/base/running",
        "hivelib/base/bootstrap",
        "hivelib/base/packages",
        "bin/",
    ],
}

# These run before there is a venv, so they get along with the standard library and each other.
BEFORE_THE_VENV = {"hivelib.base.bootstrap", "hivelib.base.packages", "hivelib.base.errors"}
# And these run inside a box or a thousand times a day: one file, the standard library, no site.
ONE_FILE = "#!/usr/bin/python3 -IS"

MOST_LINES = 300


def imports(source: str) -> set[str]:
    """Every dotted name that a module imports, wherever in it; `from a import b` gives a and a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.update({node.module or ".", *(f"{node.module}.{a.name}" for a in node.names)})
    return found


def faults(path: str, source: str) -> list[str]:
    """What is wrong with a file's imports, one sentence for each."""
    if source.startswith(ONE_FILE):
        allowed: set[str] | None = set()
    elif path.removesuffix(".py").replace("/", ".") in BEFORE_THE_VENV:
        allowed = BEFORE_THE_VENV | {"hivelib", "hivelib.base"}
    else:
        allowed = None
    found = []
    for name in sorted(imports(source)):
        top = name.partition(".")[0]
        if allowed is not None:
            near = allowed & {name, name.rpartition(".")[0]}
            wrong = "" if near or top in sys.stdlib_module_names else "it must run without that"
        elif top == "hivelib":
            wrong = fault_in_layers(path, name)
        elif top in HOMES:
            at_home = any(path.startswith(home) for home in HOMES[top])
            wrong = "" if at_home else f"its home is {' and '.join(HOMES[top])}"
        else:
            wrong = "" if top in sys.stdlib_module_names else "it has no home"
        if wrong:
            found.append(f"{path} imports {name}: {wrong}")
    return found


def fault_in_layers(path: str, name: str) -> str:
    """Why a file may not import a module of ours; empty when it may."""
    layer = "bin" if path.startswith("bin/") else path.split("/")[1]
    other = [*name.split("."), ""][1]
    if other and other not in MAY_IMPORT[layer]:
        return f"{layer} may import {', '.join(sorted(MAY_IMPORT[layer]))}"
    return ""


@pytest.mark.parametrize("path", list(python_files("hivelib", "bin")))
def test_every_import_goes_down_the_layers(path: str) -> None:
    if path != "hivelib/__init__.py":
        assert faults(path, (ROOT / path).read_text()) == []


SOURCES = [
    *python_files("hivelib", "bin", "tests"),
    *(name for name in tracked_files() if name.endswith((".css", ".html", ".js", ".nix"))),
]


@pytest.mark.parametrize("path", SOURCES)
def test_no_file_is_longer_than_300_lines(path: str) -> None:
    lines = (ROOT / path).read_text().count("\n")
    assert lines <= MOST_LINES, path


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("hivelib/model/x.py", "from hivelib.base import clock"),
        ("hivelib/model/x.py", "def f():\n    import hivelib.store.mail"),
        ("hivelib/store/x.py", "from hivelib.host import systemd"),
        ("hivelib/store/x.py", "from hivelib import store"),
        ("hivelib/store/x.py", "from hivelib.store.mail import claim"),
        ("hivelib/host/x.py", "def f():\n    from hivelib.store import mail"),
        ("hivelib/face/x.py", "from hivelib.store import mail"),
        ("hivelib/flow/x.py", "import sqlite3"),
        ("hivelib/flow/x.py", "import requests"),
        ("bin/hive-x", "#!/usr/bin/python3 -IS\nfrom hivelib.base import bell"),
        ("bin/hive-x", "#!/usr/bin/python3 -IS\nimport click"),
        ("bin/hive-x", "from hivelib.host import systemd"),
    ],
)
def test_a_wrong_import_is_found(path: str, source: str) -> None:
    assert faults(path, source), "the rule would let this through"
