"""The API answers as docs/openapi.json says, whatever it is asked (schemathesis): never with a bug of its own."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi import checks

from hivelib.base import clock
from hivelib.flow import asking, mailing
from hivelib.flow.opening import Hive
from hivelib.store import turns
from tests.support.browser import HOST, Browser, add
from tests.support.source import ROOT

EXAMPLES = 8
# A 500 is described nowhere, so the first of these finds it.
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
DESCRIBED = json.loads((ROOT / "docs/openapi.json").read_text())


def logged_in(browser: Browser) -> Callable[..., Iterable[bytes]]:
    """The page's application as a browser of its own asks it; it also hands out its description."""

    def app(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/openapi.json":
            start("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(DESCRIBED).encode()]
        own = {"HTTP_HOST": HOST, "HTTP_ORIGIN": f"http://{HOST}", "HTTP_COOKIE": browser.cookie}
        plain = {"HTTP_ACCEPT_ENCODING": "identity"}  # the client does not unpack
        return browser.bare(environ | own | plain, start)

    return app


@pytest.mark.parametrize(
    ("method", "path"),
    [(method, path) for path, calls in DESCRIBED["paths"].items() for method in calls],
)
def test_every_call_is_answered_as_it_is_described(
    inside: Browser, private_state: Hive, method: str, path: str
) -> None:
    for name in ("alice", "a"):
        add(private_state, name)
    mailing.send(private_state, mailing.SHELL, "alice", "a word")
    asking.ask(private_state, mailing.SHELL, "which?", to="alice", options=["one", "two"])
    with private_state.db.write() as db:
        turns.begin(db, "alice", 1, "sonnet", clock.now())
    schema = schemathesis.openapi.from_wsgi("/openapi.json", logged_in(inside))
    operation = schema[path][method.upper()]
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

        @settings(
            max_examples=EXAMPLES, derandomize=True, database=None, deadline=None,
            phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def asked(case: Case) -> None:
            case.validate_response(case.call(), checks=CHECKS)

        asked()
