"""Questions: those to the operator, those between agents (which the operator may answer in their place), the past."""

from collections.abc import Collection, Iterable
from typing import Any

from hivelib.face.web import markdown
from hivelib.face.web.keeping import kept, together
from hivelib.face.web.sections.base import Drawer, Patch, Whole, numbers, patch
from hivelib.face.web.views import render
from hivelib.flow import asking, closing
from hivelib.model.names import OPERATOR
from hivelib.model.records import Broken, EventRow, Question

KINDS = frozenset({"question_asked", "question_answered", "question_cancelled", "question_expired"})
PAST = 100
"""Questions of the history."""


class Questions:
    """The open questions to the operator, or those between others; keys are their numbers."""

    def __init__(self, name: str, *, mine: bool) -> None:
        self.name, self._mine = name, mine

    def touched(self, row: EventRow, payload: dict[str, Any]) -> Iterable[Any]:
        """The question that the event is about."""
        return numbers(payload, "id") if row.kind in KINDS else ()

    def patches(self, drawer: Drawer, keys: Collection[Any]) -> Iterable[tuple[Any, Patch]]:
        """Each of them: there while it is open, then gone."""
        shown = {one.id: one for one in self._open(drawer)}
        for number in keys:
            one = shown.get(number)
            drawn = question(one) if one else None
            yield number, patch(f"{self.name}-{number}", drawn, self.name)

    def draw(self, drawer: Drawer) -> str:
        """All of them, oldest first."""
        return _questions(tuple(self._open(drawer)))

    def _open(self, drawer: Drawer) -> list[Question | Broken]:
        return [one for one in asking.open_questions(drawer.hive) if _is_mine(one) is self._mine]


def _is_mine(one: Question | Broken) -> bool:
    """What cannot be read waits for the operator too: nobody else can end it."""
    return isinstance(one, Broken) or one.target == OPERATOR


@kept(2_000_000)
def question(one: Question | Broken) -> str:
    """An open question with its forms; one that cannot be read as it is."""
    name = "questions" if _is_mine(one) else "peer-questions"
    if isinstance(one, Broken):
        return render("question_broken", one=one, name=name)
    return render("question", one=one, name=name, words=markdown.html(one.question))


_questions = together(question)


def _past(drawer: Drawer) -> str:
    rows = [
        (one, closing.text_of(one, "question"))
        for one in asking.recent(drawer.hive, PAST)
        if isinstance(one, Broken) or one.state != "open"
    ]
    return render("questions_past", rows=rows)


QUESTIONS = Questions("questions", mine=True)
PEER_QUESTIONS = Questions("peer-questions", mine=False)
PAST_QUESTIONS = Whole("questions-past", KINDS, _past)
