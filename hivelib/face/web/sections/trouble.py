"""What went wrong and waits for the operator: warnings, agents that are stuck, letters that were delivered in vain."""

from hivelib.face.web.sections.agents import ROSTER, trouble
from hivelib.face.web.sections.base import Drawer, Whole
from hivelib.face.web.sections.messages import body_of
from hivelib.face.web.views import render
from hivelib.flow import viewing
from hivelib.model.soundness import parted

MOST = 50
"""Dead letters that are shown; the shell lists all."""


def _warnings(drawer: Drawer) -> str:
    standing, broken = parted(viewing.warned(drawer.hive))
    return render("warnings", standing=standing, broken=broken)


def _letters(drawer: Drawer) -> str:
    dead, broken = parted(viewing.dead_letters(drawer.hive, MOST))
    rows = [(row, body_of(row)) for row in dead]
    return render("letters", rows=rows, most=MOST, broken=broken)


def _stuck(drawer: Drawer) -> str:
    stuck = viewing.stuck_agents(drawer.hive, drawer.spending)
    rows = [(view.agent, trouble(view)) for view in stuck]
    return render("stuck", rows=rows)


WARNINGS = Whole("warnings", frozenset({"warning_raised", "warning_cleared"}), _warnings)
STUCK = Whole(
    "stuck",
    ROSTER | {"agent_parked", "agent_unparked", "needs_login", "logged_in", "killed", "started"},
    _stuck,
)
LETTERS = Whole("letters", frozenset({"died", "redelivered", "destroyed"}), _letters)
