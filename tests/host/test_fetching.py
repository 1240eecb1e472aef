"""The worker's side of a look: a sandbox that was taken over gets no further than its socket."""

import contextlib
import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hivelib.base.errors import NotNow, Refused
from hivelib.base.paths import Paths
from hivelib.flow.opening import Hive
from hivelib.host.fetching import Fetched, fetch
from hivelib.model.settings import Settings
from tests.support import proposing
from tests.support.proposing import holds
from tests.support.source import ROOT

GOOD = {"commit": "c" * 40, "lock_hash": "", "size": 4}


@contextlib.contextmanager
def answering(settings: Settings, serve: Callable[[socket.socket], None]) -> Iterator[None]:
    """Somebody at the sandbox's socket who serves one look."""
    path = Paths.of(settings).fetch
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def once() -> None:
            caller, _ = listener.accept()
            with caller, contextlib.suppress(OSError):
                serve(caller)

        thread = threading.Thread(target=once)
        thread.start()
        try:
            yield
        finally:
            thread.join(20)
            os.unlink(path)


def saying(data: bytes) -> Callable[[socket.socket], None]:
    def serve(caller: socket.socket) -> None:
        caller.recv(4096)
        caller.sendall(data)

    return serve


def test_a_real_look_brings_a_pack(private_state: Hive, tmp_path: Path) -> None:
    settings = private_state.settings
    repository = proposing.repository(tmp_path)

    def serve(caller: socket.socket) -> None:
        argv = [ROOT / "bin/hive-fetch", tmp_path / "proposed", tmp_path]
        subprocess.run(argv, stdin=caller.fileno(), stdout=caller.fileno(), check=True, timeout=60)

    with answering(settings, serve):
        fetched = fetch(settings, "alice", "main", str(tmp_path))
    assert fetched == Fetched(repository.run("rev-parse", "main"), "", fetched.pack)
    holds(repository, Path(fetched.pack).read_bytes(), fetched.commit)
    with answering(settings, serve), pytest.raises(Refused, match="there is no branch nothing"):
        fetch(settings, "alice", "nothing", str(tmp_path))


def test_nobody_there_is_not_now(private_state: Hive, tmp_path: Path) -> None:
    with pytest.raises(NotNow, match="the sandbox is away"):
        fetch(private_state.settings, "alice", "main", str(tmp_path))
    os.symlink("elsewhere.sock", private_state.paths.fetch)
    with pytest.raises(NotNow, match="the sandbox is away"):
        fetch(private_state.settings, "alice", "main", str(tmp_path))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no json\n",
        b"[]\n",
        b"{}\n",
        b"x" * 20_000,
        b"[" * 10_000 + b"\n",
        json.dumps({**GOOD, "commit": "../x"}).encode() + b"\nPACK",
        json.dumps({**GOOD, "commit": ["c" * 40]}).encode() + b"\nPACK",
        json.dumps({**GOOD, "lock_hash": "x"}).encode() + b"\nPACK",
        json.dumps({**GOOD, "size": True}).encode() + b"\nPACK",
        json.dumps({**GOOD, "size": -1}).encode() + b"\nPACK",
        json.dumps({**GOOD, "size": 1 << 60}).encode() + b"\nPACK",
        json.dumps(GOOD).encode() + b"\nPAC",
        json.dumps(GOOD).encode() + b"\nPACKS",
    ],
)
def test_an_answer_that_makes_no_sense_leaves_nothing(
    private_state: Hive, tmp_path: Path, data: bytes
) -> None:
    settings = private_state.settings
    with answering(settings, saying(data)), pytest.raises(Refused, match="sandbox"):
        fetch(settings, "alice", "main", str(tmp_path))
    assert os.listdir(tmp_path) == []


def test_words_of_a_refusal_cannot_steer_a_terminal(private_state: Hive, tmp_path: Path) -> None:
    said = json.dumps({"refused": "no\x1b[2J" + "x" * 5000, "hint": "a\nb"})
    with (
        answering(private_state.settings, saying(said.encode() + b"\n")),
        pytest.raises(Refused) as error,
    ):
        fetch(private_state.settings, "alice", "main", str(tmp_path))
    assert str(error.value).isprintable() and len(str(error.value)) < 1400


@pytest.mark.parametrize("begun", [b"", json.dumps(GOOD).encode() + b"\nPA"])
def test_a_sandbox_that_falls_silent_is_given_up(
    private_state: Hive, tmp_path: Path, begun: bytes
) -> None:
    approvals = private_state.settings.approvals._replace(fetch_seconds=0.3)
    settings = private_state.settings._replace(approvals=approvals)
    gone = threading.Event()

    def serve(caller: socket.socket) -> None:
        caller.sendall(begun)
        gone.wait(20)

    with answering(settings, serve):
        with pytest.raises(Refused, match="longer than"):
            fetch(settings, "alice", "main", str(tmp_path))
        gone.set()
    assert os.listdir(tmp_path) == []
