"""A lost connection is said to be lost, and what came meanwhile is shown once; a hidden tab has no connection."""

import re
import signal
from pathlib import Path

from playwright.sync_api import Page as Tab

from hivelib.flow.opening import Hive
from tests.support import waiting
from tests.support.chromium import Person, live, shown_ids
from tests.support.cutting import LOST, rows, sent, survive_cuts
from tests.support.page import Page

AGO = re.compile(r"connection lost at \d.*, (\d+) seconds? ago")
# What the page does again and again: milliseconds between two times, for each that goes on.
TIMERS = """
window.ticking = new Map();
const [begin, end] = [setInterval, clearInterval];
window.setInterval = (work, pause) => { const one = begin(work, pause); ticking.set(one, pause); return one; };
window.clearInterval = (one) => { ticking.delete(one); end(one); };
"""


def followed(hive: Hive) -> bool:
    """Whether the page listens to the bell of events, as it does only while somebody follows."""
    return any(Path(hive.paths.bell).glob("events/*"))


def lost_for(tab: Tab) -> int:
    """For how many seconds the page says that its connection is lost, once it does."""
    ago = tab.locator("#live", has_text=AGO)
    ago.wait_for()
    found = AGO.search(tab.inner_text("#live"))
    assert found
    return int(found[1])


def test_a_killed_page_is_said_to_be_lost_and_comes_back_whole(
    operator: Person, page: Page, scenery: Hive
) -> None:
    operator.foreseen.append(LOST)
    tab = operator.open()
    tab.locator("#body").fill("not lost")
    page.kill(signal.SIGKILL)
    first = lost_for(tab)
    waiting.until(lambda: lost_for(tab) > first, "the time since then grows")
    assert "lost" in (tab.locator("#live").get_attribute("class") or "").split()
    assert "good" not in (tab.locator("#live").get_attribute("class") or "")
    missed = [sent(scenery, f"meanwhile {number}") for number in range(5)]
    page.start()
    live(tab)
    assert tab.inner_text("#live") == "live"
    tab.locator(f"#message-{missed[-1]}").wait_for()
    assert shown_ids(tab) == rows(scenery)
    assert tab.locator("#body").input_value() == "not lost"
    later = sent(scenery, "and on")
    tab.locator(f"#message-{later}").wait_for()
    assert shown_ids(tab) == rows(scenery)


def test_cut_connections_miss_nothing_and_double_nothing(
    operator: Person, page: Page, scenery: Hive
) -> None:
    survive_cuts(operator, page, scenery, 5)


def test_a_hidden_tab_holds_no_connection_and_catches_up(
    operator: Person, page: Page, scenery: Hive
) -> None:
    tab = operator.open()
    assert followed(scenery)
    tab.evaluate("hide(true)")
    waiting.until(lambda: not followed(scenery), "nobody follows")
    last = [sent(scenery, f"hidden {number}") for number in range(3)][-1]
    assert tab.locator(f"#message-{last}").count() == 0
    tab.evaluate("hide(false)")
    tab.locator(f"#message-{last}").wait_for()
    assert shown_ids(tab) == rows(scenery)
    assert followed(scenery)


def test_what_cannot_be_sent_stays_and_the_page_says_so(operator: Person) -> None:
    operator.foreseen.append("ERR_INTERNET_DISCONNECTED")
    tab = operator.open()
    tab.locator("#to").fill("alice")
    tab.locator("#body").fill("not lost")
    operator.context.set_offline(True)
    tab.locator("#body").press("Control+Enter")
    tab.locator("#said", has_text="the hive does not answer").wait_for()
    assert tab.locator("#body").input_value() == "not lost"


def test_nobody_counts_how_long_it_is_lost_who_does_not_look(operator: Person, page: Page) -> None:
    operator.foreseen.append(LOST)
    operator.context.add_init_script(TIMERS)
    tab = operator.open()
    counting = "[...ticking.values()].includes(1000)"
    page.kill(signal.SIGKILL)
    lost_for(tab)
    assert tab.evaluate(counting)
    tab.evaluate("hide(true)")
    assert not tab.evaluate(counting)
    tab.evaluate("hide(false)")
    assert tab.evaluate(counting)
    page.start()
    live(tab)
    assert not tab.evaluate(counting)
