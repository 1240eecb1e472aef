"""What is said of a question: limits, and notices in which the answer is whole."""

import json

import pytest

from hivelib.model.questions import answered_notice, cancelled, why_not_options, why_not_ttl


def told(question: str, answer: str, limit: int = 4096) -> tuple[dict[str, object], int]:
    body = answered_notice(7, question, answer, "bob", limit)
    return json.loads(body), len(body.encode())


def test_a_notice_that_fits_is_whole() -> None:
    found, _ = told("why?", "because")
    assert found == {
        "event": "question_answered",
        "id": 7,
        "question": "why?",
        "answer": "because",
        "answerer": "bob",
    }


@pytest.mark.parametrize("char", ["x", "ä", "😀", '"', "\n", "\x01", "\u202e"])
@pytest.mark.parametrize("part", [0.1, 0.9, 1.0])
def test_the_question_is_cut_so_that_the_answer_is_whole(char: str, part: float) -> None:
    question = char * (4096 // len(char.encode()))
    answer = char * int(len(question) * part)
    found, size = told(question, answer)
    assert found["answer"] == answer
    words = str(found["question"])
    assert words == question or (words.endswith("…") and question.startswith(words[:-1]))
    alone = len(answered_notice(7, "", answer, "bob", 4096).encode())
    assert size <= max(4096, alone + 200)
    assert len(words) > 20, "enough of it to be recognised"


def test_a_question_that_just_fits_is_not_cut() -> None:
    room = 4096 - len(answered_notice(7, "", "yes", "bob", 4096))
    for length, cut in ((room, False), (room + 1, True)):
        found, size = told("x" * length, "yes")
        assert (str(found["question"]).endswith("…"), size) == (cut, 4096)


def test_who_cancelled_is_said_but_for_the_operator() -> None:
    assert (cancelled("operator"), cancelled("bob")) == ("[cancelled]", "[cancelled by bob]")


@pytest.mark.parametrize(
    "options", [["x"] * 21, [""], [" "], ["x" * 201], ["a\nb"], ["\x1b[2J"], ["\u202e"], ["\ud800"]]
)
def test_options_that_cannot_be_shown_are_refused(options: list[str]) -> None:
    wrong = why_not_options(["yes", *options] if len(options) == 1 else options)
    assert wrong and all(wrong)


def test_options_at_the_limit_are_allowed() -> None:
    assert why_not_options(["ä" * 200] * 20) is None and why_not_options([]) is None


@pytest.mark.parametrize("ttl", [0, -1, 21600.1, float("inf"), float("nan")])
def test_a_time_to_live_has_bounds(ttl: float) -> None:
    assert why_not_ttl(ttl, 21600.0) and why_not_ttl(21600.0, 21600.0) is None
