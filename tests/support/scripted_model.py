"""A scripted stand-in for the model's API, for tests that drive the real Claude Code CLI.

    with ScriptedModel([Rule("go", [Call("mcp__hyperhive__whoami"), Say("done")])]) as model:
        ...                       # run claude with ANTHROPIC_BASE_URL=model.url
        model.wait(2)             # until two requests were seen
    assert model.unmatched == []  # every request was one that the test had foreseen

It listens on 127.0.0.1 only, on a port the kernel picks. Only faults are counted here; all else is a
pure function of the request (tests/support/conversation.py).
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from tests.support.conversation import read
from tests.support.messages_api import Server
from tests.support.script import Call, Calls, Fail, Gate, Result, Rule, Say, Seen, Step
from tests.support.waiting import SECONDS

__all__ = [
    "Call",
    "Calls",
    "Fail",
    "Gate",
    "Result",
    "Rule",
    "Say",
    "ScriptedModel",
    "Seen",
    "Step",
]

SUMMARY = "(the conversation so far, in short)"
HELD_AT_MOST = 120.0  # seconds; a gate that nobody opens must not outlive its test


class ScriptedModel:
    """Answers requests by rules and keeps what it saw; use as a context manager.

    `bodies=False` forgets each request's body (60 kB and more) once it is answered, for long runs.
    """

    def __init__(self, rules: Sequence[Rule], *, bodies: bool = True) -> None:
        self.rules = rules
        self.requests: list[Seen] = []
        self.unmatched: list[Seen] = []
        self._bodies = bodies
        self._changed = threading.Condition()
        self._faults: dict[tuple[int, int, int, str], int] = {}
        self._gates: set[Gate] = set()
        self._server = Server(self.answer)
        self.url = self._server.url

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            for gate in self._gates:
                gate.open()
        self._server.stop()

    def answer(
        self, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> tuple[Seen, Say | Fail]:
        """What a request gets; it is recorded, and held at its gate, before this returns."""
        with self._changed:
            seen = read(len(self.requests) + 1, body, headers, self.rules)
            self.requests.append(seen if self._bodies else _without_body(seen))
            self._changed.notify_all()
            reply = self._reply(seen)
            if isinstance(reply, Say) and reply.gate:
                self._gates.add(reply.gate)
        if isinstance(reply, Say) and reply.gate and not reply.midway:
            reply.gate.pass_through(HELD_AT_MOST)
        return seen, reply

    def wait(self, wanted: int | Callable[[Seen], bool], seconds: float = SECONDS) -> Seen:
        """Waits for the N-th request, or one that fits, and gives it back; AssertionError if late."""
        with self._changed:
            deadline = time.monotonic() + seconds
            while True:
                if found := self._find(wanted):
                    return found
                left = deadline - time.monotonic()
                assert self._changed.wait(left) if left > 0 else False, self._late(seconds)

    def seen(self, words: str) -> list[Seen]:
        """The requests in which the model was shown these words since its prompt."""
        with self._changed:
            return [seen for seen in self.requests if words in seen.shown]

    def _find(self, wanted: int | Callable[[Seen], bool]) -> Seen | None:
        if isinstance(wanted, int):
            return self.requests[wanted - 1] if len(self.requests) >= wanted else None
        return next((seen for seen in self.requests if wanted(seen)), None)

    def _late(self, seconds: float) -> str:
        lines = [
            f"  {seen.number}: step {seen.step} of {seen.prompt[:80]!r}" for seen in self.requests
        ]
        return "\n".join([f"no such request within {seconds} s; the model saw:", *lines])

    def _reply(self, seen: Seen) -> Say | Fail:
        if seen.compaction:
            return Say(SUMMARY)
        if seen.rule is None:
            self.unmatched.append(seen)
            return Say("(no rule knows this)")
        steps, place = seen.rule.steps, seen.step
        if place >= len(steps):
            if not seen.rule.endless:
                self.unmatched.append(seen)
                return Say("(the script is over)")
            place = len(steps) - 1
        return self._past_faults(seen, steps[place])

    def _past_faults(self, seen: Seen, step: Step) -> Say | Fail:
        depth = 0
        while True:
            reply = step if isinstance(step, Say | Fail) else step(seen)
            if isinstance(reply, Say):
                return reply
            key = (id(seen.rule), seen.step, depth, seen.session)
            count = self._faults[key] = self._faults.get(key, 0) + 1
            if reply.times is None or count <= reply.times:
                return reply
            step, depth = reply.then, depth + 1


def _without_body(seen: Seen) -> Seen:
    return replace(seen, body={}, system="", headers={})
