"""A claude played by a test, at one end of a real hive-mcp-pump, with a host that can die at the other."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.mcp_host import Cut, Host, Message
from tests.support.source import ROOT
from tests.support.state import short_directory

PUMP = ROOT / "bin/hive-mcp-pump"
# The pump with other limits: the same file, loaded as a module, its constants set before it runs.
WITH_LIMITS = """
import importlib.machinery, os, sys
pump = importlib.machinery.SourceFileLoader("pump", sys.argv[1]).load_module()
for limit in sys.argv[2].split(","):
    setattr(pump, limit.split("=")[0], float(limit.split("=")[1]))
os._exit(pump.main(sys.argv[3:]))
"""
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "claude"}}


class Claude:
    """The test's end of the pump."""

    def __init__(self, path: Path, turn: str = "88", limits: str = "") -> None:
        command = [str(PUMP)]
        if limits:
            command = [sys.executable, "-BW", "ignore", "-c", WITH_LIMITS, str(PUMP), limits]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([*command, str(path), turn], stdin=pipe, stdout=pipe)
        self.answers: dict[str, Message] = {}
        self.others: list[Message] = []
        self.numbers = iter(range(1, 1 << 30))

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            with suppress(OSError):  # what the pump did not take is lost with it
                pipe.close()

    def say(self, message: Message | bytes) -> None:
        assert self.process.stdin
        line = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def ask(self, method: str, params: Message, number: object = None) -> Any:
        number = next(self.numbers) if number is None else number
        self.say({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        return number

    def call(self, tool: str, text: str = "") -> Any:
        return self.ask("tools/call", {"name": tool, "arguments": {"text": text}})

    def hear(self) -> Message:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, f"the pump has ended: {self.process.wait()}"
        message: Message = json.loads(line)
        if "method" in message:
            self.others.append(message)
        else:
            key = json.dumps(message["id"])
            assert key not in self.answers, f"answered twice: {message}"
            self.answers[key] = message
        return message

    def answer(self, number: object) -> Message:
        while (key := json.dumps(number)) not in self.answers:
            self.hear()
        return self.answers[key]

    def greet(self) -> None:
        self.answer(self.ask("initialize", HELLO))
        self.say({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def text(self, number: object) -> str:
        return str(self.answer(number)["result"]["content"][0]["text"])

    def error(self, number: object) -> str:
        return str(self.answer(number)["error"]["message"])


@contextmanager
def pair(
    turn: str = "88", limits: str = "", cuts: tuple[Cut, ...] = ()
) -> Iterator[tuple[Claude, Host]]:
    with short_directory() as where:
        host = Host(where / "s")
        host.cuts += cuts
        host.listen()
        claude = Claude(host.path, turn, limits)
        try:
            yield claude, host
        finally:
            claude.end()
            host.leave()
