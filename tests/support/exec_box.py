"""hive-exec without a box: its places lie in a directory of the test, and the test is the host."""

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.ports import free_port
from tests.support.source import ROOT

# hive-exec itself, loaded as a module, with other places than those of a box.
ELSEWHERE = """
import importlib.machinery, os, sys
here, arguments = sys.argv[2], sys.argv[3:]
def load(name):
    return importlib.machinery.SourceFileLoader("tool", sys.argv[1] + "/" + name).load_module()
if arguments[:1] == ["as-hive-claude"]:
    tool = load("hive-claude")
    tool.AGENT, tool.CLAUDE = here + "/agent.json", here + "/claude"
    os._exit(tool.main(arguments[1:]))
tool = load("hive-exec")
tool.FILES, tool.CLAUDE, tool.WORK = here + "/files", here + "/claude", here
tool.COMPOSE, tool.NET = here + "/compose", here + "/net.sock"
tool.PROXY = ("127.0.0.1", int(arguments.pop(0)))
os._exit(tool.main(arguments))
"""


class ExecBox:
    """A running hive-exec: `request`, then lines to and fro. `claude` is the text of the program it runs."""

    def __init__(self, where: Path, claude: str, *arguments: str) -> None:
        self.where = where
        self.program("claude", claude)
        python = f"/usr/bin/python3 -BISW ignore {where}/driver {ROOT}/bin {where}"
        (where / "driver").write_text(ELSEWHERE)
        self.program("compose", f'#!/bin/sh\nexec {python} as-hive-claude "$@"\n')
        self.port = free_port()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(where / "exec.sock"))
        self.listener.listen()
        command = [*python.split(), str(self.port), *arguments]
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            command, stdin=self.listener.fileno()
        )
        self.link = socket.socket(socket.AF_UNIX)
        self.link.settimeout(20)
        self.link.connect(str(where / "exec.sock"))
        self.lines = self.link.makefile("rb")

    def program(self, name: str, text: str) -> None:
        (self.where / name).write_text(text)
        (self.where / name).chmod(0o755)

    def say(self, message: Any) -> None:
        line = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
        self.link.sendall(line)

    def hear(self) -> dict[str, Any]:
        line = self.lines.readline()
        assert line, "hive-exec closed the connection"
        message: dict[str, Any] = json.loads(line)
        return message

    def started(self, **request: Any) -> int:
        """Send the request; gives back the process number of claude."""
        self.say({"turn": 88, **request})
        return int(self.hear()["started"])

    def rest(self) -> Iterator[dict[str, Any]]:
        """What is still said, up to the end; then the host hangs up, as it does."""
        for line in self.lines:
            yield json.loads(line)
        self.close()

    def close(self) -> None:
        self.lines.close()
        self.link.close()

    def ended(self) -> int:
        """Its exit code."""
        return self.process.wait(15)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.listener.close()
        self.close()
