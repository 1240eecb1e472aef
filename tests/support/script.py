"""What a test writes for the scripted model: rules, steps, faults, and gates that hold an answer back.

    Rule("go", [Call("mcp__hyperhive__send", to="bob", body="hi"), Say("told bob")], agent="alice")

A step is an answer (Say), a fault (Fail) or a function of what was Seen that gives back one of them.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.waiting import SECONDS

NOTHING: Mapping[str, Any] = {}


class Gate:
    """Holds an answer until the test opens it; the test can wait until an answer stands before it."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._open = threading.Event()

    def reached(self, seconds: float = SECONDS) -> None:
        """Waits until an answer is held here; AssertionError when none came."""
        assert self._reached.wait(seconds), f"no answer came to the gate within {seconds} s"

    def open(self) -> None:
        """Lets the held answer, and every later one, through."""
        self._open.set()

    def pass_through(self, seconds: float) -> bool:
        """The model's side: says it is here, and waits; False when nobody opened in time."""
        self._reached.set()
        return self._open.wait(seconds)


@dataclass(frozen=True)
class ToolUse:
    """One tool call in an answer."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Say:
    """An answer: text, tool calls, what it claims to have used, and how it arrives.

    `gate` holds it before its first byte, or, with `midway`, after the first piece of text. `cut`
    drops the connection there instead; claude then asks again without streaming and gets it whole.
    """

    text: str | None = None
    calls: tuple[ToolUse, ...] = ()
    usage: Mapping[str, int] = field(default_factory=dict)
    gate: Gate | None = None
    midway: bool = False
    cut: bool = False
    stop: str | None = None


@dataclass(frozen=True)
class Fail:
    """An HTTP error, `times` times for each conversation (None: always), and then what `then` says."""

    status: int
    kind: str
    message: str = "scripted"
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int | None = 1
    then: "Step" = field(default_factory=lambda: Say("after the fault"))


@dataclass(frozen=True)
class Result:
    """A tool result that the model was shown."""

    tool: str
    text: str
    is_error: bool


@dataclass(frozen=True)
class Seen:
    """One request as the model saw it, and which rule and step answered it."""

    number: int
    system: str
    tools: tuple[str, ...]
    prompt: str = ""
    step: int = 0
    results: tuple[Result, ...] = ()
    notes: tuple[str, ...] = ()
    rule: "Rule | None" = None
    compaction: bool = False
    session: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """Everything since the prompt that the model was shown, for a search of words."""
        return "\n".join([self.prompt, *(result.text for result in self.results), *self.notes])


Step = Say | Fail | Callable[[Seen], "Say | Fail"]


@dataclass(frozen=True, eq=False)
class Rule:
    """Which conversations this script is for, and its steps.

    `when` is a regex searched in a user's text, newest first; `agent` one searched in the system
    prompt, which tells agents apart. `endless` repeats the last step instead of being over.
    """

    when: str
    steps: Sequence[Step]
    agent: str = ""
    endless: bool = False


def Call(tool: str, text: str | None = None, **arguments: Any) -> Say:
    """An answer that calls one tool."""
    return Say(text=text, calls=(ToolUse(tool, arguments),))


def Calls(*uses: tuple[str, Mapping[str, Any]]) -> Say:
    """An answer that calls several tools at once."""
    return Say(calls=tuple(ToolUse(name, arguments) for name, arguments in uses))


def unauthorized(times: int | None = None) -> Fail:
    """401: the key is wrong."""
    return Fail(401, "authentication_error", "invalid x-api-key", times=times)


def rate_limited(retry_after: int, times: int | None = None, then: Step | None = None) -> Fail:
    """429; claude gives up at once when `retry_after` is over 60 seconds."""
    headers = {"retry-after": str(retry_after)}
    return Fail(429, "rate_limit_error", "slow down", headers, times, then or Say("on again"))


def overloaded(times: int | None = 1, then: Step | None = None) -> Fail:
    """529: claude tries three times within four seconds."""
    return Fail(529, "overloaded_error", "Overloaded", NOTHING, times, then or Say("on again"))


def too_long(times: int | None = 1, then: Step | None = None) -> Fail:
    """400: the conversation no longer fits the model's window."""
    words = "prompt is too long: 215000 tokens > 200000 maximum"
    return Fail(400, "invalid_request_error", words, NOTHING, times, then or Say("it fits now"))
