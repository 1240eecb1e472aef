"""A browser without JavaScript reads and decides."""

from hivelib.flow import asking, mailing, resolving
from hivelib.flow.opening import Hive
from tests.browser.conftest import Somebody
from tests.support.page import Page

PAGES = ("/", "/agent/alice", "/history", "/statistics", "/system", "/thread/1", "/search?q=cache")


def test_everything_is_read_and_decided(somebody: Somebody, page: Page, scenery: Hive) -> None:
    tab = somebody(page.port, page.cookie, java_script_enabled=False).context.new_page()
    for path in PAGES:
        tab.goto(path)
        assert tab.locator("main h1, main h2").first.is_visible(), path

    tab.goto("/agent/alice")
    tab.get_by_text("What it runs with").click()
    tab.get_by_role("link", name="its configuration").click()
    assert "packages.example.org" in tab.inner_text("body")

    tab.goto("/")
    tab.locator("#approval-4 summary").click()
    tab.locator("#approval-4").get_by_role("link", name="open it on a page of its own").click()
    assert "*.example.org" in tab.inner_text(".diff")
    tab.get_by_role("link", name="the proposal before").click()
    assert tab.get_by_role("button", name="Approve").count() == 0, "not to a part of the change"
    tab.get_by_role("link", name="what runs").click()
    tab.get_by_role("button", name="Approve").click()
    assert resolving.known(scenery, 4).status == "approved"
    tab.goto("/approval/5")
    tab.get_by_placeholder("Why not").fill("not now")
    tab.get_by_role("button", name="Deny").click()
    assert resolving.known(scenery, 5).note == "not now"

    tab.locator("#questions-1 label", has_text="all of them").click()
    tab.locator("#questions-1").get_by_role("button", name="Answer").click()
    assert asking.is_so(scenery, 1, "answered", "all of them")
    tab.get_by_role("link", name="Reply to 49").click()
    assert tab.input_value("#to") == "alice" and tab.input_value("#reply") == "49"
    tab.fill("#body", "as you say")
    tab.get_by_role("button", name="Send").click()
    row = mailing.inbox(scenery, "alice", 100)
    assert [(one.body, one.in_reply_to) for one in row if one.body == "as you say"] == [
        ("as you say", 49)
    ]
    tab.get_by_role("button", name="Mark 49 as read").click()
    assert tab.locator("#mail-49").count() == 0
