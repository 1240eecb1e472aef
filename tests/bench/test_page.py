"""The page: one event to all who follow it, and a first load in a hive that has been at work for long."""

import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from hivelib.flow import mailing
from hivelib.store import events
from tests.bench.rig import ROOT, pairs, report, report_more
from tests.support import crowd
from tests.support.memory import pss
from tests.support.page import Page, open_page, until_idle
from tests.support.state import make_state

CLIENTS, EVENTS = 500, 20
MESSAGES = 1_000_000
QUIET = 30
pytestmark = pytest.mark.timeout(900)


class Words:
    """A process of tests/bench/fans.py."""

    def __init__(self, *words: object) -> None:
        argv = [sys.executable, "-m", "tests.bench.fans", *map(str, words)]
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def say(self, words: str) -> None:
        """Gives it a line."""
        assert self.process.stdin
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        """Its next line."""
        assert self.process.stdout
        said = self.process.stdout.readline().strip()
        assert said, "it died"
        return said


@contextmanager
def fans(*words: object) -> Iterator[Words]:
    """One of them, gone afterwards."""
    one = Words(*words)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.communicate()


@contextmanager
def followers(port: int, cookie: str, path: str, count: int) -> Iterator[Words]:
    """So many clients of a stream, once all of them follow it."""
    with fans("follow", port, count) as clients:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n"
        clients.say(json.dumps(head))
        assert clients.hear() == "ready"
        yield clients


def spans(event: Callable[[], None], clients: Words) -> list[float]:
    """Milliseconds from before an event until each client had it, of several events."""
    took = []
    for _ in range(EVENTS):
        began = time.monotonic()
        event()
        took += [(at - began) * 1000 for at in json.loads(clients.hear())]
    return took


def p99(spans: list[float]) -> float:
    """What one in a hundred is longer than."""
    return statistics.quantiles(spans, n=100)[98]


@contextmanager
def hive_page(where: Path, messages: int = 0) -> Iterator[Page]:
    """The page of a hive in that directory, with so many messages behind it (0: a new hive)."""
    where.mkdir()
    hive = make_state(where)
    with hive.db:
        if messages:
            crowd.fill(hive, messages)
        with open_page(hive, where / "hive.toml") as page:
            yield page


def test_one_event_to_all(disk: Path) -> None:
    with ExitStack() as stack:
        page = stack.enter_context(hive_page(disk / "hive"))
        with page.hive.db.write() as db:
            db.execute(
                "INSERT INTO agents(name, role, backend, incarnation, state, config, created_at, changed_at)"
                " VALUES('alice', 'agent', 'bwrap', 1, 'running', '{}', 0, 0)"
            )
        stream = f"/events?after={events.epoch(page.hive.db)}.{events.last_seq(page.hive.db)}"
        one = page.follow(stream)

        def ours() -> None:
            mailing.send(page.hive, mailing.SHELL, "alice", "please look at the logs of unit 17")

        ours()
        frame = one.until(lambda frame: True)[0]
        one.close()
        bytes_ = f"id: {frame.id}\ndata: {json.dumps(frame.data, separators=(',', ':'))}\n\n"
        control = stack.enter_context(fans("serve"))
        control.say(json.dumps(bytes_))
        port = int(control.hear())
        stream = f"/events?after={frame.id}"
        for count in (1, 100, CLIENTS):
            with (
                followers(page.port, page.cookie, stream, count) as my_clients,
                followers(port, "", "/", count) as their_clients,
            ):
                _measure(page, control, ours, my_clients, their_clients, count)


def _measure(
    page: Page,
    control: Words,
    ours: Callable[[], None],
    my_clients: Words,
    their_clients: Words,
    count: int,
) -> None:
    mine: list[float] = []
    theirs: list[float] = []

    def my_p99() -> float:
        mine.extend(found := spans(ours, my_clients))
        return p99(found)

    def their_p99() -> float:
        theirs.extend(found := spans(lambda: control.say("go"), their_clients))
        return p99(found)

    measured = pairs(my_p99, their_p99)
    print(
        f"\n{count} clients, median: {statistics.median(mine):.2f}, {statistics.median(theirs):.2f} ms"
    )
    against, bar = "wsgiref and threads", 1.0 if count == CLIENTS else None
    report(f"one event to {count} clients, p99", measured, unit="ms", against=against, at_most=bar)
    if count == CLIENTS:
        memory = pss(page.process.pid), pss(control.process.pid)
        sizes = (*memory, memory[0] / memory[1])
        report(f"memory with {count} clients", sizes, unit="MB", against=against, at_most=1.0)


def first_load(page: Page) -> tuple[float, float]:
    """Milliseconds from connecting until the first page begins to come, and until all of it is there."""
    head = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\nCookie: {page.cookie}\r\n"
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", page.port)) as link:
        link.sendall(f"{head}Accept-Encoding: gzip\r\nConnection: close\r\n\r\n".encode())
        assert link.recv(65536).startswith(b"HTTP/1.1 200 ")
        first = time.perf_counter() - began
        while link.recv(65536):
            pass
        return first * 1000, (time.perf_counter() - began) * 1000


def test_a_first_load_after_a_million_messages(disk: Path) -> None:
    with hive_page(disk / "old", MESSAGES) as old, hive_page(disk / "new") as new:
        print(
            f"\nthe first of all: {first_load(old)[1]:.0f} ms, empty hive {first_load(new)[1]:.0f} ms"
        )

        def best(page: Page, which: int, before: Callable[[], object] = lambda: None) -> float:
            found = []
            for _ in range(20):
                before()
                found.append(first_load(page)[which])
            return min(found)

        def busy() -> None:
            mailing.send(old.hive, mailing.SHELL, "a1", "please look at the logs of unit 17")

        name, against = (
            "of a first load, a million messages, 100 agents, 50 approvals",
            "empty hive",
        )
        measured = pairs(lambda: best(old, 0), lambda: best(new, 0))
        report(f"first byte {name}", measured, unit="ms", against=against, at_most=3)
        measured = pairs(lambda: best(old, 1), lambda: best(new, 1))
        report(f"last byte {name}", measured, unit="ms", against=against)
        measured = pairs(lambda: best(old, 1, busy), lambda: best(new, 1))
        report(f"last byte {name}, each after a new message", measured, unit="ms", against=against)


def switches(page: Page) -> int:
    """How often the threads of the page have gone to sleep."""
    tasks = Path(f"/proc/{page.process.pid}/task")
    return sum(
        int(line.split()[1])
        for task in tasks.iterdir()
        for line in (task / "status").read_text().splitlines()
        if line.startswith("voluntary_ctxt_switches")
    )


def test_an_idle_page_with_three_tabs(disk: Path) -> None:
    with hive_page(disk / "hive") as page, ExitStack() as stack:
        stream = f"/events?after={events.epoch(page.hive.db)}.{events.last_seq(page.hive.db)}"
        for _ in range(3):
            stack.callback(page.follow(stream).close)
        until_idle(page.process.pid)
        time.sleep(16)  # a request's deadline is 15 s, and its time passes once
        before, used = switches(page), time_used(page)
        time.sleep(QUIET)
        woken, more = switches(page) - before, time_used(page) - used
        report_more(
            f"wake-ups in {QUIET} s with three open tabs",
            woken,
            QUIET / 60,
            unit="",
            against="the beat",
        )
        assert more == 0


def time_used(page: Page) -> int:
    """Processor time of the page, in ticks."""
    fields = Path(f"/proc/{page.process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
