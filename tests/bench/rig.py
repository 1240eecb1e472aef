"""How a figure is made: ours and the control run in turn, the ratio of each pair is taken, the median is reported.

Nothing here asserts seconds. A bar that is missed is written down as missed; the test that measured it does not fail,
because a noisy machine is no bug. What fails a test is work that was not done.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "artifacts" / "bench.jsonl"
PAIRS = 5


class Figure(NamedTuple):
    """One line of docs/performance.md."""

    name: str
    ours: float
    control: float
    ratio: float
    bar: str
    met: bool
    unit: str
    against: str


def pairs(ours: Callable[[], float], control: Callable[[], float]) -> tuple[float, float, float]:
    """The medians of ours, of the control, and of the ratio of each of five interleaved pairs."""
    ours(), control()  # warm caches; not counted
    taken = [(ours(), control()) for _ in range(PAIRS)]
    return (
        statistics.median(mine for mine, _ in taken),
        statistics.median(theirs for _, theirs in taken),
        statistics.median(mine / theirs for mine, theirs in taken),
    )


def report(
    name: str,
    measured: tuple[float, float, float],
    *,
    unit: str,
    against: str,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Figure:
    """Keeps a figure for the table, and says it."""
    ours, control, ratio = measured
    bar, met = "", True
    if at_least is not None:
        bar, met = f"≥ {at_least:g}", ratio >= at_least
    if at_most is not None:
        bar, met = f"≤ {at_most:g}", ratio <= at_most
    figure = Figure(name, ours, control, ratio, bar, met, unit, against)
    KEPT.parent.mkdir(exist_ok=True)
    with KEPT.open("a", encoding="utf-8") as file:
        file.write(json.dumps(figure._asdict(), ensure_ascii=False) + "\n")
    print(f"\n{name}: {ours:.4g} {unit}, {against} {control:.4g}; ratio {ratio:.3g} {bar}")
    return figure


class Worker:
    """A process of tests/bench/workers.py: says `ready`, waits for a line, works, and says what it measured."""

    def __init__(self, *words: object) -> None:
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
        assert said, f"a worker died: {self.process.args}"
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
    producer.end(), consumer.end()
    assert len(sent) == len(got) == messages
    return statistics.median(end - start for start, end in zip(sent, got, strict=True)) * 1000


def milliseconds(argv: list[str], env: dict[str, str], stdin: str | None = None) -> float:
    """How long a whole command takes."""
    began = time.perf_counter()
    subprocess.run(argv, env=env, input=stdin, text=True, check=True, capture_output=True)
    return (time.perf_counter() - began) * 1000
