#!/usr/bin/python3 -IS
"""Plays claude for an attacker: runs the Python that its mail holds, in the box, and tells what came of it.

usage: intruder --mcp-config FILE …     (started in the box, as claude would be)

The mail has a line of JSON: {"attack": NAME, "source": TEXT, "arguments": {…}}. The text defines a function of that
name, which is called with a Box; what it gives back is the turn's result, as JSON. All that is imported here is there.
"""

from __future__ import annotations

import ctypes
import fcntl  # noqa: F401  for attacks
import itertools
import json
import os
import signal  # noqa: F401  for attacks
import socket
import struct  # noqa: F401  for attacks
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

MCP, NET, PROXY = "/run/hive/mcp/mcp.sock", "/run/hive/net/net.sock", ("127.0.0.1", 3128)
HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "intruder", "version": "1"},
}
LIBC = ctypes.CDLL(None, use_errno=True)


class Box:
    """What an attack has: the tools as claude has them, raw ways to the sockets, and words for what failed."""

    def __init__(self, arguments: list[str]) -> None:
        self.arguments, self.turn = arguments, int(os.environ.get("HIVE_TURN") or 0)
        self.numbers = itertools.count(1)
        self.pump: subprocess.Popen[bytes] | None = None

    def tried(self, work: Callable[..., object], *given: Any, **more: Any) -> str:
        """`ok`, or the name of what it raised."""
        try:
            work(*given, **more)
        except BaseException as error:  # noqa: BLE001  whatever stops an attack is worth telling
            return type(error).__name__
        return "ok"

    def syscall(self, number: int, *arguments: int | bytes) -> str:
        """`ok`, or the name of the errno of a bare system call (x86-64)."""
        words = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
        if LIBC.syscall(ctypes.c_long(number), *words) >= 0:
            return "ok"
        import errno

        return errno.errorcode[ctypes.get_errno()]

    def connect(self) -> socket.socket:
        """A bare connection to mcp.sock."""
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(15)
        link.connect(MCP)
        return link

    def speak(self, link: socket.socket, *messages: object) -> None:
        """Sends lines: bytes as they are, everything else as JSON."""
        for one in messages:
            line = one if isinstance(one, bytes) else json.dumps(one).encode()
            link.sendall(line + b"\n")

    def heard(self, link: socket.socket, count: int) -> list[Any]:
        """The next lines, up to `count` of them; fewer when the hive hangs up or is silent for 15 s."""
        found: list[Any] = []
        rest = b""
        with suppress(OSError):
            while len(found) < count and (data := link.recv(1 << 16)):
                *lines, rest = (rest + data).split(b"\n")
                found += [json.loads(line) for line in lines]
        return found

    def preamble(self, turn: int | None = 0, **more: object) -> dict[str, object]:
        """What begins a connection; turn 0 stands for the turn that runs."""
        number = self.turn if turn == 0 else turn
        return {"hive": 1, "turn": number, "nonce": os.urandom(16).hex(), **more}

    def call(self, tool: str, arguments: object, preamble: object = None) -> Any:
        """One call of a tool over a connection of its own: its result or error; None when the hive hung up."""
        ask = {"name": tool, "arguments": arguments}
        with self.connect() as link:
            hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
            ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": ask}
            with suppress(OSError):
                self.speak(link, preamble or self.preamble(), hello, ready, call)
            for answer in self.heard(link, 2):
                if answer.get("id") == 2:
                    return answer.get("result") or answer.get("error")
        return None

    def text(self, tool: str, arguments: object, preamble: object = None) -> str:
        """As `call`, in words: what the model would read, or `closed`."""
        found = self.call(tool, arguments, preamble)
        if found is None:
            return "closed"
        return str(found["content"][0]["text"] if "content" in found else found["message"])

    def proxy(self, request: bytes, *, direct: bool = False) -> bytes:
        """All that the way out answers to some bytes, through the relay or over net.sock itself."""
        link = socket.socket(socket.AF_UNIX) if direct else socket.socket()
        with link:
            link.settimeout(15)
            link.connect(NET if direct else PROXY)
            link.sendall(request)
            parts = []
            with suppress(OSError):
                while data := link.recv(1 << 16):
                    parts.append(data)
        return b"".join(parts)

    def get(self, url: str) -> int:
        """The status with which a GET through the proxy ends; 0 for none."""
        head = self.proxy(f"GET {url} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
        return int(head[9:12]) if head.startswith(b"HTTP/1.1 ") else 0

    def tunnel(self, target: str) -> int:
        """The status with which a CONNECT ends; 0 for none."""
        head = self.proxy(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        return int(head[9:12]) if head.startswith(b"HTTP/1.1 ") else 0

    def say(self, line: object) -> None:
        """One line of claude's stream, or raw bytes."""
        data = line if isinstance(line, bytes) else json.dumps(line).encode()
        sys.stdout.buffer.write(data + b"\n")
        sys.stdout.buffer.flush()


def result(text: str, began: float) -> dict[str, Any]:
    """The line that ends a turn well."""
    usage = {"input_tokens": 1, "output_tokens": 1}
    head = {"type": "result", "subtype": "success", "is_error": False, "result": text}
    spent = int((time.monotonic() - began) * 1000)
    more = {"terminal_reason": "completed", "duration_ms": spent, "num_turns": 1, "usage": usage}
    return {**head, **more, "total_cost_usd": 0.0, "modelUsage": {}, "permission_denials": []}


def order_in(prompt: str) -> dict[str, Any] | None:
    """The attack that a prompt holds, None when it holds none."""
    for line in prompt.splitlines():
        if line.startswith('{"attack":'):
            return cast(dict[str, Any], json.loads(line))
    return None


def run(box: Box, order: dict[str, Any]) -> object:
    """Does what the order says and gives back its report."""
    place = dict(globals())
    exec(compile("from __future__ import annotations\n" + order["source"], "mail", "exec"), place)
    return place[order["attack"]](box, **order["arguments"])


def turn(box: Box, prompt: str) -> None:
    """One turn: what claude says at its start, the attack, the result."""
    began = time.monotonic()
    servers = [{"name": "hyperhive", "status": "connected"}]
    head = {"type": "system", "subtype": "init", "cwd": os.getcwd(), "model": "intruder"}
    box.say({**head, "session_id": "0", "tools": [], "mcp_servers": servers})
    order = order_in(prompt)
    try:
        report = run(box, order) if order else {"prompt": prompt}
    except Exception as error:  # noqa: BLE001  the test reads what it was
        report = {"raised": f"{type(error).__name__}: {error}"}
    box.say(result(json.dumps(report), began))


def words_of(message: dict[str, Any]) -> str:
    """The text of a user line, whose content is a string or a list of blocks."""
    content = message["message"]["content"]
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text", "") for block in content)


def main(arguments: list[str]) -> int:
    """Runs a turn for each user line until stdin ends; gives back the exit code."""
    if "--version" in arguments:
        print("1.0 (an intruder)")
        return 0
    box = Box(arguments)
    for line in sys.stdin:
        message = json.loads(line)
        if message.get("type") == "user":
            turn(box, words_of(message))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
