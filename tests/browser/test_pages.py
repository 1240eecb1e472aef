"""Every page in every width and both schemes: no serious barrier, nothing beyond the edge, a picture of it kept."""

import pytest

from tests.support import axe
from tests.support.chromium import Person, visit
from tests.support.source import ROOT

SHOTS = ROOT / "artifacts/screenshots"
PAGES = {
    "hive": "/",
    "agent": "/agent/alice",
    "approval": "/approval/4",
    "history": "/history",
    "statistics": "/statistics",
    "system": "/system",
    "search": "/search?q=cache",
    "thread": "/thread/1",
}
WIDTHS = (1440, 1024, 390)
TO_TOP = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(
  () => { scrollTo(0, 0); done(); })))"""  # after what the page itself does when its window changes
BEYOND = """[document.documentElement, ...document.querySelectorAll("section, li, header, form, table")]
  .filter((one) => one.checkVisibility() && one.clientWidth > 1)
  .filter((one) => getComputedStyle(one).overflowX == "visible" && one.scrollWidth > one.clientWidth + 1)
  .map((one) => `${one.nodeName} ${one.id} ${one.className} is ${one.scrollWidth} px in ${one.clientWidth}`)"""

# Only what has an id is known again, whatever comes or goes in front of it. What a turn said and what was loaded is not
# patched, and nothing comes or goes in a chart.
NAMELESS = """[...document.querySelectorAll("#page details:not([id], .piece, [data-keep] *, .chart *)")]
  .map((one) => one.outerHTML.slice(0, 80))"""


@pytest.mark.timeout(300)
def test_pages_are_whole_and_open_to_everybody(operator: Person, axe_script: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    tab = operator.context.new_page()
    faults = []
    for name, path in PAGES.items():
        for scheme in ("light", "dark"):
            tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            visit(tab, path)
            faults += [f"{name}: a patch may close {one}" for one in tab.evaluate(NAMELESS)]
            for width in WIDTHS:
                tab.set_viewport_size({"width": width, "height": 900})
                tab.evaluate(TO_TOP)
                faults += [f"{name} at {width}: {one}" for one in tab.evaluate(BEYOND)]
                tab.screenshot(path=SHOTS / f"{name}-{width}-{scheme}.png", full_page=True)
            rules = None if scheme == "light" else ["color-contrast"]
            faults += [f"{name} {scheme} {one}" for one in axe.faults(tab, axe_script, rules)]
    assert not faults, "\n".join(faults)
