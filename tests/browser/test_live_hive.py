"""An operator's day on the page of a hive that runs: real units, a scripted model behind the real claude."""

import re

import pytest
from playwright.sync_api import Page as Tab

from tests.browser.conftest import Somebody
from tests.conftest import RaiseHive
from tests.support.chromium import Person, live, visit
from tests.support.hive import LiveHive
from tests.support.script import Call, Gate, Rule, Say

MCP = "mcp__hyperhive__"
QUESTION = {"question": "Which **colour**?", "options": ["red", "blue"]}


def act(tab: Tab, name: str, verb: str) -> None:
    """Opens an agent's menu on the first page and presses what it offers."""
    row = tab.locator(f"#agent-{name}")
    row.locator("details.menu > summary").click()
    if verb == "Destroy":
        row.get_by_text("Destroy…").click()
    row.get_by_role("button", name=re.compile(f"^{verb}")).click()


def state(tab: Tab, name: str, word: str) -> None:
    """Waits until an agent is shown to be so."""
    tab.locator(f"#agent-{name} .state", has_text=re.compile(f"^{word}$")).wait_for()


def log_in(hive: LiveHive, somebody: Somebody) -> Person:
    """By the link that the tool prints."""
    url = hive.tool("hive-dashboard-url").stdout.strip()
    person = somebody(int(url.split(":")[2].partition("/")[0]))
    tab = person.context.new_page()
    tab.goto(url)
    tab.get_by_role("button", name="Open the hive").click()
    live(tab)
    return person


def alice_is_asked_for_and_approved(tab: Tab) -> None:
    tab.get_by_text("Ask for a new agent").click()
    tab.get_by_label("Name").fill("alice")
    tab.get_by_label("Why", exact=True).fill("to read logs")
    tab.get_by_role("button", name="Propose").click()
    card = tab.locator("#approvals .approval-card", has_text="spawn for alice")
    card.get_by_text("See what it changes, and decide").click()
    card.locator(".diff", has_text="nixosModules").first.wait_for()
    tab.evaluate("""() => { window.steps = new Set(); new MutationObserver(() => document
        .querySelectorAll(".step").forEach((one) => window.steps.add(one.textContent)))
        .observe(document.getElementById("approvals"), {subtree: true, childList: true, characterData: true}); }""")
    card.get_by_role("button", name=re.compile("^Approve")).click()
    state(tab, "alice", "idle")
    card.wait_for(state="detached")
    assert tab.evaluate("window.steps.size") >= 1, "the deploy is seen as it goes"


def bob_is_denied_with_a_reason(tab: Tab, hive: LiveHive) -> None:
    hive.tool("hive-request-spawn", "bob")
    card = tab.locator("#approvals .approval-card", has_text="spawn for bob")
    card.locator("summary").click()
    card.get_by_placeholder("Why not").fill("one is enough")
    card.get_by_role("button", name=re.compile("^Deny")).click()
    card.wait_for(state="detached")
    note = hive.db.value("SELECT note FROM approvals WHERE agent = 'bob'")
    assert note == "one is enough"


def a_letter_is_written_answered_and_read(tab: Tab, hive: LiveHive) -> None:
    tab.locator("#to").fill("alice")
    tab.locator("#body").fill("please report")
    tab.get_by_role("button", name="Send").click()
    letter = tab.locator("#mail .message", has_text="the log is fine")
    letter.wait_for()
    question = tab.locator("#questions .question")
    question.get_by_label("blue").check()
    question.get_by_role("button", name="Answer").click()
    question.wait_for(state="detached")
    assert hive.db.value("SELECT answer FROM questions") == "blue"
    letter.get_by_role("link", name="Reply").click()
    tab.locator("#body").fill("thank you")
    tab.locator("#body").press("Control+Enter")
    tab.locator("#messages .message", has_text="thank you").wait_for()
    letter.get_by_role("button", name=re.compile("as read")).click()
    letter.wait_for(state="detached")
    number = hive.db.value("SELECT in_reply_to FROM messages WHERE body = 'thank you'")
    visit(tab, f"/thread/{number}")
    assert "thank you" in tab.inner_text("#conversation")
    visit(tab, "/")
    tab.get_by_role("link", name="Search").click()
    tab.get_by_label("Words").fill("log fine")
    tab.get_by_label("Words").press("Enter")
    tab.get_by_text("1 message").wait_for()
    state_of = "SELECT count(*) = 0 FROM turns WHERE ended_at IS NULL"
    hive.until_value(state_of)


def a_turn_is_watched_and_interrupted(tab: Tab, gate: Gate) -> None:
    visit(tab, "/agent/alice")
    assert tab.locator(".piece.call", has_text="send to operator").count() == 1
    body, said = tab.locator("#body"), tab.locator("#said")
    body.fill("/he")
    tab.get_by_role("option", name="/help").click()
    body.press("Control+Enter")
    said.get_by_text("/cancel interrupts").wait_for()
    body.fill("/nonsense")
    body.press("Control+Enter")
    said.get_by_text("no command /nonsense").wait_for()
    body.fill("a long task")
    body.press("Control+Enter")
    gate.reached()
    tab.locator("#agent-head .state.working").wait_for()
    tab.locator("#agent-head").get_by_role("button", name=re.compile("Interrupt")).first.click()
    tab.locator(".turn .state.cancelled").wait_for()
    gate.open()
    body.fill("/restart")
    body.press("Control+Enter")
    said.get_by_text("queued:").wait_for()
    tab.locator("#agent-head .state.idle").wait_for()
    for fold, found in (
        ("What it runs with", "deployed/"),
        ("Turns and cost", "As a table"),
        ("What its units wrote", "hive-turn"),
    ):
        tab.get_by_text(fold).click()
        tab.locator(".loaded", has_text=found).wait_for()


