"""What is done to an agent."""

from collections.abc import Callable
from functools import partial
from typing import Any

from hivelib.face.web import answers, asked
from hivelib.face.web.shared import Web
from hivelib.flow import interrupting


def routes(web: Web) -> list[tuple[str, str, Callable[..., Any]]]:
    """The table of these."""
    return [("POST", "/api/interrupt", partial(_interrupt, web))]


def _interrupt(web: Web) -> Any:
    name = asked.text(asked.fields(), "agent")
    turn, already = interrupting.interrupt(web.hive, web.caller, name)
    return answers.done({"turn": turn, "already": already}, f"/agent/{name}")
