"""A real box of bubblewrap, with a shell where claude would be: the test types into it."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.people import Person
from tests.support.source import ROOT
from tests.support.state import settings_text

MARK = "-- that was it --"


class Box:
    """A running box; `shell` types a command and gives back what it printed."""

    def __init__(self, process: subprocess.Popen[str], link: socket.socket) -> None:
        self.process, self.link, self.lines = process, link, link.makefile("rb")

    def say(self, message: Any) -> None:
        self.link.sendall(json.dumps(message).encode() + b"\n")

    def hear(self) -> dict[str, Any]:
        line = self.lines.readline()
        assert line, f"the box has ended: {self.process.wait(10)}"
        message: dict[str, Any] = json.loads(line)
        return message

    def shell(self, command: str) -> str:
        self.say({"in": f"{{ {command}\n}} 2>&1; echo; echo '{MARK}'"})
        lines: list[str] = []
        while (message := self.hear()).get("out") != MARK:
            lines.append(message.get("out", str(message)))
        return "\n".join(lines).strip()

    def python(self, program: str) -> str:
        """What a Python program prints in the box."""
        return self.shell(f"/usr/bin/python3 -IS - <<'END'\n{program}\nEND")

    def close(self) -> None:
        self.lines.close()
        self.link.close()


@contextmanager
def box_of(person: Person, where: Path, name: str = "alice", more: str = "") -> Iterator[Box]:
    """Raises the box of an agent of a hive in `where`; `more` goes to the end of hive.toml."""
    places = [where, where / "state", where / "state/agents", where / "state/shared"]
    places += [where / "state/agents" / name / part for part in ("", "state", "claude")]
    for place in places:
        place.mkdir(exist_ok=True, mode=0o755)
        person.own(place)
    for part in ("mcp", "net", "exec"):
        (where / "run/hyperhive/agents" / name / part).mkdir(parents=True, exist_ok=True)
    claude, config = where / "claude", where / "hive.toml"
    claude.write_text("#!/bin/sh\nexec /bin/sh\n")
    claude.chmod(0o755)
    config.write_text(settings_text(where, f'[claude]\npath = "{claude}"\n{more}'))
    path = where / "run/hyperhive/agents" / name / "exec/exec.sock"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as link:
        listener.bind(str(path))
        listener.listen()
        command = [str(ROOT / "bin/hive-box"), name]
        env = {"HIVE_CONFIG": str(config)}
        process = person.start(command, env, stdin=listener.fileno())
        link.settimeout(30)
        link.connect(str(path))
        box = Box(process, link)
        try:
            box.say({"turn": 88})
            assert "started" in box.hear()
            yield box
        finally:
            box.close()
            process.wait(15)


def host_processes(words: str) -> list[int]:
    """The processes of this machine whose command line holds `words`."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                line = Path(f"/proc/{entry}/cmdline").read_bytes().replace(b"\0", b" ")
            except OSError:
                continue
            if words.encode() in line:
                found.append(int(entry))
    return found
