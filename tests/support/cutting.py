"""A page whose connection is cut again and again, and a browser that must miss nothing and double nothing."""

from hivelib.flow import mailing
from hivelib.flow.opening import Hive
from tests.support.chromium import Person, shown_ids
from tests.support.page import Page

LOST = "net::ERR"
WINDOW = 300  # messages that the flow shows at most


def sent(hive: Hive, words: str) -> int:
    """A message to the manager."""
    return mailing.send(hive, mailing.SHELL, "manager", words).id


def rows(hive: Hive) -> list[int]:
    """The numbers of the newest messages, oldest first."""
    found = hive.db.all("SELECT id FROM messages ORDER BY id DESC LIMIT ?", WINDOW)
    return [number for (number,) in reversed(found)]


def survive_cuts(person: Person, page: Page, hive: Hive, times: int) -> None:
    """Cuts the stream so often, with a message right before and after each cut; looks at all that is shown."""
    person.foreseen.append(LOST)
    tab = person.open()
    tab.locator("#body").fill("typed before")
    for number in range(times):
        sent(hive, f"before cut {number}")
        page.cut()
        last = sent(hive, f"after cut {number}")
        tab.locator(f"#message-{last}").wait_for()
    assert shown_ids(tab) == rows(hive)
    assert tab.locator("#body").input_value() == "typed before"
