"""What is done to an agent: the shell's verbs. A job is queued, not waited for: what becomes of it comes as events."""

from collections.abc import Callable
from functools import partial
from typing import Any

from hivelib.face.web import answers
from hivelib.face.web.routes.reading import NAME
from hivelib.face.web.sections.base import Drawer
from hivelib.face.web.sections.statistics import charts
from hivelib.face.web.shared import Web
from hivelib.face.web.views import document, loaded
from hivelib.flow import interrupting, ordering

TAGS = 100
"""Tags of an agent's history that are shown."""
ORDERS = "start|stop|restart|rebuild|destroy|revive|purge"


def routes(web: Web) -> list[tuple[str, str, Callable[..., Any]]]:
    """The table of these."""
    return [
        ("GET", f"/agent/{NAME}/config", web.spared(partial(_config, web))),
        ("GET", f"/agent/{NAME}/charts", web.spared(partial(_charts, web))),
        ("POST", "/api/update-all", partial(_update_all, web)),
        ("POST", f"/api/agents/{NAME}/interrupt", partial(_interrupt, web)),
        ("POST", f"/api/agents/{NAME}/<kind:re:{ORDERS}>", partial(_order, web)),
    ]


def _interrupt(web: Web, name: str) -> Any:
    turn, already = interrupting.interrupt(web.hive, web.caller, name)
    return answers.done({"turn": turn, "already": already}, f"/agent/{name}")


def _order(web: Web, name: str, kind: str) -> Any:
    job = ordering.begin(web.hive, kind, name, by=web.caller.name)
    return answers.done({"agent": name, "job": job, "already": job is None}, "/")


def _update_all(web: Web) -> Any:
    """Rebuilds the agents that an older program built."""
    begun = ordering.begin_update(web.hive, by=web.caller.name)
    return answers.done({"agents": begun, "already": not begun}, "/")


def _config(web: Web, name: str) -> str:
    from hivelib.flow import deployed  # git, which only who looks pays for

    tags = [(tag, _number(tag.name)) for tag in deployed.history(web.hive, name, TAGS)]
    return loaded(
        f"Configuration of {name}", "config", config=deployed.config(web.hive, name), tags=tags
    )


def _number(tag: str) -> str:
    """The approval that a tag is of; `deployed/0`, the seed, is of none."""
    number = tag.partition("/")[2]
    return number if number.isdecimal() and number != "0" else ""


def _charts(web: Web, name: str) -> str:
    body = charts(Drawer(web.hive, web.spending, name))
    return document(f"Turns and cost of {name}", body)
