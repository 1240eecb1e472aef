"""The table of agents: a row is drawn anew when an event is about its agent, all of them when the roster changes."""

from collections.abc import Collection, Iterable
from typing import Any

from hivelib.face.web.keeping import SECTION, kept
from hivelib.face.web.sections.base import Drawer, Patch, patch
from hivelib.face.web.views import render
from hivelib.flow import viewing
from hivelib.flow.viewing import AgentView
from hivelib.model.records import EventRow
from hivelib.model.soundness import Unsound

ROSTER = frozenset({"agent_added", "agent_removed", "destroyed", "spawned", "tombstones_changed"})
"""The events that change who there is."""
_ALL = ""


class Agents:
    """The section; its keys are names, and one for all."""

    name = "agents"

    def touched(self, row: EventRow, payload: dict[str, Any]) -> Iterable[Any]:
        """The agent whom the event is about; everybody when the roster changes."""
        return (row.subject, _ALL) if row.kind in ROSTER else (row.subject,)

    def patches(self, drawer: Drawer, keys: Collection[Any]) -> Iterable[tuple[Any, Patch]]:
        """Rows, or the whole table."""
        if _ALL in keys:
            yield _ALL, patch(self.name, self.draw(drawer))
        for view in viewing.agent_views(drawer.hive, keys, drawer.spending):
            name = view.agent.name
            yield name, patch(f"agent-{name}", agent(view))

    def draw(self, drawer: Drawer) -> str:
        """The table's body with all agents."""
        shown, broken = viewing.all_agents(drawer.hive, drawer.spending)
        return _table((tuple(shown), tuple(broken)))


AGENTS = Agents()


@kept(2_000_000)
def agent(view: AgentView) -> str:
    """One agent's row."""
    return render(
        "agent_row", view=view, state=state(view), trouble=trouble(view), controls=controls(view)
    )


@kept(*SECTION)
def _table(all_of_them: tuple[tuple[AgentView, ...], tuple[Unsound, ...]]) -> str:
    views, broken = all_of_them
    return render("agents", rows="\n".join(map(agent, views)), broken=broken)


def trouble(view: AgentView) -> str:
    """What keeps an agent from its work: a login that is missing, a parking; empty when nothing does."""
    return render("agent_trouble", view=view, agent=view.agent)


def controls(view: AgentView) -> str:
    """What can be done to the agent as it is now."""
    agent = view.agent
    runs = agent.state == "running"
    verbs = ["start"] if not runs or agent.parked else []
    verbs += ["restart", "stop"] if runs else []
    return render("agent_controls", name=agent.name, view=view, verbs=[*verbs, "rebuild"])


def state(view: AgentView) -> str:
    """An agent's state in one word: what an operator has to know first."""
    if view.becoming:
        return view.becoming
    if view.agent.parked:
        return "parked"
    if view.running:
        return "cancelling" if view.running.cancel_requested_at else "working"
    return "idle" if view.agent.state == "running" else view.agent.state
