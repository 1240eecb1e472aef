"""What somebody types, chose, opened or scrolled to stays, whatever happens to the hive meanwhile."""

from hivelib.base import bell, clock
from hivelib.face.web.feeds import FAR
from hivelib.flow import asking, mailing, reminding
from hivelib.flow.opening import Hive
from hivelib.model.events import AgentChanged, AgentParked
from hivelib.store import agents, events
from tests.support.chromium import Person, live, visit
from tests.support.page import Page
from tests.support.residents import settle_in, voice
from tests.support.torrent import TICK, Torrent
from tests.support.undecided import propose

FOCUS = """() => { const one = document.activeElement;
  return [one.id, one.value, one.selectionStart, one.selectionEnd]; }"""
HELD_BACK = """() => { const real = window.fetch; const gate = new Promise((open) => { window.answered = open; });
  window.fetch = async (...asked) => { const answer = await real(...asked); await gate; return answer; }; }"""


def much_happens(hive: Hive, round_: int) -> str:
    """Changes something in each part of the first page; gives back the id of what was changed last."""
    for name in ("alice", "bob", "carol"):
        mailing.send(hive, voice(name), "operator", f"round {round_} of {name}")
    asking.ask(hive, voice("carol"), f"Shall I, {round_}?")
    propose(hive, "carol", f'{{"model": "opus", "egress": ["{round_}.example.org"]}}\n')
    with hive.db.write() as db:
        agents.park(db, "alice", "operator", None, f"round {round_}", clock.now())
        events.record(
            db, AgentParked("alice", reason="operator", until=None, why=f"round {round_}")
        )
    last = mailing.send(hive, mailing.SHELL, "manager", f"end of round {round_}").id
    bell.ring(hive.paths.bell, "events")
    return f"#message-{last}"


def test_typing_focus_selection_folds_and_scroll_stay(operator: Person, scenery: Hive) -> None:
    tab = operator.open()
    card = tab.locator("#approval-4")
    card.locator("summary").first.click()
    card.get_by_placeholder("Why not").fill("half a rea")
    tab.locator("#questions-1 input[type=radio]").nth(1).check()
    tab.locator("#questions-2-words").fill("the one by the win")
    tab.locator("#agent-bob summary").first.click()
    tab.locator("#messages").evaluate("(one) => { one.scrollTop = 200; }")
    body = tab.locator("#body")
    body.fill("a letter that takes time")
    body.evaluate("(one) => one.setSelectionRange(2, 8)")
    before = tab.evaluate(FOCUS)
    for round_ in range(4):
        tab.locator(much_happens(scenery, round_)).wait_for(state="attached")
        tab.get_by_text(f"Shall I, {round_}?").wait_for()
        assert tab.evaluate(FOCUS) == before == ["body", "a letter that takes time", 2, 8]
    assert card.get_by_placeholder("Why not").input_value() == "half a rea"
    assert card.locator("details.look").evaluate("(one) => one.open")
    assert tab.locator("#questions-1 input[type=radio]").nth(1).is_checked()
    assert tab.locator("#questions-2-words").input_value() == "the one by the win"
    assert tab.locator("#agent-bob details.menu").evaluate("(one) => one.open")
    assert tab.locator("#messages").evaluate("(one) => one.scrollTop") == 200
    tab.keyboard.press("ArrowRight")
    tab.keyboard.type("!")
    assert body.input_value() == "a letter! that takes time"


def test_all_of_that_stays_when_what_came_meanwhile_is_too_much_to_tell(
    operator: Person, page: Page, scenery: Hive
) -> None:
    tab = operator.open()
    card = tab.locator("#approval-4")
    card.locator("summary").first.click()
    card.get_by_placeholder("Why not").fill("half a rea")
    tab.locator("#questions-1 input[type=radio]").nth(1).check()
    tab.locator("#agent-bob summary").first.click()
    body = tab.locator("#body")
    body.fill("a letter that takes time")
    field = tab.locator("#questions-2-words")
    field.fill("the one by the win")
    field.evaluate("(one) => one.setSelectionRange(4, 7)")
    tab.evaluate("scrollTo(0, 120)")
    before, scrolled = tab.evaluate(FOCUS), tab.evaluate("scrollY")
    with tab.expect_response(lambda one: one.url.endswith(f":{page.port}/")) as anew:
        tab.evaluate("hide(true)")
        much = Torrent(page, round((FAR + 1) / TICK), TICK)
        much.run()
        tab.evaluate("hide(false)")
    assert anew.value.ok
    live(tab)
    tab.locator(f"#message-{much.sent[-1]}").wait_for(state="attached")
    assert tab.evaluate(FOCUS) == before == ["questions-2-words", "the one by the win", 4, 7]
    assert tab.evaluate("scrollY") == scrolled > 0
    assert card.get_by_placeholder("Why not").input_value() == "half a rea"
    assert card.locator("details.look").evaluate("(one) => one.open")
    assert tab.locator("#questions-1 input[type=radio]").nth(1).is_checked()
    assert tab.locator("#agent-bob details.menu").evaluate("(one) => one.open")
    assert body.input_value() == "a letter that takes time"
    later = mailing.send(scenery, mailing.SHELL, "manager", "and on").id
    tab.locator(f"#message-{later}").wait_for(state="attached")