def alice_is_stopped_started_and_rebuilt(tab: Tab, hive: LiveHive) -> None:
    visit(tab, "/")
    act(tab, "alice", "Stop")
    state(tab, "alice", "stopped")
    act(tab, "alice", "Start")
    state(tab, "alice", "idle")
    act(tab, "alice", "Rebuild")
    hive.until_value("SELECT count(*) FROM jobs WHERE kind = 'rebuild' AND state = 'done'")
    act(tab, "alice", "Restart")
    hive.until_value("SELECT count(*) = 2 FROM jobs WHERE kind = 'restart' AND state = 'done'")
    state(tab, "alice", "idle")


def alice_is_destroyed_revived_and_purged(tab: Tab, hive: LiveHive) -> None:
    act(tab, "alice", "Stop")
    state(tab, "alice", "stopped")
    tab.locator("#to").fill("alice")
    tab.locator("#body").fill("too late")
    tab.get_by_role("button", name="Send").click()
    tab.locator("#messages .message", has_text="too late").wait_for()
    act(tab, "alice", "Destroy")
    tab.locator("#agent-alice").wait_for(state="detached")
    letter = tab.locator("#letters .message", has_text="too late")
    letter.wait_for()
    visit(tab, "/system")
    tomb = tab.locator("#tombstone-alice")
    tomb.locator("summary").first.click()
    tomb.get_by_text("Incarnation").wait_for()
    tomb.get_by_role("button", name="Revive alice").click()
    tomb.wait_for(state="detached")
    visit(tab, "/")
    state(tab, "alice", "idle")
    letter.get_by_role("button", name=re.compile("again")).click()
    letter.wait_for(state="detached")
    hive.until_value("SELECT state = 'acked' FROM messages WHERE body = 'too late'")
    act(tab, "alice", "Destroy")
    tab.locator("#agent-alice").wait_for(state="detached")
    visit(tab, "/system")
    tomb.locator("summary").first.click()
    tomb.get_by_text("Purge…").click()
    tomb.get_by_role("button", name="Purge alice").click()
    tomb.wait_for(state="detached")
    hive.until_value("SELECT count(*) = 0 FROM agents WHERE name = 'alice'")


def reminders_logs_and_what_is_over_are_shown(tab: Tab) -> None:
    tab.get_by_text("Remind an agent").click()
    tab.get_by_label("Whom").select_option("manager")
    tab.get_by_label("When", exact=True).fill("in 20 min")
    tab.get_by_label("Words").fill("look at the disk")
    tab.get_by_role("button", name="Set it").click()
    row = tab.locator("#reminders tr", has_text="look at the disk")
    row.get_by_role("button", name=re.compile("Cancel")).click()
    row.wait_for(state="detached")
    tab.locator("#log-hive-dashboard summary").click()
    tab.locator("#log-hive-dashboard .log").wait_for()
    visit(tab, "/history")
    assert "one is enough" in tab.inner_text("#approvals-past")
    assert "blue" in tab.inner_text("#questions-past")
    visit(tab, "/statistics")
    assert tab.locator("#charts svg").count() == 3


def a_spectator_looks_on_until_shown_out(tab: Tab, somebody: Somebody) -> None:
    visit(tab, "/system")
    tab.get_by_role("button", name="Make a link that can only read").click()
    url = tab.locator("code", has_text="/login?token=").inner_text()
    spectator = somebody(int(url.split(":")[2].partition("/")[0]))
    other = spectator.context.new_page()
    other.goto(url)
    other.get_by_role("button", name="Open the hive").click()
    live(other)
    assert other.get_by_text("read only").is_visible()
    assert not other.locator("[data-act]").first.is_visible()
    spectator.foreseen.append("403")
    sent = "fetch('/api/send', {method: 'POST', body: '{}'}).then((answer) => answer.status)"
    assert other.evaluate(sent) == 403
    visit(tab, "/system")
    row = tab.locator("#sessions tr", has_text="read only")
    row.get_by_role("button").click()
    row.wait_for(state="detached")
    spectator.foreseen += ["401", "net::ERR"]
    other.get_by_text("logged out").wait_for()


@pytest.mark.timeout(300)
def test_every_section_and_action(live_hive: RaiseHive, somebody: Somebody) -> None:
    gate = Gate()
    report = Call(f"{MCP}send", to="operator", body="the log is fine")
    rules = [
        Rule("a long task", [Say("never said", gate=gate), Say("over")], agent="alice"),
        Rule("please report", [report, Call(f"{MCP}ask", **QUESTION), Say("told")], agent="alice"),
        Rule("", [Say("seen")], endless=True),
    ]
    hive = live_hive(rules)
    person = log_in(hive, somebody)
    tab = person.context.pages[0]
    alice_is_asked_for_and_approved(tab)
    bob_is_denied_with_a_reason(tab, hive)
    a_letter_is_written_answered_and_read(tab, hive)
    a_turn_is_watched_and_interrupted(tab, gate)
    alice_is_stopped_started_and_rebuilt(tab, hive)
    alice_is_destroyed_revived_and_purged(tab, hive)
    reminders_logs_and_what_is_over_are_shown(tab)
    a_spectator_looks_on_until_shown_out(tab, somebody)
    person.foreseen.append("409")
    tab.get_by_role("button", name="Log out").click()
    tab.get_by_text("You are logged out").wait_for()
