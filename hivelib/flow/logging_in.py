"""An agent's login: `claude auth login` in its box, driven over pipes: its address comes out, a code goes in.

claude's exit status says nothing (SIGINT ends it with 0) and a wrong code makes it ask again, so whether there is a
login is asked of `claude auth status` afterwards (facts/claude-cli.md, section 6). hive-exec serves one connection at
a time: while a turn runs, this waits for its end.
"""

import json
import os
import re
import select
from collections.abc import Callable
from typing import NamedTuple

from hivelib.base import clock
from hivelib.base.errors import NotNow, Refused
from hivelib.flow import lifecycle, mailing, settling
from hivelib.flow.opening import Hive
from hivelib.host.execution import Execution, Said
from hivelib.model.events import LoggedIn
from hivelib.model.names import MANAGER, OPERATOR
from hivelib.store import agents, turns

_ADDRESS = re.compile(r"https://[\x21-\x7e]+(?=\s)")
_ANSWER_SECONDS = 60.0
"""How long claude may take for the exchange of a code, and for telling its status."""
_CODE_MOST = 4096
_TEXT_MOST = 65536


class Talk(NamedTuple):
    """How a login speaks to the person: `address` where to sign in, `words` what claude wrote."""

    address: Callable[[str], None]
    words: Callable[[str], None]


def log_in(hive: Hive, name: str, typed: int, talk: Talk) -> None:
    """Logs an agent in: codes are read as lines from descriptor `typed`. When it works, its parking ends.

    Raises Refused when the agent does not run, when no code came or none was taken; NotNow when its box is silent.
    """
    agent = lifecycle.known(hive, name)
    if hive.settings.claude.demo:
        raise Refused("this is a demo", "its agents need no login")
    if agent.state != "running":
        raise Refused(f"{name} is {agent.state}", f"hive-start {name}")
    if turns.running(hive.db, name):
        talk.words(f"{name} is in a turn; the login begins when it ends")
    with _asked(hive, name, ["auth", "login"], raw=True) as box:
        said = _converse(box, typed, talk)
    if not _is_logged_in(hive, name):
        raise Refused(f"{name} has no login", said or "try again")
    with hive.db.write() as db:
        agents.set_needs_login(db, name, False)
        settling.tell_login(hive, LoggedIn(name, agent=name), logged_in=True)
    mailing.ring_inboxes(hive, [MANAGER])
    agent = lifecycle.known(hive, name)
    if agent.parked_kind == "auth_failed":
        settling.unpark(hive, name, OPERATOR)


def _asked(hive: Hive, name: str, args: list[str], *, raw: bool) -> Execution:
    try:
        box = Execution(hive.paths.socket(name, "exec"))
    except OSError as error:
        why = f"{name}'s box does not answer: {error.strerror or error}"
        raise NotNow(why, f"`hive-up`, or `hive-start {name}`") from None
    box.say(turn=None, args=args, files={}, env={}, raw=raw)
    return box


def _converse(box: Execution, typed: int, talk: Talk) -> str:
    """Carries codes in and words out until claude ends; gives back the last thing that it complained of."""
    talking = _Talking(box, talk)
    poller = select.poll()
    poller.register(box, select.POLLIN)
    poller.register(typed, select.POLLIN)
    while True:
        ready = [fd for fd, _ in poller.poll(talking.patience())]
        if typed in ready and not talking.type_in(_line(typed)):
            poller.unregister(typed)
        if box.fileno() in ready and not talking.hear(box.hear()):
            return talking.complaint
        if not ready:
            box.say(signal="INT")
            talking.give_up_at = clock.monotonic() + _ANSWER_SECONDS


class _Talking:
    """How far the conversation has come: codes without an answer, and, once nobody will type any more, `give_up_at`."""

    def __init__(self, box: Execution, talk: Talk) -> None:
        self.box, self.talk = box, talk
        self.text = self.address = self.complaint = ""
        self.unanswered = 0
        self.give_up_at: float | None = None

    def patience(self) -> float | None:
        """Milliseconds until it is time to give up, None for ever."""
        return self.give_up_at and max(0.0, self.give_up_at - clock.monotonic()) * 1000

    def type_in(self, line: str | None) -> bool:
        """Takes a line that was typed; None: there will be no more, and False comes back."""
        if line is None:
            if not self.unanswered:
                self.complaint = self.complaint or "no code was given"
            self.give_up_at = clock.monotonic() + (_ANSWER_SECONDS if self.unanswered else 0)
        elif line:
            self.box.say(**{"in": line})
            self.unanswered, self.complaint = self.unanswered + 1, ""
        return line is not None

    def hear(self, heard: list[Said] | None) -> bool:
        """Takes what the box said; False when it was the last."""
        for said in heard or ():
            if said.kind in ("raw", "err"):
                self._take(said.text)
        return not _is_over(heard)

    def _take(self, chunk: str) -> None:
        self.talk.words(chunk)
        if "nvalid code" in chunk or "failed" in chunk:
            self.complaint = " ".join(chunk.split())
            self.unanswered -= 1
            if self.give_up_at and self.unanswered <= 0:
                self.give_up_at = clock.monotonic()  # nobody tries again
        self.text = (self.text + chunk)[-_TEXT_MOST:]
        found = _ADDRESS.search(self.text)
        if found and found.group() != self.address:
            self.address = found.group()
            self.talk.address(self.address)


def _line(typed: int) -> str | None:
    """A line from a terminal or a pipe, byte by byte so that nothing of the next one is taken; None at the end."""
    line = b""
    while (byte := os.read(typed, 1)) not in (b"", b"\n"):
        line += byte
        if len(line) > _CODE_MOST:
            raise Refused("a code is not that long", "paste what the page shows")
    return None if not byte and not line else line.decode("utf-8", "replace").strip()


def _is_logged_in(hive: Hive, name: str) -> bool:
    """What `claude auth status` in the box says."""
    text = ""
    heard: list[Said] | None = []
    with _asked(hive, name, ["auth", "status"], raw=False) as box:
        poller = select.poll()
        poller.register(box, select.POLLIN)
        while not _is_over(heard):
            if not poller.poll(_ANSWER_SECONDS * 1000):
                raise NotNow(f"{name}'s box is silent", "try again")
            heard = box.hear()
            text += "".join(said.text for said in heard or () if said.kind == "out")
            text = text[-_TEXT_MOST:]
    try:
        status = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(status, dict) and status.get("loggedIn") is True


def _is_over(heard: list[Said] | None) -> bool:
    """Whether claude has ended, or the box is gone."""
    return heard is None or any(said.kind == "exit" for said in heard)
