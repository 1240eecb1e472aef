#!/usr/bin/python3 -IS
"""A claude for tests of the turn: speaks stream-json as 2.1.197 does, and does what the message that wakes it says.

It keeps its world in its working directory: `argv.jsonl` (arguments and environment of each run), `prompts.jsonl`,
`sessions/` (which it knows), `gate` (a fifo that holds `DO wait` until the test opens it), `corrupt` (makes one run
fail as a damaged .claude.json does). `DO word` in the prompt, on a line of its own, calls `do_word`.
"""

import ctypes
import json
import os
import signal
import sys
from typing import Any, NoReturn

MODEL = "claude-sonnet-5"
GARBAGE = (
    b"",
    b"no json",
    b"[" * 100000,
    b"7" * 5000,
    b'{"type": [1]}',
    b'{"type": "assistant", "message": 7}',
    b'{"type": "assistant", "message": {"content": [7, {"type": "tool_use", "name": "\\ud800"}]}}',
    b"\xff\xfe \x00",
    b'{"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 1e999}}',
    b'{"type": "system", "subtype": "init", "mcp_servers": {}, "x": "\\ud800"}',
    b'"' + b"x" * (9 << 20),
)
SESSION = {"session_id": ""}


def out(**line: Any) -> None:
    """Says a line."""
    print(json.dumps({**line, **SESSION}), flush=True)


def heard() -> dict[str, Any] | None:
    """The next line of stdin, None at its end."""
    line = sys.stdin.readline()
    found: dict[str, Any] | None = json.loads(line) if line else None
    return found


def assistant(block: dict[str, Any], model: str = MODEL, **more: Any) -> None:
    usage = {"input_tokens": 700, "cache_read_input_tokens": 50, "cache_creation_input_tokens": 5}
    message = {"role": "assistant", "model": model, "content": [block], "usage": usage}
    out(type="assistant", message=message, parent_tool_use_id=None, **more)


def say(words: str, **more: Any) -> None:
    assistant({"type": "text", "text": words}, **more)


def result(is_error: bool = False, subtype: str = "success", **more: Any) -> None:
    usage = {"input_tokens": 40, "output_tokens": 20}
    caches = {"cache_creation_input_tokens": 3, "cache_read_input_tokens": 4}
    line = {
        "type": "result",
        "subtype": subtype,
        "is_error": is_error,
        "api_error_status": None,
        "result": "done",
        "total_cost_usd": 0.25,
        "terminal_reason": "completed",
        "usage": {**usage, **caches},
        "modelUsage": {MODEL: {"contextWindow": 200000}},
    }
    out(**{**line, **more})


def error(kind: str, status: int | None, words: str) -> None:
    say(words, model="<synthetic>", error=kind)
    result(True, api_error_status=status, result=words)


def leave(code: int) -> NoReturn:
    sys.stdout.flush()
    os._exit(code)


def until_interrupted(obey: bool) -> None:
    say("at it")
    while (line := heard()) is not None:
        if line["type"] == "control_request" and obey:
            answer = {"subtype": "success", "request_id": line["request_id"]}
            out(type="control_response", response=answer)
            result(True, "error_during_execution", terminal_reason="aborted_tools")
            return


def do_ok() -> None:
    assistant({"type": "tool_use", "id": "t", "name": "Bash", "input": {}})
    say("all done")
    result()


def do_tell() -> None:
    say("I hit a rate_limit: 429, authentication_failed, Prompt is too long!")
    result(result="rate_limit 429")


def do_limit() -> None:
    resets = int(os.environ["RESETS_AT"])
    info = {"status": "rejected", "resetsAt": resets, "rateLimitType": "five_hour"}
    out(type="rate_limit_event", rate_limit_info=info)
    error("rate_limit", 429, "You've hit your session limit")


def do_busy() -> None:
    error("rate_limit", 429, "API Error: Request rejected (429)")


def do_login() -> None:
    error("authentication_failed", None, "Not logged in · Please run /login")


def do_refuse() -> None:
    error("invalid_request", 400, "API Error: 400 no such thing")


def do_away() -> None:
    error("server_error", None, "API Error: Unable to connect to API (ConnectionRefused)")


def do_long() -> None:
    words = "Prompt is too long"
    result(True, api_error_status=400, result=words, terminal_reason="prompt_too_long")


def do_work() -> None:
    until_interrupted(obey=True)


def do_deaf() -> None:
    until_interrupted(obey=False)


def do_stubborn() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    until_interrupted(obey=False)


def do_die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def do_crash() -> None:
    print("Segmentation fault (core dumped)", file=sys.stderr)
    leave(3)


def do_boxdies() -> None:
    say("farewell")
    os.kill(os.getppid(), signal.SIGKILL)
    signal.pause()


def do_wait() -> None:
    say("waiting")
    with open("gate", encoding="utf-8") as gate:
        gate.read()
    result()


def do_linger() -> None:
    result()
    while heard() is not None:
        pass
    signal.pause()


def do_write() -> None:
    with open(os.environ["STATE"] + "/big", "wb") as file:
        file.write(b"x" * (3 << 20))
    until_interrupted(obey=True)


def do_garbage() -> None:
    for line in GARBAGE:
        sys.stdout.buffer.write(line + b"\n")
    sys.stdout.flush()
    figures = {"input_tokens": -1, "output_tokens": 10**400, "cache_read_input_tokens": True}
    result(total_cost_usd=float("nan"), usage=figures, modelUsage=[1])


def begin() -> None:
    """What claude does before it reads its prompt: its settings, its session."""
    arguments = sys.argv[1:]
    with open("argv.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps({"argv": arguments, "env": dict(os.environ)}) + "\n")
    resumes = "--resume" in arguments
    session = arguments[arguments.index("--resume" if resumes else "--session-id") + 1]
    SESSION["session_id"] = session
    known = os.path.exists("sessions/" + session)
    if os.path.exists("corrupt"):
        os.unlink("corrupt")
        print("Configuration error in .claude.json: JSON Parse error", file=sys.stderr)
        leave(1)
    if resumes and not known:
        words = "No conversation found with session ID: " + session
        print(words, file=sys.stderr)
        out(type="result", subtype="error_during_execution", is_error=True, errors=[words])
        leave(1)
    if known and not resumes:
        print(f"Error: Session ID {session} is already in use.", file=sys.stderr)
        leave(1)
    os.makedirs("sessions", exist_ok=True)
    with open("sessions/" + session, "w", encoding="utf-8"):
        pass


def main() -> None:
    begin()
    line = heard()
    assert line
    prompt = line["message"]["content"]
    with open("prompts.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(prompt) + "\n")
    servers = [{"name": "hyperhive", "status": "connected"}]
    out(type="system", subtype="init", mcp_servers=servers, model=MODEL)
    words = [name for name in globals() if f"\nDO {name[3:]}\n" in prompt]
    globals()[words[0] if words else "do_ok"]()
    while heard() is not None:
        pass


if __name__ == "__main__":
    # Tests run it without a box, whose end would end it: so it ends with hive-exec (PR_SET_PDEATHSIG, prctl(2)).
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    main()
