"""How a figure is made: ours and the control run in turn, the ratio of each pair is taken, the median is reported.

Nothing here asserts seconds. A bar that is missed is written down as missed; the test that measured it does not fail,
because a noisy machine is no bug. What fails a test is work that was not done.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.support.people import Person, Word

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "artifacts" / "bench.jsonl"
PAIRS = 5


class Figure(NamedTuple):
    """One line of docs/performance.md; `verdict` is empty where no bar was set."""

    name: str
    ours: float
    control: float
    unit: str
    against: str
    compared: str
    bar: str
    verdict: str


Measured = tuple[float, float, float]
"""Ours, the control, and the ratio of the two."""


def pairs(ours: Callable[[], float], control: Callable[[], float], count: int = PAIRS) -> Measured:
    """The medians of ours, of the control, and of the ratio of each of `count` interleaved pairs."""
    ours(), control()  # warm caches; not counted
    taken = [(ours(), control()) for _ in range(count)]
    return (
        statistics.median(mine for mine, _ in taken),
        statistics.median(theirs for _, theirs in taken),
        statistics.median(mine / theirs for mine, theirs in taken),
    )


def report(
    name: str,
    measured: Measured,
    *,
    unit: str,
    against: str,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Figure:
    """Keeps a figure whose ratio counts; a bar is a bound of the ratio."""
    ours, control, ratio = measured
    bar, met = "", True
    if at_least is not None:
        bar, met = f"≥ {at_least:g} x", ratio >= at_least
    if at_most is not None:
        bar, met = f"≤ {at_most:.2g} x", ratio <= at_most
    return _keep(
        Figure(name, ours, control, unit, against, f"{ratio:.3g} x", bar, _verdict(bar, met))
    )


def report_more(
    name: str, ours: float, control: float, *, unit: str, against: str, at_most: float | None = None
) -> Figure:
    """Keeps a figure whose difference counts: how much more ours is than the control."""
    more = ours - control
    bar = "" if at_most is None else f"≤ +{at_most:g} {unit}"
    verdict = _verdict(bar, at_most is None or more <= at_most)
    return _keep(Figure(name, ours, control, unit, against, f"{more:+.3g} {unit}", bar, verdict))


def _verdict(bar: str, met: bool) -> str:
    return "" if not bar else "met" if met else "**missed**"


def _keep(figure: Figure) -> Figure:
    KEPT.parent.mkdir(exist_ok=True)
    with KEPT.open("a", encoding="utf-8") as file:
        file.write(json.dumps(figure._asdict(), ensure_ascii=False) + "\n")
    name, ours, control, unit, against, compared, bar, verdict = figure
    print(f"\n{name}: {ours:.4g} {unit}, {against} {control:.4g}; {compared} {bar} {verdict}")
    return figure


class Worker:
    """A process of tests/bench/workers.py: says `ready`, waits for a line, works, and says what it measured."""

    def __init__(self, *words: object) -> None:
        self.words = words
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.workers", *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def line(self) -> str:
        """The next line that the worker says."""
        assert self.process.stdout
        said = self.process.stdout.readline()
        assert said, f"a worker died: {self.words}"
        return said.strip()

    def go(self) -> None:
        """Lets it begin."""
        assert self.process.stdin
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def end(self) -> None:
        """Waits for its end."""
        self.process.communicate(timeout=60)
        assert self.process.returncode == 0


def rate(kind: str, address: str, producers: int, each: int) -> float:
    """Messages a second that `producers` processes send together, each of them `each` messages."""
    workers = [Worker("produce", kind, address, each, number) for number in range(producers)]
    for worker in workers:
        assert worker.line() == "ready"
    began = time.perf_counter()
    for worker in workers:
        worker.go()
    for worker in workers:
        assert worker.line() == f"done {each}"
    took = time.perf_counter() - began
    for worker in workers:
        worker.end()
    return producers * each / took


def latency(kind: str, address: str, messages: int) -> float:
    """Median milliseconds from before a send until another process has the message and has acked it."""
    consumer = Worker("consume", kind, address, messages)
    assert consumer.line() == "ready"
    producer = Worker("ping", kind, address, messages)
    assert producer.line() == "ready"
    consumer.go()
    producer.go()
    sent = json.loads(producer.line())
    got = json.loads(consumer.line())
    for worker in (producer, consumer):
        worker.end()
    assert len(sent) == len(got) == messages
    spans: list[float] = [end - start for start, end in zip(sent, got, strict=True)]
    return statistics.median(spans) * 1000


class Stopwatch:
    """A process of tests/bench/stopwatch.py, run as `person`, that times whole commands."""

    def __init__(self, person: Person, environment: dict[str, str], *databases: Path) -> None:
        argv: list[Word] = [sys.executable, "-m", "tests.bench.stopwatch", *databases]
        self._process = person.start(
            argv, environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def milliseconds(self, argv: Sequence[Word], times: int = 5) -> float:
        """How long a command takes from its start to its end: the median of some runs."""
        return statistics.median(self._once(argv) for _ in range(times))

    def _once(self, argv: Sequence[Word]) -> float:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps([str(word) for word in argv]) + "\n")
        self._process.stdin.flush()
        said = self._process.stdout.readline()
        assert said, f"failed: {argv}"
        return float(said)

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate(timeout=60)
