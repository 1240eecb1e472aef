"""What the page says: in words, with times as it writes times, and only what is so."""

import json
from collections.abc import Callable

from hivelib.base import clock
from hivelib.face.web.sections.messages import body_of
from hivelib.face.web.sections.statistics import chart
from hivelib.flow import asking, mailing, viewing
from hivelib.flow.opening import Hive
from hivelib.flow.reckoning import Span
from hivelib.model.names import SYSTEM
from tests.support.browser import Browser, add
from tests.support.residents import voice
from tests.support.undecided import inhabited, propose


def test_a_notice_has_times_and_words_and_not_what_python_calls_them(private_state: Hive) -> None:
    add(private_state, "alice")
    asking.ask(private_state, mailing.SHELL, "Shall I?", to="alice", ttl=600)
    notice = viewing.newest_messages(private_state, 1)[0]
    due = json.loads(notice.body)["deadline_at"]
    shown = body_of(notice)
    assert notice.sender == SYSTEM and clock.local(due) in shown
    assert str(due) not in shown and "False" not in shown


def test_a_notice_with_odd_fields_is_shown_as_it_is(private_state: Hive) -> None:
    add(private_state, "alice")
    asking.ask(private_state, mailing.SHELL, "Shall I?", to="alice", ttl=600)
    notice = viewing.newest_messages(private_state, 1)[0]
    body = '{"event": "odd", "some_at": 1e300, "other_at": NaN, "third_at": "<b>", "list": ["<i>"]}'
    shown = body_of(notice._replace(body=body))
    assert "1e+300" in shown and "nan" in shown and "&lt;b&gt;" in shown and "&lt;i&gt;" in shown


def test_whoever_is_not_in_is_told_what_to_type(browser: Browser) -> None:
    shown = browser.ask("GET", "/").text
    assert "Not let in" in shown and "<code>hive-dashboard-url</code>" in shown
    assert "`" not in shown


def test_the_history_has_only_what_is_over(inside: Browser, private_state: Hive) -> None:
    inhabited(private_state)
    number = propose(private_state, "alice").id
    assert f"past-{number}" not in inside.ask("GET", "/history").text


def test_a_configuration_of_nothing_is_said_in_words(inside: Browser, private_state: Hive) -> None:
    inhabited(private_state)
    shown = inside.ask("GET", "/agent/alice/config").text
    assert "what hive.toml says" in shown and "{}" not in shown


def test_a_thread_that_has_an_agent_can_be_answered(inside: Browser, private_state: Hive) -> None:
    add(private_state, "alice")
    add(private_state, "bob")
    first = mailing.send(private_state, voice("alice"), "bob", "hello").id
    last = mailing.send(private_state, voice("bob"), "alice", "yes?", in_reply_to=first).id
    shown = inside.ask("GET", f"/thread/{first}").text
    assert f'name="in_reply_to" value="{last}"' in shown and 'name="to" value="bob"' in shown


def test_the_page_of_a_proposal_says_what_it_is_and_for_whom(
    inside: Browser, private_state: Hive
) -> None:
    inhabited(private_state)
    number = propose(private_state, "alice").id
    assert "apply_commit for alice" in inside.ask("GET", f"/approval/{number}").text


def test_a_chart_says_how_much_its_tallest_bar_is() -> None:
    spans = [Span(0.0, 3, 1, 0.0, 0), Span(3600.0, 1, 0, 0.0, 0)]
    parts: list[tuple[str, Callable[[Span], float]]] = [
        ("ok", lambda span: span.ok),
        ("bad", lambda span: span.bad),
    ]
    assert "the tallest is 4" in chart("Turns", spans, parts, str, str, "{:.0f}")
    assert "None in this time." in chart("Cost", [], parts, str, str, "${:.2f}")