def test_an_agents_menu_stays_while_what_it_offers_changes(operator: Person, scenery: Hive) -> None:
    tab = operator.open()
    row = tab.locator("#agent-alice")
    row.locator("summary").first.click()
    row.get_by_text("Destroy…").click()
    row.get_by_role("button", name="Rebuild").focus()
    for state, offered in (("stopped", "Start"), ("running", "Stop"), ("stopped", "Start")):
        with scenery.db.write() as db:
            agents.set_state(db, "alice", state, clock.now())
            events.record(db, AgentChanged("alice", what="config", by="operator"))
        bell.ring(scenery.paths.bell, "events")
        row.get_by_role("button", name=offered, exact=True).wait_for()
        assert row.get_by_role("button", name="Destroy alice").is_visible()
        assert tab.evaluate("document.activeElement.textContent") == "Rebuild"


def test_a_reminder_half_written_stays_while_the_others_go(operator: Person, scenery: Hive) -> None:
    tab = operator.open("/system")
    tab.get_by_text("Remind an agent").click()
    tab.locator("#remind-words").press_sequentially("look after")
    for one in reminding.listed(scenery):
        reminding.cancel(scenery, mailing.SHELL, one.id)
    tab.get_by_text("None is to come").wait_for()
    tab.keyboard.type(" it")
    assert tab.locator("#remind-words").input_value() == "look after it"


def test_a_field_in_focus_stays_in_focus_while_its_card_changes(
    operator: Person, scenery: Hive
) -> None:
    tab = operator.open()
    field = tab.locator("#questions-1-words")
    field.focus()
    for number in range(20):
        tab.keyboard.type("x")
        mailing.send(scenery, voice("alice"), "operator", f"and {number}")
    tab.get_by_text("and 19").first.wait_for()
    assert field.input_value() == "x" * 20
    assert tab.evaluate("document.activeElement.id") == "questions-1-words"


def test_a_draft_stays_until_it_was_sent(operator: Person) -> None:
    tab = operator.open()
    tab.locator("#to").fill("alice")
    tab.locator("#body").fill("begun\nand not yet done")
    visit(tab, "/history")
    visit(tab, "/")
    assert tab.locator("#body").input_value() == "begun\nand not yet done"
    assert tab.locator("#to").input_value() == "alice"
    tab.locator("#to").fill("nobody")
    operator.foreseen.append("409")
    tab.get_by_role("button", name="Send").click()
    tab.get_by_text("nobody").last.wait_for()
    assert tab.locator("#body").input_value() == "begun\nand not yet done"
    tab.locator("#to").fill("alice")
    tab.keyboard.press("Tab")
    tab.locator("#body").press("Control+Enter")
    tab.locator("#messages .message", has_text="and not yet done").wait_for()
    tab.get_by_text("sent as").wait_for()  # the stream may be faster than the answer
    assert tab.locator("#body").input_value() == ""
    visit(tab, "/")
    assert tab.locator("#body").input_value() == ""
    assert tab.locator("#to").input_value() == "alice"


def test_the_next_letter_may_be_begun_while_one_is_sent(operator: Person) -> None:
    tab = operator.open()
    tab.evaluate(HELD_BACK)
    tab.locator("#to").fill("alice")
    tab.locator("#body").fill("the first")
    tab.locator("#body").press("Control+Enter")
    tab.locator("#messages .message", has_text="the first").wait_for()
    tab.keyboard.type("and the sec")
    tab.evaluate("answered()")
    tab.get_by_text("sent as").wait_for()
    assert tab.locator("#body").input_value() == "and the sec"
    visit(tab, "/")
    assert tab.locator("#body").input_value() == "and the sec"


