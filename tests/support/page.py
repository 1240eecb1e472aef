"""The dashboard as a real process on a real socket that outlives it, and what a browser does: requests and streams."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hivelib.flow import admitting
from hivelib.flow.opening import Hive
from tests.support import waiting
from tests.support.source import ROOT

# What systemd does: the listening socket is descriptor 3. SIGUSR1 cuts all streams, as a network does.
AS_SYSTEMD = """
import gc, os, signal, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_FDS"] = "1"
from hivelib.base.config import load_settings
from hivelib.face.web.running import run
from hivelib.face.serve import Client
def cut(*_):
    for one in gc.get_objects():
        if isinstance(one, Client) and one.state == "streaming" and one.link.fileno() >= 0:
            one.link.shutdown(2)
signal.signal(signal.SIGUSR1, cut)
run(load_settings(sys.argv[2]))
"""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


class Frame(NamedTuple):
    """One frame of a stream."""

    id: str
    kind: str
    data: Any


class Page:
    """A dashboard and one browser that is logged in."""

    def __init__(self, hive: Hive, config: Path) -> None:
        self.hive, self.config = hive, config
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = int(self.listener.getsockname()[1])
        self.log = config.parent / "page.log"
        self.cookie = ""
        self.start()

    def start(self) -> None:
        """Starts the process; it is there when it answers."""
        fd = self.listener.fileno()
        argv = [sys.executable, "-c", AS_SYSTEMD, str(fd), str(self.config)]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(argv, cwd=ROOT, pass_fds=[fd], stderr=log)

    def kill(self, number: int = signal.SIGKILL) -> int:
        """Ends the process by a signal; gives back its status."""
        self.process.send_signal(number)
        return self.process.wait(20)

    def cut(self) -> None:
        """Ends the connections of all streams, wherever in a frame they are."""
        self.process.send_signal(signal.SIGUSR1)

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own; a dict goes as JSON, text as a form."""
        given = {"Cookie": self.cookie, "Origin": f"http://127.0.0.1:{self.port}"}
        if isinstance(body, dict):
            body = json.dumps(body)
            given["Content-Type"] = "application/json"
        elif body is not None:
            given["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, body, given | (headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read().decode())

    def log_in(self) -> None:
        """Uses a one-time link as the button on its page does."""
        answer = self.ask("POST", "/login", f"token={admitting.invite(self.hive)}")
        assert answer.status == 303, answer
        self.cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]

    def follow(self, path: str, last: str = "") -> "Follower":
        """Opens a stream, from the event `last` on when given."""
        return Follower(self.port, path, self.cookie, last)


class Follower:
    """A reader of one stream, without any convenience that could hide a doubled or lost frame."""

    def __init__(self, port: int, path: str, cookie: str, last: str) -> None:
        self.link = socket.create_connection(("127.0.0.1", port), timeout=20)
        since = f"Last-Event-ID: {last}\r\n" if last else ""
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n{since}\r\n"
        self.link.sendall(head.encode())
        self.file = self.link.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        while self.file.readline().strip():
            pass
        self.last = last

    def frames(self) -> Iterator[Frame]:
        """Frames as they come, until the other side ends; a frame cut short is none."""
        fields: dict[str, str] = {}
        with contextlib.suppress(ConnectionError):
            for raw in self.file:
                line = raw.decode().removesuffix("\n")
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                    continue
                if "data" in fields and raw == b"\n":
                    self.last = fields["id"]
                    kind = fields.get("event", "message")
                    yield Frame(self.last, kind, json.loads(fields["data"]))
                fields = {}

    def until(self, wanted: Any) -> list[Frame]:
        """Frames up to and with the first for which `wanted` is true."""
        got = []
        for frame in self.frames():
            got.append(frame)
            if wanted(frame):
                return got
        raise AssertionError(f"the stream ended after {len(got)} frames: {got[-3:]}")

    def close(self) -> None:
        """Goes away."""
        self.file.close()
        self.link.close()


@contextlib.contextmanager
def open_page(hive: Hive, config: Path) -> Iterator[Page]:
    """A running dashboard for this hive with a logged-in browser; its process is gone afterwards."""
    page = Page(hive, config)
    try:
        page.log_in()
        yield page
    finally:
        page.kill()
        page.listener.close()
        if "Traceback" in (said := page.log.read_text()):
            raise AssertionError(said)


def until_idle(pid: int) -> None:
    """Waits until a process sleeps in all of its threads."""

    def asleep() -> bool:
        tasks = Path(f"/proc/{pid}/task")
        return all(
            (tasks / task / "stat").read_text().rpartition(")")[2].split()[0] == "S"
            for task in os.listdir(tasks)
        )

    waiting.until(asleep, "every thread asleep")
