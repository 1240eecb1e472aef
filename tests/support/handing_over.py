"""A hive without units, and one server that takes connections from a hand-off socket as systemd gives it."""

import os
import select
import signal
import socket
import subprocess
from pathlib import Path

from hivelib.flow.opening import Hive
from tests.support.source import ROOT
from tests.support.state import make_state

SECONDS = 20.0


class Served:
    """The test plays systemd, which holds the hand-off socket, and the door, which puts connections into it."""

    def __init__(self, where: Path, kind: str, more: str = "") -> None:
        """Makes the hive of `where`, with `more` in its hive.toml; `kind` is mcp or egress. Starts nothing."""
        self.where, self._program = where, ROOT / f"bin/hive-{kind}"
        self.hive: Hive = make_state(where, more)
        self.log = where / f"{kind}.log"
        path = self.hive.paths.handoff(kind)
        self._held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._held.bind(path)
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._door.connect(path)
        self._door.settimeout(SECONDS)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What a process of this hive has set."""
        return {**os.environ, "LISTEN_FDS": "1", "HIVE_CONFIG": f"{self.where}/hive.toml"}

    def start(self, **environment: str) -> "subprocess.Popen[bytes]":
        """Starts the server as systemd would: descriptor 3, LISTEN_FDS, settings by HIVE_CONFIG."""
        held = self._held.fileno()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["bash", "-c", f'exec 3<&{held} {held}<&-; exec "$0"', str(self._program)],
                pass_fds=(held,),
                env={**self.environment, **environment},
                stderr=log,
            )
        return self.process

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends it, and gives back its exit code."""
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(SECONDS)

    def hand_over(self, name: bytes, fd: int) -> None:
        """What a door does with a connection; here also with any name and any descriptor."""
        socket.send_fds(self._door, [name], [fd])

    def called(self, agent: str) -> socket.socket:
        """A box's end of a connection that its door has handed over."""
        box, other = socket.socketpair()
        with other:
            self.hand_over(agent.encode(), other.fileno())
        box.settimeout(SECONDS)
        return box

    def waits(self, seconds: float) -> bool:
        """Whether a connection waits to be taken, or comes within `seconds`: when systemd starts the service."""
        return bool(select.select([self._held], [], [], seconds)[0])

    def memory(self) -> int:
        """The server's resident bytes now."""
        assert self.process
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")

    def close(self) -> None:
        """Ends what this started."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._held.close()
        self._door.close()
        self.hive.db.close()
