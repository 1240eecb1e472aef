"""The browser tells what is new for the operator, of the kinds that they ticked, while they look elsewhere."""

from typing import Any

import pytest
from playwright.sync_api import Page as Tab

from hivelib.flow import asking, mailing
from hivelib.flow.opening import Hive
from tests.browser.conftest import Somebody
from tests.support.chromium import Person, live, shown_ids, visit
from tests.support.page import Page
from tests.support.residents import voice
from tests.support.undecided import propose

# What stands between the page and the desktop, which a browser without a screen has not.
DESKTOP = """
window.told = [];
const Real = window.Notification;
window.Notification = class extends EventTarget {
  static get permission() { return window.allowed ?? Real.permission; }
  static async requestPermission() { window.asked = true; return this.permission; }
  constructor(title, more) { super(); window.told.push({title, ...more, one: this}); }
  close() { this.closed = true; }
};
"""
TOLD = "told.map(({title, body, tag}) => [title, body, tag.replace(/^[^-]*-/, '')])"


@pytest.fixture
def elsewhere(operator: Person) -> Person:
    """Whose browser lets the page notify them."""
    operator.context.grant_permissions(["notifications"])
    operator.context.add_init_script(DESKTOP)
    return operator


def ticked(tab: Tab, *kinds: str) -> None:
    """Ticks kinds in the menu."""
    tab.locator("#notices summary").click()
    for kind in kinds:
        tab.locator(f"#notices input[name={kind}]").check()
    tab.locator("#notices summary.on").wait_for()
    tab.locator("#notices summary").click()


def all_kinds(hive: Hive, words: str) -> tuple[int, int, int]:
    """One of each kind, and one that is for nobody: its numbers."""
    mailing.send(hive, voice("alice"), "bob", words)
    asking.ask(hive, voice("alice"), words, to="bob")
    question = asking.ask(hive, voice("carol"), words).id
    proposal = propose(hive, "carol", f'{{"model": "{words}"}}\n').id
    return proposal, question, mailing.send(hive, voice("dave"), "operator", words).id


def told(tab: Tab, count: int) -> Any:
    """What the desktop was told, once it is so much."""
    tab.wait_for_function("(count) => told.length >= count", arg=count)
    return tab.evaluate(TOLD)


def test_what_is_new_is_told_once_while_the_tab_is_hidden(
    elsewhere: Person, page: Page, scenery: Hive
) -> None:
    elsewhere.foreseen.append("net::ERR")
    tab = elsewhere.open()
    ticked(tab, "approvals", "questions", "mail")
    all_kinds(scenery, "seen")  # by who looks at the page
    tab.locator("#mail", has_text="seen").wait_for()
    tab.evaluate("hide(true)")
    proposal, question, letter = all_kinds(scenery, "unseen")
    expected = [
        ["hyperhive: a proposal waits", "apply_commit for carol: more of it", f"approval-{proposal}"],
        ["hyperhive: a question for you", "carol: unseen", f"questions-{question}"],
        ["hyperhive: mail for you", "from dave: unseen", f"mail-{letter}"],
    ]  # fmt: skip
    assert sorted(told(tab, 3)) == expected
    assert tab.locator(f"#mail-{letter}").count() == 0, "a hidden tab draws nothing"
    page.cut()
    more = mailing.send(scenery, voice("bob"), "operator", "after a cut").id
    assert told(tab, 4)[3][2] == f"mail-{more}"
    tab.evaluate("hide(false)")
    tab.locator(f"#mail-{more}").wait_for()
    live(tab)
    assert len(tab.evaluate(TOLD)) == 4
    assert len(shown_ids(tab)) == scenery.db.value("SELECT count(*) FROM messages")
    tab.evaluate("window.focus = () => { window.focused = true; }")
    tab.evaluate("told[3].one.dispatchEvent(new Event('click'))")
    assert tab.evaluate("window.focused && told[3].one.closed")


def test_kinds_are_muted_in_this_browser(elsewhere: Person, scenery: Hive) -> None:
    tab = elsewhere.open()
    ticked(tab, "questions")
    visit(tab, "/")
    assert tab.locator("#notices summary.on").count() == 1
    tab.evaluate("hide(true)")
    _, question, _ = all_kinds(scenery, "one of three")
    assert told(tab, 1)[0][2] == f"questions-{question}"
    last = asking.ask(scenery, voice("carol"), "the last").id
    assert [tag for _, _, tag in told(tab, 2)] == [f"questions-{question}", f"questions-{last}"]


def test_without_leave_nothing_is_told_and_the_page_says_why(
    somebody: Somebody, page: Page, scenery: Hive
) -> None:
    person = somebody(page.port, page.cookie)
    person.context.add_init_script(DESKTOP)
    tab = person.open()
    assert not tab.evaluate("window.asked"), "nobody is asked who did not ask for it"
    tab.evaluate("window.allowed = 'denied'")
    tab.locator("#notices summary").click()
    tab.locator("#notices input[name=mail]").click()
    tab.get_by_text("does not let the page notify you").wait_for()
    assert not tab.locator("#notices input[name=mail]").is_checked()
    tab.evaluate("hide(true)")
    all_kinds(scenery, "unheard")
    tab.evaluate("hide(false)")
    tab.locator("#mail", has_text="unheard").wait_for()
    assert tab.evaluate(TOLD) == []
