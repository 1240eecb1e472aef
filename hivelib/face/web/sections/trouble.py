"""What went wrong and waits for the operator: warnings, and letters that were delivered in vain."""

from hivelib.face.web import markdown
from hivelib.face.web.sections.base import Drawer, Whole
from hivelib.face.web.views import render
from hivelib.flow import viewing

MOST = 50
"""Dead letters that are shown; the shell lists all."""


def _warnings(drawer: Drawer) -> str:
    return render("warnings", standing=viewing.warned(drawer.hive))


def _letters(drawer: Drawer) -> str:
    dead = viewing.dead_letters(drawer.hive, MOST)
    return render("letters", rows=[(row, markdown.html(row.body)) for row in dead], most=MOST)


WARNINGS = Whole("warnings", frozenset({"warning_raised", "warning_cleared"}), _warnings)
LETTERS = Whole("letters", frozenset({"died", "redelivered", "destroyed"}), _letters)
