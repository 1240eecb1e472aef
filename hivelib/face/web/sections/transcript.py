"""The head of an agent's page, and its turns as they happen."""

from collections.abc import Collection, Iterable
from typing import Any

from hivelib.face.diffs import in_html
from hivelib.face.web import markdown
from hivelib.face.web.lines import pieces
from hivelib.face.web.sections.agents import controls, state, trouble
from hivelib.face.web.sections.base import Drawer, Patch, patch
from hivelib.face.web.views import render
from hivelib.flow import viewing
from hivelib.flow.viewing import AgentView, TurnView
from hivelib.model import soundness
from hivelib.model.deceiving import seen
from hivelib.model.records import EventRow, Line, Turn


class Head:
    """Who the agent is and how it is; every event about the agent may change it."""

    name = "agent-head"

    def touched(self, row: EventRow, payload: dict[str, Any]) -> Iterable[Any]:
        """The agent whom the event is about."""
        return (row.subject,)

    def patches(self, drawer: Drawer, keys: Collection[Any]) -> Iterable[tuple[Any, Patch]]:
        """The head anew, when one of them is this page's agent."""
        if drawer.subject in keys:
            yield drawer.subject, patch(self.name, self.draw(drawer))

    def draw(self, drawer: Drawer) -> str:
        """The head; the agent may be gone."""
        found = viewing.agent_views(drawer.hive, [drawer.subject], drawer.spending)
        if broken := viewing.unsound_agent(drawer.hive, drawer.subject):
            return render("agent_broken", name=drawer.subject, broken=broken)
        return head(drawer.subject, found[0] if found else None)


class Turns:
    """The turns of the agent; its keys are their numbers. Lines come by `line_patches`, from the transcript."""

    name = "turns"

    def touched(self, row: EventRow, payload: dict[str, Any]) -> Iterable[Any]:
        """The turn that an event about it names."""
        number = payload.get("turn") if row.kind.startswith("turn_") else None
        return ((row.subject, number),) if isinstance(number, int) else ()

    def patches(self, drawer: Drawer, keys: Collection[Any]) -> Iterable[tuple[Any, Patch]]:
        """A place for each, and its head."""
        for key in keys:
            agent, number = key
            if agent == drawer.subject:
                yield key, section(number)
                html = turn_head(number, viewing.turn(drawer.hive, number))
                yield key, patch(f"turn-{number}-head", html)

    def draw(self, drawer: Drawer) -> str:
        """Its newest turns."""
        return "".join(map(turn_section, viewing.newest_turns(drawer.hive, drawer.subject)))


HEAD = Head()
TURNS = Turns()


def line_patches(row: Line) -> list[Patch]:
    """What a line of the transcript adds to the page: only a place for its turn when a person need not see it."""
    drawn = line(row)
    place = [section(row.turn)]
    return [*place, patch(f"line-{row.row}", drawn, f"turn-{row.turn}-lines")] if drawn else place


def section(number: int) -> Patch:
    """Makes sure that there is a place for a turn's lines, and leaves it alone when there is."""
    html = turn_section(TurnView(number, None, []))
    return patch(f"turn-{number}", html, "turns") | {"once": "yes"}


def head(name: str, view: AgentView | None) -> str:
    """The head of an agent's page; the agent may be gone."""
    if view is None:
        return render("agent_head", name=name, view=None, state="gone")
    if view.last and soundness.why_not(view.last):
        view = view._replace(last=None)
    return render(
        "agent_head",
        name=name,
        view=view,
        state=state(view),
        since=since(view),
        trouble=trouble(view),
        controls=controls(view),
    )


def since(view: AgentView) -> float:
    """When the agent came into its state, UTC seconds: its turn began, its last one ended, or somebody changed it."""
    if view.running and not view.agent.parked:
        return view.running.started_at
    changed = view.agent.changed_at
    is_idle = view.agent.state == "running" and not view.agent.parked and view.last
    return max(changed, view.last.ended_at or 0.0) if is_idle and view.last else changed


def turn_section(view: TurnView) -> str:
    """A turn with its lines."""
    lines = "".join(map(line, view.lines))
    return render("turn", number=view.id, head=turn_head(view.id, view.turn), lines=lines)


def turn_head(number: int, turn: Turn | None) -> str:
    """What is known of a turn apart from its lines."""
    if turn and (why := soundness.why_not(turn)):
        return render("turn_broken", number=number, one=soundness.unsound(turn, why))
    return render("turn_head", number=number, turn=turn)


def line(row: Line) -> str:
    """One line of a transcript; empty when a person need not see it."""
    shown = pieces(row)
    return (
        render("line", row=row, pieces=shown, coloured=_coloured, markdown=markdown.html)
        if shown
        else ""
    )


def _coloured(edits: tuple[str, ...]) -> list[str]:
    """Lines of a diff as HTML; what could deceive an eye is written as an escape."""
    rows = [(" ", line[:1] + seen(line[1:], one_line=False)) for line in edits]
    return [text for _, text in in_html(rows)]
