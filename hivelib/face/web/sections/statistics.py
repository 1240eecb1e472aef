"""Charts of turns and cost, drawn here as SVG: no picture is loaded, and each has its figures as a table."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hivelib.base import clock
from hivelib.face.web.sections.base import Drawer, Whole
from hivelib.face.web.views import render
from hivelib.flow import reckoning
from hivelib.flow.reckoning import DAY, HOUR, Span

WIDTH, HEIGHT, FOOT = 720, 140, 24
"""Units of a chart, and of the line below it that has times."""
DAYS = 30


class Bar(NamedTuple):
    """A bar of a chart: where it stands, its parts from below as (class, y, height), what it says."""

    x: float
    width: float
    parts: list[tuple[str, float, float]]
    words: str


def chart(
    title: str,
    spans: Sequence[Span],
    parts: Sequence[tuple[str, Callable[[Span], float]]],
    words: Callable[[Span], str],
    label: Callable[[float], str],
    figure: str,
) -> str:
    """A bar for each span, made of parts (class and value) that stand on each other; `label` names a time below,
    `figure` writes the value of the tallest."""
    most = max((sum(value(span) for _, value in parts) for span in spans), default=0.0)
    step = WIDTH / max(1, len(spans))
    bars = []
    for index, span in enumerate(spans):
        top, drawn = float(HEIGHT), []
        for kind, value in parts:
            height = value(span) / most * (HEIGHT - 8) if most else 0.0
            top -= height
            drawn.append((kind, round(top, 1), round(height, 1)))
        bars.append(Bar(round(index * step + 1, 1), round(step - 2, 1), drawn, words(span)))
    every = max(1, len(spans) // 6)
    marks = [
        (round(index * step, 1), label(spans[index].at)) for index in range(0, len(spans), every)
    ]
    return render(
        "chart",
        title=title,
        tallest=figure.format(most),
        bars=bars if most else [],
        marks=marks,
        width=WIDTH,
        height=HEIGHT,
        foot=FOOT,
    )


def charts(drawer: Drawer) -> str:
    """Turns of a day by the hour, turns and cost of a month by the day; of one agent or of all."""
    agent = drawer.subject or None
    hours = reckoning.spans(drawer.hive, HOUR, 24, agent)
    days = reckoning.spans(drawer.hive, DAY, DAYS, agent)
    ended = (("ok", lambda span: span.ok), ("bad", lambda span: span.bad))
    cost = (("cost", lambda span: span.cost),)
    return "".join(
        (
            chart(
                "Turns, 24 hours", hours, ended, _turns, lambda at: clock.local(at)[6:11], "{:.0f}"
            ),
            chart(
                f"Turns, {DAYS} days", days, ended, _turns, lambda at: clock.iso(at)[5:10], "{:.0f}"
            ),
            chart(
                f"Cost, {DAYS} days", days, cost, _cost, lambda at: clock.iso(at)[5:10], "${:.2f}"
            ),
        )
    )


def _turns(span: Span) -> str:
    return f"{clock.local(span.at)[:11]}: {span.ok} ok, {span.bad} not"


def _cost(span: Span) -> str:
    return f"{clock.iso(span.at)[:10]}: ${span.cost:.2f}, {span.tokens} tokens written"


def _charts(drawer: Drawer) -> str:
    return render("charts", charts=charts(drawer))


def _shares(drawer: Drawer) -> str:
    return render("shares", rows=reckoning.shares(drawer.hive, DAYS), days=DAYS)


_TURNS = frozenset({"turn_ended"})
CHARTS = Whole("charts", _TURNS, _charts)
SHARES = Whole("shares", _TURNS, _shares)
