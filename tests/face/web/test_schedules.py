"""What recurs and waits for the operator, on the page: in words, its message as text only, decided by its digest."""

from urllib.parse import urlencode

import pytest

from hivelib.flow.opening import Hive
from tests.face.web.test_escaping import CORPUS, harmless
from tests.support.browser import Browser
from tests.support.residents import settle_in
from tests.support.schedules import ask
from tests.support.undecided import now, queued


@pytest.fixture
def hive(private_state: Hive) -> Hive:
    """Manager and alice run; nothing was ever deployed."""
    settle_in(private_state, "manager", "alice")
    return private_state


def test_it_is_shown_in_words_and_approved_by_its_digest(inside: Browser, hive: Hive) -> None:
    one = ask(hive, calendar="Mon..Fri 09:00", message="stand up\x1b[2J")
    assert "schedule for alice" in inside.ask("GET", "/").text
    page = inside.ask("GET", f"/approval/{one.id}").text
    for words in ("Mon..Fri 09:00", "stand up\\x1b[2J", "the next times", one.fetched_sha):
        assert words in page
    assert "flake.lock" not in page and "Nothing differs" not in page
    (listed,) = inside.ask("GET", "/api/approvals").json["approvals"]
    said = listed["schedule"]
    assert (said["message"], said["calendar"], len(said["next"])) == (
        one_body(),
        "Mon..Fri 09:00",
        3,
    )
    path = f"/api/approvals/{one.id}/approve"
    assert inside.ask("POST", path, urlencode({"sha": "0" * 40})).status == 409
    assert inside.ask("POST", path, urlencode({"sha": one.fetched_sha})).status == 303
    assert now(hive, one.id).status == "approved" and queued(hive, one.id) == ["schedule"]


def one_body() -> str:
    return "stand up\x1b[2J"


def test_whatever_the_message_says_it_is_text(inside: Browser, hive: Hive) -> None:
    one = ask(hive, message="\n".join(CORPUS))
    assert harmless(inside.ask("GET", f"/approval/{one.id}").text)
