"""The API's description names every route for programs, and no other."""

import json
import re

from hivelib.face.web.app import ROUTES
from hivelib.face.web.routes.agents import ORDERS
from hivelib.face.web.shared import Web
from tests.support.openapi import PARTS
from tests.support.source import ROOT

TOLD = {"kind": "verb", "beginning": "session"}
"""How the description calls a part of a path."""


def served() -> set[tuple[str, str]]:
    found = set()
    for module in ROUTES:
        for method, path, _ in module.routes(Web(None, None, 7000)):  # type: ignore[arg-type]
            if path.startswith("/api/"):
                told = re.sub(r"<([a-z]+)(:[^>]*)?>", lambda part: told_as(part[1]), path)
                found.add((method.lower(), told))
    return found


def told_as(name: str) -> str:
    return "{" + TOLD.get(name, name) + "}"


def test_every_route_for_programs_is_described_and_no_other() -> None:
    described = json.loads((ROOT / "docs/openapi.json").read_text())["paths"]
    assert {(method, path) for path, calls in described.items() for method in calls} == served()
    assert PARTS["verb"]["enum"] == ORDERS.split("|")
