"""What is done to an agent: the shell's verbs. A job is queued, not waited for: what becomes of it comes as events."""

from collections.abc import Callable
from functools import partial
from typing import Any

from hivelib.face.web import answers
from hivelib.face.web.routes.reading import NAME
from hivelib.face.web.shared import Web
from hivelib.flow import interrupting, ordering

ORDERS = "start|stop|restart|rebuild|destroy|revive|purge"


def routes(web: Web) -> list[tuple[str, str, Callable[..., Any]]]:
    """The table of these."""
    return [
        ("POST", f"/api/agents/{NAME}/interrupt", partial(_interrupt, web)),
        ("POST", f"/api/agents/{NAME}/<kind:re:{ORDERS}>", partial(_order, web)),
    ]


def _interrupt(web: Web, name: str) -> Any:
    turn, already = interrupting.interrupt(web.hive, web.caller, name)
    return answers.done({"turn": turn, "already": already}, f"/agent/{name}")


def _order(web: Web, name: str, kind: str) -> Any:
    job = ordering.begin(web.hive, kind, name, by=web.caller.name)
    return answers.done({"agent": name, "job": job, "already": job is None}, "/")
