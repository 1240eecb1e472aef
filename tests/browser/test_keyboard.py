"""All by keyboard: decide, answer, write; where one is can be seen, and nobody is thrown back to the beginning."""

from playwright.sync_api import Locator
from playwright.sync_api import Page as Tab

from hivelib.flow import asking, mailing, resolving
from hivelib.flow.opening import Hive
from tests.support.chromium import Person
from tests.support.residents import voice
from tests.support.waiting import until_value

OUTLINE = "getComputedStyle(document.activeElement).outlineStyle"
WHERE = """() => { const one = document.activeElement;
  return `${one.nodeName} ${one.id} ${one.innerText ?? ""}`; }"""


IN_SIGHT = """() => document.activeElement.getBoundingClientRect().top
  >= document.querySelector(".top").getBoundingClientRect().bottom"""


def tab_to(tab: Tab, wanted: Locator, most: int = 80) -> None:
    """Presses Tab until the focus is there, and sees on the way that it can be seen."""
    for _ in range(most):
        tab.keyboard.press("Tab")
        assert tab.evaluate(OUTLINE) != "none", tab.evaluate(WHERE)
        if wanted.evaluate("(one) => one === document.activeElement"):
            return
    raise AssertionError(f"{most} times Tab did not lead there, but to {tab.evaluate(WHERE)}")


def section_of(tab: Tab) -> str:
    """The section in which the focus is."""
    found: str = tab.evaluate("document.activeElement.closest('section')?.id ?? 'none'")
    return found


def test_the_first_tab_skips_to_the_content(operator: Person) -> None:
    tab = operator.open()
    tab.keyboard.press("Tab")
    skip = tab.get_by_role("link", name="Skip to the content")
    assert skip.evaluate("(one) => one === document.activeElement")
    box = skip.bounding_box()
    assert box and box["x"] >= 0
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    assert section_of(tab) == "approvals-section"


def test_approve_and_deny_with_a_reason(operator: Person, scenery: Hive) -> None:
    tab = operator.open()
    for number in (4, 5):
        card = tab.locator(f"#approval-{number}")
        tab_to(tab, card.locator("summary").first)
        tab.keyboard.press("Enter")
        card.locator(".decide").wait_for()
        if number == 4:
            sha = resolving.known(scenery, 4).fetched_sha
            tab_to(tab, card.get_by_role("button", name=f"Approve {str(sha)[:12]}"))
        else:
            tab_to(tab, card.get_by_placeholder("Why not"))
            tab.keyboard.type("too wide")
        tab.keyboard.press("Enter")
        until_value(scenery.db, "SELECT decided_at FROM approvals WHERE id = ?", number)
        card.locator(".badge").wait_for()
        assert section_of(tab) == "approvals-section"
        assert tab.evaluate(IN_SIGHT), "where one is can be seen"
    first, second = resolving.known(scenery, 4), resolving.known(scenery, 5)
    assert (first.status, second.status) == ("approved", "denied")
    assert second.note == "too wide"


def test_answer_a_question(operator: Person, scenery: Hive) -> None:
    tab = operator.open()
    tab_to(tab, tab.locator("#questions-1 input[type=radio]").first)
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    tab.locator("#questions-1").wait_for(state="detached")
    assert asking.is_so(scenery, 1, "answered", "all of them")
    assert section_of(tab) == "questions-section"
    tab_to(tab, tab.locator("#questions-2-words"))
    tab.keyboard.type("Gutenberg")
    tab.keyboard.press("Enter")
    tab.locator("#questions-2").wait_for(state="detached")
    assert asking.is_so(scenery, 2, "answered", "Gutenberg")
    assert section_of(tab) == "questions-section"


def test_write_to_somebody_whose_name_is_completed(operator: Person, scenery: Hive) -> None:
    tab = operator.open()
    tab_to(tab, tab.locator("#body"), 120)
    tab.keyboard.type("@car")
    words = tab.get_by_role("option")
    words.wait_for()
    assert words.all_inner_texts() == ["@carol"]
    tab.keyboard.press("Enter")
    tab.keyboard.type("hello @bo")
    words.wait_for()
    tab.keyboard.press("Tab")
    tab.keyboard.type("knows")
    tab.keyboard.press("Control+Enter")
    tab.locator("#messages .message", has_text="hello @bob knows").wait_for()
    row = scenery.db.one("SELECT sender, recipient, body FROM messages ORDER BY id DESC")
    assert row == ("operator", "carol", "hello @bob knows")
    assert tab.evaluate("document.activeElement.id") == "body"


def test_the_focus_goes_on_in_its_section_when_its_row_goes(
    operator: Person, scenery: Hive
) -> None:
    tab = operator.open()
    button = tab.locator("#mail-49").get_by_role("button", name="Mark 49 as read")
    tab_to(tab, button)
    tab.keyboard.press("Enter")
    tab.locator("#mail-49").wait_for(state="detached")
    assert section_of(tab) == "mail-section"
    fresh = mailing.send(scenery, voice("carol"), "operator", "read elsewhere").id
    tab_to(tab, tab.locator(f"#mail-{fresh} button"))
    mailing.mark_read(scenery, [fresh])
    tab.locator(f"#mail-{fresh}").wait_for(state="detached")
    assert section_of(tab) == "mail-section"
