"""What claude says while it runs, line by line, and what came of it.

Every line comes out of a box, so it may be anything: each value is looked at before it is used, nothing grows without
bound, and no line raises. Only what claude itself reports as an error counts (fields, never words): an agent that
writes about rate limits is not rate limited (facts, claude-cli, section 4).
"""

import json
import re
from typing import Any, NamedTuple

from hivelib.base.text import shortened

KEPT_MOST = 2 << 20
"""Characters of a line that the transcript keeps; of a longer one only what it was."""

RESET_MOST = 7 * 86400.0
"""Seconds: a reset that lies further ahead is not believed."""

_TYPE = re.compile(r"[a-z][a-z0-9_]{0,31}")
_TOOLS_MOST = 64
_COUNT_MOST = 2**53
_NOTE = 200
_AWAY = frozenset({None, 502, 503, 504, 529})
_NO_LOGIN = frozenset({"authentication_failed", "oauth_org_not_allowed"})
_NO_ANSWER = frozenset({"server_error", "overloaded", "unknown"})
_NO_SESSION = ("No conversation found with session ID", "--resume requires a valid session")
_SESSION_TAKEN = re.compile(r"Session ID \S+ is already in use")

Fields = dict[str, Any]


class Verdict(NamedTuple):
    """How a run ended: one of states.OUTCOMES, words, when a limit is over (UTC seconds, None: not known).

    `unseen`: the model never looked at the mail, so it was not the mail's fault.
    """

    kind: str
    note: str
    reset: float | None = None
    unseen: bool = False


