"""Turns without a manager: the real loop and the real hive-exec, started as systemd would, with a scripted claude.

What systemd does here is a thread: it holds the fifos and the listening sockets, and starts a program when one of
them is readable and its program does not run.
"""

import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hivelib.base import bell
from hivelib.flow import mailing
from hivelib.flow.opening import Hive
from hivelib.model.records import Agent, Message, Turn
from hivelib.store import agents, mail, transcripts, turns
from tests.support.exec_box import ELSEWHERE
from tests.support.ports import free_port
from tests.support.residents import settle_in
from tests.support.source import ROOT
from tests.support.state import make_state
from tests.support.waiting import until

# The loop of bin/hive-turn for a hive that belongs to whoever runs the tests, with shorter waits where a test says so.
LOOP = """
import importlib, json, os, sys
fd, name, constants = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
if fd >= 0:
    os.dup2(fd, 3)
    os.environ["LISTEN_FDS"] = "1"
for place, value in constants.items():
    module, constant = place.rsplit(".", 1)
    setattr(importlib.import_module(module), constant, value)
from hivelib.base.errors import HiveError, NotNow
from hivelib.flow.opening import open_hive
from hivelib.flow.turning import run, sit_out
try:
    run(open_hive(), name)
except HiveError as error:
    print(error, file=sys.stderr, flush=True)
    if isinstance(error, NotNow):
        sit_out()
    sys.exit(error.exit_code)
"""


# No other test that fills the disk may park the agents of this one.
ROOM = "[box]\nfree_bytes = 1\n"


