"""Questions on the page: shown, answered once with a choice or in words, taken back; a broken row hides no other."""

from urllib.parse import urlencode

import pytest

from hivelib.flow import asking
from hivelib.flow.opening import Hive
from tests.support.browser import Browser
from tests.support.residents import settle_in, voice


@pytest.fixture
def hive(private_state: Hive) -> Hive:
    """Manager, alice and bob run."""
    settle_in(private_state, "manager", "alice", "bob")
    return private_state


def state(hive: Hive, number: int) -> tuple[str, str | None, str | None]:
    found = asking.known(hive, number)
    return found.state, found.answer, found.answerer  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ([("chosen", "red"), ("words", "")], "red"),
        ([("chosen", "red"), ("words", "none of them")], "none of them"),
        ([("words", "blue, of course")], "blue, of course"),
    ],
)
def test_a_form_answers_with_a_choice_or_with_words(
    inside: Browser, hive: Hive, given: list[tuple[str, str]], answer: str
) -> None:
    one = asking.ask(hive, voice("alice"), "Which?", options=("red", "green"))
    shown = inside.ask("GET", "/").text
    assert 'value="red"' in shown and f"/api/questions/{one.id}/answer" in shown
    assert inside.ask("POST", f"/api/questions/{one.id}/answer", urlencode(given)).status == 303
    assert state(hive, one.id) == ("answered", answer, "operator")
    assert f"/api/questions/{one.id}/answer" not in inside.ask("GET", "/").text
    assert answer in inside.ask("GET", "/history").text


def test_several_are_joined_and_a_peer_is_overridden(inside: Browser, hive: Hive) -> None:
    one = asking.ask(hive, voice("alice"), "Which?", options=("a", "b"), multi=True, to="bob")
    assert "Answer for bob" in inside.ask("GET", "/").text
    path = f"/api/questions/{one.id}/answer"
    said = {"chosen": ["a", "b"], "words": "and c"}
    assert inside.ask("POST", path, said).json["already"] is False
    assert state(hive, one.id) == ("answered", "a, b, and c", "operator")
    assert inside.ask("POST", path, said).json["already"] is True
    late = inside.ask("POST", path, {"words": "no"})
    assert late.status == 409 and "operator" in late.json["error"]


def test_an_empty_answer_is_none_and_a_question_can_be_taken_back(
    inside: Browser, hive: Hive
) -> None:
    one = asking.ask(hive, voice("alice"), "Which?")
    for said in ({}, {"words": " "}, {"chosen": []}, {"chosen": [1]}, {"words": ["a", "b"]}):
        assert inside.ask("POST", f"/api/questions/{one.id}/answer", said).status == 400
    assert state(hive, one.id)[0] == "open"
    assert inside.ask("POST", f"/api/questions/{one.id}/cancel", {}).json["already"] is False
    assert inside.ask("POST", f"/api/questions/{one.id}/cancel", {}).json["already"] is True
    assert inside.ask("POST", "/api/questions/99/answer", {"words": "x"}).status == 409


def test_a_row_that_cannot_be_read_is_shown_raw_and_hides_no_other(
    inside: Browser, hive: Hive
) -> None:
    broken = asking.ask(hive, voice("alice"), "<b>broken</b>")
    sound = asking.ask(hive, voice("bob"), "sound")
    with hive.db.write() as db:
        db.execute("UPDATE questions SET options = '{' WHERE id = ?", (broken.id,))
    shown = inside.ask("GET", "/").text
    assert "cannot be read" in shown and "&lt;b&gt;broken&lt;/b&gt;" in shown
    assert f"/api/questions/{sound.id}/answer" in shown
    listed = inside.ask("GET", "/api/questions").json["questions"]
    assert [(one["id"], bool(one["broken"])) for one in listed] == [
        (broken.id, True),
        (sound.id, False),
    ]
    assert inside.ask("POST", f"/api/questions/{broken.id}/cancel", {}).status == 200
    assert "cannot be read" not in inside.ask("GET", "/").text
