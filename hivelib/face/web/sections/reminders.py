"""Reminders that are to come or failed, a form that sets one, and what an agent has begun and not ended."""

from hivelib.face import reminders
from hivelib.face.web.sections.base import Drawer, Whole
from hivelib.face.web.sections.questions import KINDS as QUESTIONS
from hivelib.face.web.views import render
from hivelib.flow import asking, reminding, viewing
from hivelib.model.records import Broken, Question, Reminder
from hivelib.model.soundness import parted

KINDS = frozenset(
    {
        "reminder_added",
        "reminder_fired",
        "reminder_failed",
        "reminder_cancelled",
        "schedule_changed",
    }
)


def _draw(drawer: Drawer) -> str:
    sound, broken = parted(reminding.listed(drawer.hive, over=False))
    rows = [(one, _again(one)) for one in sound]
    return render("reminders", rows=rows, names=viewing.names(drawer.hive), broken=broken)


def _again(one: Reminder) -> str:
    return str(reminders.cells(reminders.data(one))[3])


def _loose(drawer: Drawer) -> str:
    asked = [one for one in asking.open_questions(drawer.hive) if _is_of(one, drawer.subject)]
    listed = [one for one in reminding.listed(drawer.hive) if one.owner == drawer.subject]
    mine, broken = parted(listed)
    return render("loose", name=drawer.subject, questions=asked, reminders=mine, broken=broken)


def _is_of(one: Question | Broken, name: str) -> bool:
    return isinstance(one, Question) and name in (one.asker, one.target)


LOOSE = Whole("loose", KINDS | QUESTIONS, _loose)
REMINDERS = Whole("reminders", KINDS, _draw)
