"""Questions (SPEC section 4): what may be asked, how one ends, and what the two who are concerned are told. Pure.

A notice of the hive carries whole what was accepted: the question to whom it is asked, the answer to who asked. So it
may be longer than what a sender may write, by its JSON and the options. Only the question that comes back with an
answer is cut, for its asker knows it.
"""

import json
from collections.abc import Sequence

from hivelib.model.names import OPERATOR
from hivelib.model.records import Question

WATCHDOG = "ttl-watchdog"
"""Who answers when nobody did in time."""
EXPIRED = "[expired]"
_OPTIONS_MOST = 20
_OPTION_MOST = 200
_QUOTED_LEAST = 200


def cancelled(by: str) -> str:
    """What stands in the place of the answer when `by` cancelled the question."""
    return "[cancelled]" if by == OPERATOR else f"[cancelled by {by}]"


def why_not_options(options: Sequence[str]) -> tuple[str, str] | None:
    """At most 20 options, each one line of 1 to 200 visible characters; else what is wrong, and what to do."""
    if len(options) > _OPTIONS_MOST:
        return (
            f"there are {len(options)} options, {_OPTIONS_MOST} are allowed",
            "offer fewer: any other answer is allowed anyway",
        )
    for place, option in enumerate(options, 1):
        if not option.strip() or len(option) > _OPTION_MOST or not option.isprintable():
            return (
                f"option {place} is not one line of 1 to {_OPTION_MOST} visible characters",
                "put what is longer into the question",
            )
    return None


def why_not_ttl(ttl: float, most: float) -> tuple[str, str] | None:
    """A time to live is above 0 and at most `most` seconds; else what is wrong, and what to do."""
    if 0 < ttl <= most:
        return None
    return (
        f"a time to live is above 0 and at most {most:g} seconds",
        "without one a question waits for ever",
    )


def asked_notice(question: Question) -> str:
    """What an agent that is asked reads: one JSON object."""
    return _body(
        "question_asked",
        id=question.id,
        asker=question.asker,
        question=question.question,
        options=question.options,
        multi=question.multi,
        deadline_at=question.deadline_at,
    )


def answered_notice(number: int, question: str, answer: str, answerer: str, limit: int) -> str:
    """What who asked reads: one JSON object, of at most `limit` bytes if its answer leaves room for that.

    The answer is whole; the question is cut, though not below 200 bytes.
    """

    def made(words: str) -> str:
        return _body(
            "question_answered", id=number, question=words, answer=answer, answerer=answerer
        )

    room = max(limit - len(made("").encode()), _QUOTED_LEAST)
    return made(_cut(question, room))


def _body(event: str, **fields: object) -> str:
    return json.dumps({"event": event, **fields}, ensure_ascii=False)


def _cut(text: str, room: int) -> str:
    """The text if it takes at most so many bytes in JSON, else its beginning and …."""
    if _size(text) <= room:
        return text
    used, room = 0, room - _size("…")
    for place, char in enumerate(text):
        used += _size(char)
        if used > room:
            return text[:place] + "…"
    return text


def _size(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode()) - 2
