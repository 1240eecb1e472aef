"""Questions: answered by the operator, also in the place of an agent that was asked, or taken back."""

from collections.abc import Callable
from functools import partial
from typing import Any

from hivelib.base.errors import Misuse
from hivelib.face import fields
from hivelib.face.web import answers, asked
from hivelib.face.web.routes.reading import NUMBER
from hivelib.face.web.shared import Web
from hivelib.flow import asking
from hivelib.model.records import Question


def routes(web: Web) -> list[tuple[str, str, Callable[..., Any]]]:
    """The table of these."""
    return [
        ("GET", "/api/questions", partial(_listed, web)),
        ("POST", "/api/questions", partial(_ask, web)),
        ("POST", f"/api/questions/{NUMBER}/answer", partial(_answer, web)),
        ("POST", f"/api/questions/{NUMBER}/cancel", partial(_cancel, web)),
    ]


def _listed(web: Web) -> str:
    rows = [fields.of_question(one) for one in asking.open_questions(web.hive)]
    return answers.as_json({"questions": rows})


def _ask(web: Web) -> Any:
    given = asked.fields()
    ttl = asked.number(given, "ttl_seconds")
    put = asking.ask(
        web.hive,
        web.caller,
        asked.text(given, "question"),
        options=asked.texts(given, "options"),
        multi=given.get("multi") is True,
        ttl=None if ttl is None else float(ttl),
        to=asked.text(given, "to"),
    )
    return answers.done({"id": put.id}, "/")


def _answer(web: Web, number: str) -> Any:
    """`chosen` of the options, one or a list, and `words`: where only one answer is taken, words go before a choice."""
    given = asked.fields()
    words = asked.optional(given, "words").strip()
    chosen = asked.texts(given, "chosen")
    one = asking.known(web.hive, int(number))
    if words and not (isinstance(one, Question) and one.multi):
        chosen = []
    if not chosen and not words:
        raise Misuse("there is no answer", "choose one, or say it in your own words")
    answer = [*chosen, *([words] if words else [])]
    already = asking.is_so(web.hive, int(number), "answered", ", ".join(answer))
    if not already:
        asking.answer(web.hive, web.caller, int(number), answer)
    return answers.done({"id": int(number), "answer": ", ".join(answer), "already": already}, "/")


def _cancel(web: Web, number: str) -> Any:
    already = asking.is_so(web.hive, int(number), "cancelled")
    if not already:
        asking.cancel(web.hive, web.caller, int(number))
    return answers.done({"id": int(number), "already": already}, "/")