class Reading:
    """What one run of claude has said so far."""

    def __init__(self) -> None:
        self.result: Fields | None = (
            None  # the first: what follows it is about work left in the background
        )
        self.spoke = False  # the model itself, not claude for it
        self.without_tools = False
        self._said_json = False
        self._usage: Fields = {}  # of the last result: cost adds up over the process
        self._error = ""  # of the last line in the model's name
        self._reset: Any = None
        self._context: int | None = None
        self._tools: dict[str, int] = {}
        self._troubles: list[str] = []

    def take(self, text: str) -> tuple[str, str]:
        """Looks at a line of claude's output; gives back its kind and the JSON to keep of it."""
        data = _parsed(text)
        if data is None:
            self.take_error(text)
            return _note("text", text)
        self._said_json = True
        kind = data.get("type")
        if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
            kind = "unknown"
        if look := _LOOKS.get(kind):
            look(self, data)
        if len(text) > KEPT_MOST:
            return kind, json.dumps({"type": "cut", "kind": kind, "characters": len(text)})
        return kind, text.replace("\n", " ").replace("\r", " ")  # white space between its tokens

    def take_error(self, text: str) -> tuple[str, str]:
        """Looks at a line of claude's stderr; gives back its kind and the JSON to keep of it."""
        if text.strip() and len(self._troubles) < 20:
            self._troubles.append(text[:1000])
        return _note("stderr", text)

    def _look_at_system(self, data: Fields) -> None:
        servers = data.get("mcp_servers")
        if data.get("subtype") == "init" and isinstance(servers, list):
            self.without_tools = {"name": "hyperhive", "status": "failed"} in servers

    def _look_at_assistant(self, data: Fields) -> None:
        message = _fields(data.get("message"))
        error = data.get("error")
        self._error = error if isinstance(error, str) else ""
        if message.get("model") == "<synthetic>" or self._error:
            return
        self.spoke = True
        if data.get("parent_tool_use_id") is None:
            self._context = _context(_fields(message.get("usage"))) or self._context
        blocks = message.get("content")
        for block in blocks if isinstance(blocks, list) else []:
            name = block.get("name") if isinstance(block, dict) else None
            if isinstance(name, str) and block.get("type") == "tool_use":
                name = shortened(name, 100)
                if name in self._tools or len(self._tools) < _TOOLS_MOST:
                    self._tools[name] = self._tools.get(name, 0) + 1

    def _look_at_limit(self, data: Fields) -> None:
        info = _fields(data.get("rate_limit_info"))
        if info.get("status") == "rejected":
            self._reset = info.get("resetsAt")

    def _look_at_result(self, data: Fields) -> None:
        self._usage = data
        if self.result is None:
            self.result = data

    def verdict(self, now: float) -> Verdict | None:
        """How the run ended by its result; None when there is none. `now` is UTC seconds."""
        if (result := self.result) is None:
            return None
        reason = result.get("terminal_reason")
        if reason in ("aborted_tools", "aborted_streaming"):
            return Verdict("cancelled", "interrupted")
        if reason in ("prompt_too_long", "blocking_limit"):
            return Verdict("prompt_too_long", self._words())
        if result.get("is_error") is False and result.get("subtype") == "success":
            return Verdict("ok", "")
        return self._error_verdict(result, now)

    def _error_verdict(self, result: Fields, now: float) -> Verdict:
        status = _count(result.get("api_error_status"))
        if self._error in _NO_LOGIN or status == 401:
            return Verdict("auth_failed", self._words())
        if self._error == "rate_limit" or status == 429:
            return Verdict("rate_limited", self._words(), _reset(self._reset, now))
        if self._error == "billing_error":
            return Verdict("rate_limited", self._words())
        away = self._error in _NO_ANSWER and status in _AWAY
        return Verdict("failed", self._words(), unseen=away and not self.spoke)

    def _words(self) -> str:
        result = self.result or {}
        errors = result.get("errors")
        for text in (result.get("result"), *(errors if isinstance(errors, list) else [])):
            if isinstance(text, str) and text.strip():
                return shortened(text.strip(), _NOTE)
        return shortened(str(result.get("subtype")), _NOTE)

    def trouble(self) -> str:
        """The first line of stderr, or of what was no JSON, in one safe line; empty when there was none."""
        return shortened(self._troubles[0].strip(), _NOTE) if self._troubles else ""

    def session_gone(self) -> bool:
        """Whether claude did not begin because it does not know the session, or has one of that name."""
        errors = (self.result or {}).get("errors")
        texts = [*self._troubles, *(errors if isinstance(errors, list) else [])]
        said = " ".join(text for text in texts if isinstance(text, str))
        refused = any(words in said for words in _NO_SESSION) or _SESSION_TAKEN.search(said)
        return not self.spoke and bool(refused)

    def mute(self) -> bool:
        """Whether not one line was claude's: it could not read its own settings, or could not run."""
        return not self._said_json

    def figures(self) -> Fields:
        """Columns of `turns` that the run tells of, each a sane number or left out."""
        usage = _fields(self._usage.get("usage"))
        found: Fields = {
            "input_tokens": _count(usage.get("input_tokens")),
            "output_tokens": _count(usage.get("output_tokens")),
            "cache_read_tokens": _count(usage.get("cache_read_input_tokens")),
            "cache_creation_tokens": _count(usage.get("cache_creation_input_tokens")),
            "last_context_tokens": self._context,
            "context_window": _window(_fields(self._usage.get("modelUsage"))),
            "cost_usd": _money(self._usage.get("total_cost_usd")),
            "tools": json.dumps(self._tools) if self._tools else None,
        }
        return {name: value for name, value in found.items() if value is not None}


_LOOKS = {
    "system": Reading._look_at_system,
    "assistant": Reading._look_at_assistant,
    "rate_limit_event": Reading._look_at_limit,
    "result": Reading._look_at_result,
}


def _parsed(text: str) -> Fields | None:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _note(kind: str, text: str) -> tuple[str, str]:
    return kind, json.dumps({"type": kind, "text": text[:KEPT_MOST]}, ensure_ascii=False)


def _fields(value: Any) -> Fields:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= _COUNT_MOST else None


def _money(value: Any) -> float | None:
    sane = type(value) in (int, float) and 0 <= value <= 1e6  # which NaN is not
    return float(value) if sane else None


def _context(usage: Fields) -> int | None:
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return sum(_count(usage.get(name)) or 0 for name in names) or None


def _window(models: Fields) -> int | None:
    windows = [_count(_fields(model).get("contextWindow")) for model in list(models.values())[:32]]
    return max((window for window in windows if window), default=None)


def _reset(value: Any, now: float) -> float | None:
    sane = type(value) in (int, float) and now < value <= now + RESET_MOST
    return float(value) if sane else None
