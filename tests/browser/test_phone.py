"""On a phone what can be done is within the screen, and nothing lies under the head of the page."""

from tests.support.chromium import Person, visit

BOX = "(one) => { const box = one.getBoundingClientRect(); return [box.left, box.right]; }"
EDGES = """() => [document.querySelector(".top").getBoundingClientRect().bottom,
  document.querySelector("#agent-head").getBoundingClientRect().top]"""


def test_the_menu_of_an_agent_opens_within_the_screen(operator: Person) -> None:
    tab = operator.context.new_page()
    tab.set_viewport_size({"width": 390, "height": 844})
    visit(tab, "/agent/alice")
    tab.locator("#agent-head .menu > summary").click()
    menu = tab.locator("#agent-head .menu > .row")
    menu.wait_for()
    left, right = menu.evaluate(BOX)
    assert left >= 0 and right <= 390


def test_the_head_of_an_agent_sticks_below_a_head_of_many_lines(operator: Person) -> None:
    tab = operator.context.new_page()
    tab.set_viewport_size({"width": 390, "height": 844})
    visit(tab, "/agent/alice")
    for height in ("9rem", "2rem"):
        tab.evaluate("(height) => document.querySelector('.brand').style.height = height", height)
        tab.wait_for_function(
            f"() => {{ const [a, b] = ({EDGES})(); return Math.abs(a - b) < 2; }}"
        )
