"""The tools of questions, and of what is still open: asked, answered, taken back."""

from typing import Any, cast

from hivelib.face.mcp import wording
from hivelib.face.mcp.arguments import Ask, Cancel, Reply
from hivelib.face.mcp.calls import Answer, Call
from hivelib.flow import asking, loose_ends
from hivelib.model.records import Approval, Broken, Question, Reminder

_SHOWN = 1000  # characters of each question that loose_ends gives


def ask(call: Call) -> Answer:
    """Asks the operator or another agent."""
    said = cast(Ask, call.arguments)
    asked = asking.ask(
        call.hive,
        call.caller,
        said.question,
        options=said.options or (),
        multi=bool(said.multi),
        ttl=said.ttl_seconds,
        to=said.to,
        request=call.request,
    )
    outcome = {"id": asked.id, "target": asked.target, "deadline_at": asked.deadline_at}
    return Answer(wording.asked(outcome), outcome)


def answer(call: Call) -> Answer:
    """Answers what this agent was asked."""
    said = cast(Reply, call.arguments)
    found = asking.answer(call.hive, call.caller, said.id, said.answer, request=call.request)
    outcome = {"id": found.id, "asker": found.asker}
    return Answer(f"question {found.id} is answered; {found.asker} is told", outcome)


def cancel(call: Call) -> Answer:
    """Takes back what this agent began; anybody's, when it is the manager."""
    said = cast(Cancel, call.arguments)
    loose_ends.cancel(call.hive, call.caller, said.kind, said.id, request=call.request)
    return Answer(f"{said.kind} {said.id} is cancelled", {"kind": said.kind, "id": said.id})


def open_ends(call: Call) -> Answer:
    """What this agent began and has not ended; of the whole hive, when it is the manager."""
    found = loose_ends.loose_ends(call.hive, call.caller)
    ends: dict[str, Any] = {
        "questions": [_question(one) for one in found.questions],
        "more_questions": found.more,
        "reminders": [_reminder(one) for one in found.reminders],
        "unread": found.unread,
    }
    if found.approvals is not None:
        ends["approvals"] = [_approval(one) for one in found.approvals]
    return Answer(wording.loose_ends(ends), ends)


def _question(one: Question | Broken) -> dict[str, Any]:
    if isinstance(one, Broken):
        return {"id": one.id, "broken": one.why, "raw": one.raw[:_SHOWN]}
    kept = ("id", "asker", "target", "options", "multi", "asked_at", "deadline_at")
    fields = {name: getattr(one, name) for name in kept}
    return fields | {"question": one.question[:_SHOWN]}


def _reminder(one: Reminder) -> dict[str, Any]:
    kept = ("id", "owner", "due_at", "every", "calendar", "state", "error")
    return {name: getattr(one, name) for name in kept} | {"message": one.body[:_SHOWN]}


def _approval(one: Approval) -> dict[str, Any]:
    kept = ("id", "kind", "agent", "requested_by", "requested_at", "expires_at")
    return {name: getattr(one, name) for name in kept} | {"description": one.description[:_SHOWN]}
