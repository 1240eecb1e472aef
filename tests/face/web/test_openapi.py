"""The API's description names every route for programs, and no other."""

import json
import re

from hivelib.face.web.app import ROUTES
from hivelib.face.web.routes.agents import ORDERS
from hivelib.face.web.shared import Web
from tests.support.docs import inner, tools
from tests.support.openapi import PARTS
from tests.support.source import ROOT

VERBS = {
    "hive-agents": "get /api/state",
    "hive-answer": "post /api/questions/{number}/answer",
    "hive-approve": "post /api/approvals/{number}/approve",
    "hive-ask": "post /api/questions",
    "hive-cancel": "post /api/questions/{number}/cancel",
    "hive-deny": "post /api/approvals/{number}/deny",
    "hive-events": "get /api/events",
    "hive-interrupt": "post /api/agents/{name}/interrupt",
    "hive-pending": "get /api/approvals",
    "hive-questions": "get /api/questions",
    "hive-recv": "post /api/read",
    "hive-redeliver": "post /api/messages/{number}/redeliver",
    "hive-remind": "post /api/reminders",
    "hive-reminders": "get /api/reminders",
    "hive-request-apply-commit": "post /api/approvals/apply-commit",
    "hive-request-init-config": "post /api/approvals/init-config",
    "hive-request-spawn": "post /api/approvals/spawn",
    "hive-search": "get /api/search",
    "hive-send": "post /api/send",
    "hive-status": "get /api/state",
    "hive-thread": "get /api/threads/{number}",
    "hive-tombstones": "get /api/state",
    "hive-update-all": "post /api/update-all",
    **{f"hive-{verb}": "post /api/agents/{name}/{verb}" for verb in ORDERS.split("|")},
}
"""Where the page has each verb of the shell."""
SHELL_ALONE = {
    "hive": "lists the tools",
    "hive-backup": "a file of the machine",
    "hive-check": "runs the tests",
    "hive-check-config": "a file of the machine",
    "hive-dashboard-url": "lets somebody in: only who has the shell may",
    "hive-doctor": "looks at the machine",
    "hive-down": "ends the page too",
    "hive-export": "a file of the machine",
    "hive-login": "its panel is not built yet",
    "hive-logs": "a fold of a page, for people",
    "hive-show": "a fold of a page, for people",
    "hive-spawn": "recovery, without a look",
    "hive-transcript": "a stream of a page",
    "hive-up": "raises the page",
    "hive-vacuum": "comes by itself, and is the machine's",
}
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


def test_the_page_has_every_verb_of_the_shell() -> None:
    typed = set(tools()) - inner()
    assert typed == {*VERBS, *SHELL_ALONE} and not VERBS.keys() & SHELL_ALONE.keys()
    assert {f"{method} {path}" for method, path in served()} >= set(VERBS.values())
