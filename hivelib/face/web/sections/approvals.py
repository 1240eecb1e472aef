"""What waits for the operator's decision and what becomes of it, on the first page, on its own, and in the history."""

from collections.abc import Collection, Iterable
from typing import Any

from hivelib.face.web.keeping import kept, together
from hivelib.face.web.sections.base import Drawer, Patch, Whole, each, numbers, patch
from hivelib.face.web.views import render
from hivelib.flow import viewing
from hivelib.model import soundness
from hivelib.model.records import Approval, EventRow

PAST = 100
"""Approvals of the history."""
_DEPLOY = ("deploy_started", "deploy_progressed", "deploy_ended")


class Open:
    """What is not over: to be decided, or being deployed. Its keys are the numbers of approvals."""

    name = "approvals"

    def touched(self, row: EventRow, payload: dict[str, Any]) -> Iterable[Any]:
        """The approval that the event is about."""
        about = row.kind.startswith("approval_") or row.kind in _DEPLOY
        return numbers(payload, "id") if about else ()

    def patches(self, drawer: Drawer, keys: Collection[Any]) -> Iterable[tuple[Any, Patch]]:
        """Each of them: there until it is over, then gone."""
        steps = viewing.steps(drawer.hive)
        for number in keys:
            row = viewing.approval(drawer.hive, number)
            drawn = _card((row, steps.get(number, ""))) if row and row.resolved_at is None else None
            yield number, patch(f"approval-{number}", drawn, self.name)

    def draw(self, drawer: Drawer) -> str:
        """All of them, oldest first."""
        steps = viewing.steps(drawer.hive)
        rows = viewing.unresolved(drawer.hive)
        return _cards(tuple((row, steps.get(row.id, "")) for row in rows))


def _card(shown: tuple[Approval, str]) -> str:
    return each(lambda row: card((row, shown[1])), shown[0], "approval")


@kept(2_000_000)
def card(shown: tuple[Approval, str]) -> str:
    """An approval that is not over, and how far its deploy has come; its diff is loaded when somebody opens it."""
    row, step = shown
    return render("approval_card", row=row, step=step)


_cards = together(_card)


def verdict(row: Approval | None, number: str, step: str) -> str:
    """On an approval's own page: how it stands, and while it waits the yes (to the commit shown) and the no."""
    return render("approval_verdict", row=row, number=number, step=step)


def _verdict(drawer: Drawer) -> str:
    number = int(drawer.subject)
    row = viewing.approval(drawer.hive, number)
    if row and (why := soundness.why_not(row)):
        return render("verdict_broken", broken=[soundness.unsound(row, why)])
    return verdict(row, drawer.subject, viewing.steps(drawer.hive).get(number, ""))


def _history(drawer: Drawer) -> str:
    latest, broken = soundness.parted(viewing.latest_approvals(drawer.hive, PAST))
    rows = [row for row in latest if row.resolved_at is not None]
    return render("approvals_past", rows=rows, broken=broken)


_CHANGES = frozenset(
    {"approval_pending", "approval_decided", "approval_resolved", "approval_expired", *_DEPLOY}
)
OPEN = Open()
VERDICT = Whole("verdict", _CHANGES, _verdict)
PAST_APPROVALS = Whole("approvals-past", _CHANGES, _history)
