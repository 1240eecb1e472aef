"""Rows as HTML: one set of templates for the first load of a page and for every change that is sent to it later.

Whatever is put into a template is untrusted: `{{…}}` writes control, bidirectional and zero-width characters as escapes
and escapes HTML. `{{!…}}` is for HTML made here, nothing else.
"""

import html
import os
from collections.abc import Iterable
from functools import cache
from typing import Any

from bottle import SimpleTemplate

from hivelib.base import clock
from hivelib.base.errors import HiveError
from hivelib.base.text import shortened, visible
from hivelib.face.web.lines import pieces
from hivelib.flow.viewing import AgentView, HiveView, TranscriptView, TurnView, Warned
from hivelib.model.names import OPERATOR
from hivelib.model.records import Approval, Line, Message, Turn

TEMPLATES = os.path.join(os.path.dirname(__file__), "templates")


def render(template: str, /, **values: Any) -> str:
    """The template `templates/TEMPLATE.html` with these values, every one of them escaped where it is shown."""
    made: str = _template(template).render(
        clock=clock, shortened=shortened, OPERATOR=OPERATOR, **values
    )
    return made.strip()


@cache
def _template(name: str) -> SimpleTemplate:
    return SimpleTemplate(name=f"{name}.html", lookup=[TEMPLATES], escape_func=escape)


def escape(text: str) -> str:
    """Untrusted text for use in HTML, in an element or in a quoted attribute."""
    return html.escape(visible(text))


def page(title: str, body: str, *, script: str = "", inside: bool = True) -> str:
    """A whole document around a body of ours; `inside` says that the reader has logged in."""
    return render("layout", title=title, body=body, script=script, inside=inside)


def hive_page(view: HiveView, *, to: str = "", reply: str = "", key: str = "") -> str:
    """The first page."""
    names = [shown.agent.name for shown in view.agents]
    parts = {
        "warnings": warnings(view.warnings),
        "agents": agents(view.agents),
        "messages": "".join(map(message, view.messages)),
        "mail": "".join(map(mail, view.mail)),
        "approvals": "".join(map(approval, view.approvals)),
        "recipients": recipients(names, to),
    }
    body = render("hive", at=f"{view.epoch}.{view.seq}", parts=parts, reply=reply, key=key)
    return page("hive", body, script="hive.js")


def transcript_page(view: TranscriptView) -> str:
    """An agent's page."""
    at = f"{view.epoch}.{view.seq}.{view.row}"
    head = agent_head(view.agent.agent.name, view.agent)
    turns = "".join(map(turn_section, view.turns))
    name = view.agent.agent.name
    body = render("agent", at=at, name=name, head=head, turns=turns)
    return page(name, body, script="agent.js")


def approval_page(row: Approval, text: str) -> str:
    """The page of an approval; `text` is what hive-show says of it."""
    return page(
        f"approval {row.id}", render("approval_page", row=row, text=text, forms=_forms(row))
    )


def login_page(token: str) -> str:
    """What a one-time link opens: one button."""
    return page("log in", render("login", token=token), inside=False)


def refused_page(error: HiveError, *, inside: bool = True) -> str:
    """Says why not, and what to do."""
    body = render("refused", message=error.message, hint=error.hint, inside=inside)
    return page("not possible", body, inside=inside)


def agents(views: Iterable[AgentView]) -> str:
    """The table's body with all agents."""
    return render("agents", rows=[agent(view) for view in views])


def agent(view: AgentView) -> str:
    """One agent's row."""
    return render("agent_row", view=view, state=state(view), trouble=trouble(view))


def agent_head(name: str, view: AgentView | None) -> str:
    """The head of an agent's page; the agent may be gone."""
    known = {"state": state(view), "trouble": trouble(view)} if view else {"state": "gone"}
    return render("agent_head", name=name, view=view, **known)


def trouble(view: AgentView) -> str:
    """What keeps an agent from its work: a login that is missing, a parking; empty when nothing does."""
    return render("agent_trouble", agent=view.agent)


def state(view: AgentView) -> str:
    """An agent's state in one word: what an operator has to know first."""
    if view.agent.parked:
        return "parked"
    if view.running:
        return "cancelling" if view.running.cancel_requested_at else "working"
    return "idle" if view.agent.state == "running" else view.agent.state


def recipients(names: Iterable[str], chosen: str = "") -> str:
    """The choices of whom to write to."""
    return render("recipients", names=list(names), chosen=chosen)


def message(row: Message) -> str:
    """A message in the flow."""
    return render("message", row=row)


def mail(row: Message) -> str:
    """A message that the operator has not read."""
    return render("mail", row=row)


def approval(row: Approval) -> str:
    """An approval that the operator has not decided."""
    return render("approval", row=row, forms=_forms(row))


def _forms(row: Approval) -> str:
    return render("approval_forms", row=row) if row.status == "pending" else ""


def warnings(standing: list[Warned]) -> str:
    """All warnings that stand."""
    return render("warnings", standing=standing)


def turn_section(view: TurnView) -> str:
    """A turn with its lines."""
    lines = "".join(map(line, view.lines))
    return render("turn", number=view.id, head=turn_head(view.id, view.turn), lines=lines)


def turn_head(number: int, turn: Turn | None) -> str:
    """What is known of a turn apart from its lines."""
    return render("turn_head", number=number, turn=turn)


def line(row: Line) -> str:
    """One line of a transcript; empty when a person need not see it."""
    shown = pieces(row)
    return render("line", row=row, pieces=shown) if shown else ""
