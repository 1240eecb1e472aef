"""What waits for the operator's decision."""

from collections.abc import Collection, Iterable
from typing import Any

from hivelib.face.web.sections.base import Drawer, Patch, patch
from hivelib.face.web.views import render
from hivelib.flow import viewing
from hivelib.model.records import Approval, EventRow


class Waiting:
    """The section; its keys are the numbers of approvals."""

    name = "approvals"

    def touched(self, row: EventRow, payload: dict[str, Any]) -> Iterable[Any]:
        """The approval that the event is about."""
        return (payload["id"],) if row.kind.startswith("approval_") else ()

    def patches(self, drawer: Drawer, keys: Collection[Any]) -> Iterable[tuple[Any, Patch]]:
        """Each of them: there while it waits, then gone."""
        for number, row in viewing.undecided(drawer.hive, keys).items():
            yield number, patch(f"approval-{number}", card(row) if row else None, self.name)

    def draw(self, drawer: Drawer) -> str:
        """All that wait, oldest first."""
        return "".join(map(card, viewing.waiting(drawer.hive)))


WAITING = Waiting()


def card(row: Approval) -> str:
    """An approval that the operator has not decided."""
    return render("approval", row=row, forms=forms(row))


def forms(row: Approval) -> str:
    """The yes and the no; empty once it is decided."""
    return render("approval_forms", row=row) if row.status == "pending" else ""
