"""What needs the operator's eye now."""

from hivelib.face.web.sections.base import Drawer, Whole
from hivelib.face.web.views import render
from hivelib.flow import viewing


def _make(drawer: Drawer) -> str:
    return render("warnings", standing=viewing.warned(drawer.hive))


WARNINGS = Whole("warnings", frozenset({"warning_raised", "warning_cleared"}), _make)
