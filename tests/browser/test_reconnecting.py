"""A lost connection is said to be lost, and what came meanwhile is shown once; a hidden tab has no connection."""

import re
import signal
from pathlib import Path

from hivelib.flow.opening import Hive
from tests.support import waiting
from tests.support.chromium import Person, live, shown_ids
from tests.support.cutting import LOST, rows, sent, survive_cuts
from tests.support.page import Page


def followed(hive: Hive) -> bool:
    """Whether the page listens to the bell of events, as it does only while somebody follows."""
    return any(Path(hive.paths.bell).glob("events/*"))


def test_a_killed_page_is_said_to_be_lost_and_comes_back_whole(
    operator: Person, page: Page, scenery: Hive
) -> None:
    operator.foreseen.append(LOST)
    tab = operator.open()
    tab.locator("#body").fill("not lost")
    page.kill(signal.SIGKILL)
    tab.locator("#live", has_text=re.compile(r"connection lost at \d\d:\d\d:\d\d$")).wait_for()
    assert "lost" in (tab.locator("#live").get_attribute("class") or "").split()
    assert "good" not in (tab.locator("#live").get_attribute("class") or "")
    missed = [sent(scenery, f"meanwhile {number}") for number in range(5)]
    page.start()
    live(tab)
    tab.locator(f"#message-{missed[-1]}").wait_for()
    assert shown_ids(tab) == rows(scenery)
    assert tab.locator("#body").input_value() == "not lost"
    later = sent(scenery, "and on")
    tab.locator(f"#message-{later}").wait_for()
    assert shown_ids(tab) == rows(scenery)


def test_a_connection_that_is_lost_for_long_says_for_how_long(
    operator: Person, page: Page, scenery: Hive
) -> None:
    operator.foreseen.append(LOST)
    tab = operator.open()
    tab.clock.install()
    page.kill(signal.SIGKILL)
    tab.locator("#live", has_text=re.compile(r"connection lost at [\d:]+ ?[AP]?M?$")).wait_for()
    tab.clock.fast_forward(185000)
    tab.locator("#live", has_text=re.compile(r"connection lost at \d.*, 3 min ago$")).wait_for()
    page.start()
    live(tab)


def test_twenty_cut_connections_miss_nothing_and_double_nothing(
    operator: Person, page: Page, scenery: Hive
) -> None:
    survive_cuts(operator, page, scenery, 20)


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
