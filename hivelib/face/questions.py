"""Questions as people read them: a heading of ours, what others wrote indented below it."""

from hivelib.base import clock
from hivelib.base.errors import Refused
from hivelib.base.text import shortened, visible
from hivelib.face.tables import indented
from hivelib.flow import asking
from hivelib.flow.opening import Hive
from hivelib.model.records import Broken, Question


def card(found: Question | Broken) -> str:
    """A question with its options and, when it is over, its answer; of one that cannot be decoded the row as it is.

    Control characters are made visible, and what others wrote is indented deeper than what is ours.
    """
    if isinstance(found, Broken):
        head = f"{found.id}  CANNOT BE READ: {found.why}; hive-cancel question {found.id} ends it"
        return f"{head}\n{indented(found.raw)}\n"
    marks = ", ".join(filter(None, ["several answers" if found.multi else "", _life(found)]))
    who = f"{shortened(found.asker, 60)} → {shortened(found.target, 60)}"
    parts = [f"{found.id}  {clock.local(found.asked_at)}  {who}{f'  ({marks})' if marks else ''}"]
    parts.append(indented(found.question))
    if found.options:
        parts.append("  options:")
        parts += [f"    - {visible(option, one_line=True)}" for option in found.options]
    if found.answer is not None:
        parts += [f"  {shortened(found.answerer or '', 60)}:", indented(found.answer)]
    return "\n".join(parts) + "\n"


def outcome(hive: Hive, asked: Question, seconds: float | None) -> tuple[Question, str]:
    """What hive-ask shows: the number, or after waiting so long the answer, made safe.

    Raises NotNow when there is none by then, Refused when the question ended without one.
    """
    if seconds is None:
        return asked, str(asked.id)
    over = asking.wait(hive, asked.id, seconds)
    if over.state != "answered":
        raise Refused(f"question {over.id}: {over.answer}", "ask again, or somebody else")
    return over, visible(over.answer or "")


def _life(found: Question) -> str:
    if found.state != "open":
        return found.state
    if found.deadline_at is None:
        return ""
    left = found.deadline_at - clock.now()
    return f"expires in {_span(left)}" if left > 0 else "expires now"


def _span(seconds: float) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"
