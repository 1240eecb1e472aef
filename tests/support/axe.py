"""axe-core, which looks for what keeps people out of a page; one pinned version, from npm."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support import npm

VERSION = "4.14.1"
GRAVE = ("serious", "critical")
_RUN = "rules => axe.run(document, {resultTypes: ['violations'], ...(rules && {runOnly: rules})})"


def find(where: Path) -> Path | None:
    """The script below an install directory, or None."""
    path = where / "node_modules/axe-core/axe.min.js"
    return path if path.is_file() else None


def install(environment: Mapping[str, str] = os.environ) -> Path:
    """Installs it unless it is there; gives back the path of its script. Raises RuntimeError."""
    return npm.install(f"axe-core@{VERSION}", f"axe-{VERSION}", find, environment)


def faults(tab: Any, script: str, rules: list[str] | None = None) -> list[str]:
    """What is serious or critical on the page that a tab shows, one sentence for each element; all rules, or some."""
    if not tab.evaluate("'axe' in window"):
        tab.evaluate(script)  # by the debugger's door: the page's own policy stays as it is
    found = tab.evaluate(_RUN, rules)
    return [
        f"{one['id']} ({one['impact']}): {' '.join(node['target'])}: {node['failureSummary']}"
        for one in found["violations"]
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]