def test_what_is_new_is_counted_while_somebody_reads_further_up(
    operator: Person, scenery: Hive
) -> None:
    tab = operator.open()
    pill, flow = tab.locator("#newer"), tab.locator("#messages")
    at_end = "(one) => one.scrollHeight - one.scrollTop - one.clientHeight < 2"
    mailing.send(scenery, mailing.SHELL, "manager", "followed")
    flow.get_by_text("followed").wait_for()
    assert flow.evaluate(at_end) and pill.is_hidden()
    tab.set_viewport_size({"width": 1300, "height": 640})
    assert flow.evaluate(at_end), "a smaller window is still at the end"
    flow.evaluate("(one) => { one.scrollTop = 0; }")
    for number in range(3):
        mailing.send(scenery, mailing.SHELL, "manager", f"unseen {number}")
    tab.get_by_role("button", name="3 new").click()
    tab.wait_for_function("() => document.getElementById('newer').hidden")
    assert flow.evaluate(at_end)


def test_a_phone_opens_an_agent_at_the_end_of_its_turns(operator: Person) -> None:
    tab = operator.context.new_page()
    tab.set_viewport_size({"width": 390, "height": 844})
    visit(tab, "/agent/alice")
    seen = tab.locator(".line").last.bounding_box()
    assert seen and 0 < seen["y"] < 844


def test_a_transcript_grows_and_its_folds_stay(operator: Person, scenery: Hive) -> None:
    from tests.support import scene

    tab = operator.open("/agent/alice")
    fold = tab.locator(".piece.result details, details.piece.result").first
    fold.locator("summary").click()
    tab.locator("#body").fill("wait a mom")
    for number in range(5):
        scene.says(scenery, f"word {number}")
    tab.get_by_text("word 4").wait_for()
    assert fold.evaluate("(one) => one.open")
    assert tab.locator("#body").input_value() == "wait a mom"


def test_a_name_that_is_written_out_is_whom_it_is_for(operator: Person, scenery: Hive) -> None:
    tab = operator.open()
    tab.locator("#to").fill("alice")
    tab.locator("#body").press_sequentially("@bob can you hear")
    assert tab.locator("#to").input_value() == "bob"
    tab.locator("#body").press("Control+Enter")
    tab.locator("#messages .message", has_text="can you hear").wait_for()
    tab.get_by_text("sent as").wait_for()
    tab.locator("#body").press_sequentially("@*\nall of you")
    assert tab.locator("#to").input_value() == "*"
    assert tab.locator("#body").input_value() == "all of you"
    tab.locator("#body").fill("")
    tab.locator("#body").press_sequentially("@nobody hears")
    assert tab.locator("#to").input_value() == "*"
    row = scenery.db.one("SELECT recipient, body FROM messages ORDER BY id DESC")
    assert row == ("bob", "can you hear")


def test_a_name_with_a_figure_is_offered(operator: Person, scenery: Hive) -> None:
    settle_in(scenery, "r2d2")
    tab = operator.open()
    tab.locator("#body").press_sequentially("@r2d")
    tab.get_by_role("option", name="@r2d2").click()
    assert tab.locator("#to").input_value() == "r2d2"


def test_a_thread_is_answered_on_its_page(operator: Person, scenery: Hive) -> None:
    asked = mailing.send(scenery, voice("carol"), "operator", "which of them?").id
    tab = operator.open(f"/thread/{asked}")
    tab.locator("#body").fill("the second")
    tab.locator("#body").press("Control+Enter")
    tab.locator("#conversation .message", has_text="the second").wait_for()
    tab.locator("#body").fill("and the third")
    tab.get_by_role("button", name="Send").click()
    tab.locator("#conversation .message", has_text="and the third").wait_for()
    rows = scenery.db.all(
        "SELECT recipient, in_reply_to FROM messages WHERE sender = 'operator' ORDER BY id DESC LIMIT 2"
    )
    assert [tuple(row) for row in rows] == [("carol", asked)] * 2


def test_what_was_refused_is_not_said_any_more_once_something_was_done(operator: Person) -> None:
    operator.foreseen.append("400")
    tab = operator.open("/system")
    tab.get_by_text("Remind an agent").click()
    tab.locator("#remind-words").fill("look")
    tab.get_by_role("button", name="Set it").click()
    tab.locator("#told", has_text="needs a time").wait_for()
    tab.locator("#remind-when").fill("in 20 min")
    tab.get_by_role("button", name="Set it").click()
    tab.locator("#reminders tr", has_text="look").last.wait_for()
    tab.locator("#told").wait_for(state="hidden", timeout=5000)  # by itself it goes after 15 s