class Unit:
    """A program that is started whenever a descriptor is readable, one at a time, as systemd starts a service."""

    def __init__(self, fd: int, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        self.starts = 0
        self.statuses: list[int] = []
        self.process: subprocess.Popen[bytes] | None = None
        self._fd, self._start = fd, start
        self._hear_end, self._end = os.pipe()
        self._ending = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        poll.register(self._hear_end, select.POLLIN)
        while self._hear_end not in dict(poll.poll()):
            status = -1
            while status and not self._ending:  # Restart=on-failure
                self.process = self._start()
                self.starts += 1
                self.statuses.append(status := self.process.wait())

    def stop(self) -> None:
        """Kills the program and starts it no more."""
        self._ending = True
        os.write(self._end, b".")
        if self.process and self.process.poll() is None:
            self.process.kill()
        self._thread.join(10)
        os.close(self._hear_end)
        os.close(self._end)


class Desk:
    """What one agent has: its bell, its exec.sock, its box's files and both units."""

    def __init__(self, rig: "TurnRig", name: str) -> None:
        self.name, self.where, self._rig = name, rig.where / name, rig
        self.where.mkdir()
        self._write("claude", (ROOT / "tests/support/fake_claude.py").read_text())
        self._write("driver", ELSEWHERE)
        self._python = f"/usr/bin/python3 -BISW ignore {self.where}/driver {ROOT}/bin {self.where}"
        self._write("compose", f'#!/bin/sh\nexec {self._python} as-hive-claude "$@"\n')
        os.mkfifo(self.where / "gate")
        path = rig.hive.paths.socket(name, "exec")
        os.makedirs(os.path.dirname(path))
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        topic = f"{rig.hive.paths.bell}/turn.{name}"
        os.makedirs(topic)
        os.mkfifo(f"{topic}/{bell.UNIT}")
        self.fifo = os.open(f"{topic}/{bell.UNIT}", os.O_RDWR | os.O_NONBLOCK)
        self.boxes = Unit(self.listener.fileno(), self._start_box)
        self.restart_turns()

    def restart_turns(self) -> None:
        """Lets the bell start the loop, from now on or again."""
        self.turns = Unit(self.fifo, self._start_turns)

    def _write(self, name: str, text: str) -> None:
        (self.where / name).write_text(text)
        (self.where / name).chmod(0o755)

    def _start_box(self) -> subprocess.Popen[bytes]:
        command = [*self._python.split(), str(free_port())]
        env = {"PATH": os.environ["PATH"], **self._rig.box_env}
        return subprocess.Popen(command, stdin=self.listener.fileno(), env=env)

    def _start_turns(self) -> subprocess.Popen[bytes]:
        return self._rig.start_loop(self.name, self.fifo)

    def runs(self) -> list[dict[str, Any]]:
        """Arguments and environment of every run of claude."""
        return _lines(self.where / "argv.jsonl")

    def prompts(self) -> list[str]:
        """What claude was told, run by run."""
        return _lines(self.where / "prompts.jsonl")

    def open_gate(self) -> None:
        """Lets a claude that waits go on."""
        with open(self.where / "gate", "w"):
            pass

    def close(self) -> None:
        self.turns.stop()
        self.boxes.stop()
        self.listener.close()
        os.close(self.fifo)


class TurnRig:
    """A hive whose agents have turns; `constants` are set in the loop ({STOP_STEP: 0.2})."""

    def __init__(
        self, where: Path, names: tuple[str, ...], more: str, constants: Mapping[str, float]
    ) -> None:
        self.where = where
        self.hive: Hive = make_state(where, more if "[box]" in more else more + ROOM)
        self.constants, self.box_env = (
            dict(constants),
            {"RESETS_AT": "0", "STATE": self.hive.paths.agent_state(names[0])},
        )
        os.makedirs(self.hive.paths.bell, exist_ok=True)
        os.makedirs(f"{self.hive.paths.state}/transcripts", exist_ok=True)
        settle_in(self.hive, *names)
        self.desks = {name: Desk(self, name) for name in names}

    def start_loop(self, name: str, fd: int = -1, **more: Any) -> subprocess.Popen[bytes]:
        """Starts the loop; without `fd` as a person would by hand."""
        command = [sys.executable, "-c", LOOP, str(fd), name, json.dumps(self.constants)]
        env = {**os.environ, "HIVE_CONFIG": f"{self.where}/hive.toml", "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(command, env=env, pass_fds=[fd] if fd >= 0 else [], **more)

    def send(self, to: str, body: str, **more: Any) -> int:
        """The operator's message with `body`, which tells the scripted claude what to do (`DO ok`)."""
        return mailing.send(self.hive, mailing.SHELL, to, body, **more).id

    def until_ended(self, number: int) -> Turn:
        """Waits until that turn has ended."""

        def look() -> Turn | None:
            found = turns.get(self.hive.db, number)
            return found if found and found.ended_at else None

        found = until(look, f"the end of turn {number}", explain=self.explain)
        assert found
        return found

    def until_quiet(self, name: str) -> None:
        """Waits until nothing of that agent's turns runs and nobody rings."""
        desk = self.desks[name]

        def quiet() -> bool:
            poll = select.poll()
            poll.register(desk.fifo, select.POLLIN)
            return not poll.poll(0) and (
                desk.turns.process is None or desk.turns.process.poll() is not None
            )

        until(quiet, f"{name} quiet", explain=self.explain)

    def until_started(self, name: str, count: int) -> None:
        """Waits until the agent's loop has been started so often."""
        starts = self.desks[name].turns
        until(lambda: starts.starts >= count, f"start {count} of {name}", explain=self.explain)

    def until_said(self, name: str, words: str) -> None:
        """Waits until these words are in the agent's transcript."""
        until(lambda: words in self.transcript(name), f"{words!r} in {name}'s transcript")

    def events(self, kind: str) -> list[dict[str, Any]]:
        """What every event of a kind tells, oldest first."""
        rows = self.hive.db.all("SELECT payload FROM events WHERE kind = ? ORDER BY seq", kind)
        return [json.loads(payload) for (payload,) in rows]

    def told(self) -> list[str]:
        """What the hive has written to the operator."""
        return [message.body for message in mail.peek(self.hive.db, "operator", 100)]

    def transcript(self, name: str) -> str:
        """All lines of an agent's transcript."""
        from hivelib.flow.opening import open_transcript

        if (db := open_transcript(self.hive, name)) is None:
            return ""
        with db:
            return "\n".join(line.payload for line in transcripts.after(db, 0, 100000))

    def message(self, number: int) -> Message:
        """That message as it is now."""
        found = mail.get(self.hive.db, number)
        assert found
        return found

    def agent(self, name: str) -> Agent:
        """That agent as it is now."""
        found = agents.get(self.hive.db, name)
        assert found
        return found

    def due(self, name: str) -> None:
        """Makes an agent's postponed mail due and rings: what hive-broker does when the time has come."""
        with self.hive.db.write() as db:
            db.execute("UPDATE messages SET not_before = 0 WHERE recipient = ?", (name,))
        bell.ring(self.hive.paths.bell, f"turn.{name}")

    def explain(self) -> object:
        """What a failure's message should show."""
        rows = [(t.id, t.agent, t.outcome, t.note) for t in turns.latest(self.hive.db, None, 20)]
        units = {n: (d.turns.starts, d.turns.statuses[-5:]) for n, d in self.desks.items()}
        return rows, units, [self.transcript(name)[-2000:] for name in self.desks]

    def close(self) -> None:
        for desk in self.desks.values():
            desk.close()
        self.hive.db.close()


RaiseTurns = Callable[..., TurnRig]


def _lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
