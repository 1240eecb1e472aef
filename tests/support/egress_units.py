"""Run as an ordinary user: hive-egress and a door under a private systemd of that user, asked as a box asks.

Usage: python -m tests.support.egress_units DIR GROUPS (control groups of the manager, joined by `:`). Prints what it
saw as one line of JSON.
"""

import contextlib
import json
import os
import re
import signal
import socket
import sys
from pathlib import Path

from hivelib.base.proc import run
from hivelib.flow import rendering
from hivelib.flow.opening import Hive
from hivelib.host import manager
from hivelib.host.manager import Private
from hivelib.store import agents
from tests.support.source import ROOT
from tests.support.state import make_state
from tests.support.waiting import tail, until
from tests.support.way_out import answering, read_all

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
UNITS = ("hive-egress.", "hive-door@.", "hive-.service.d/")
SERVICE = "hive-egress.service"


def ask(hive: Hive, url: str) -> str:
    """The status that alice's box gets for a request through its own socket."""
    with socket.socket(socket.AF_UNIX) as box:
        box.settimeout(20)
        box.connect(hive.paths.socket("alice", "net"))
        box.sendall(f"GET {url} HTTP/1.1\r\n\r\n".encode())
        return read_all(box)[9:12].decode()


def install(private: Private, hive: Hive, config: str) -> None:
    """Puts the units under test where the manager looks, as hive-up does, and makes the places that they name."""
    for place in rendering.DEPLOYED:
        os.makedirs(f"{hive.paths.state}/{place}", exist_ok=True)
    for name, text in rendering.rendered(str(ROOT / "bin"), config, hive.settings).items():
        if name.startswith(UNITS):
            path = Path(private.units, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def look(private: Private, hive: Hive) -> dict[str, object]:
    """Asks, lets it go idle, kills it, and asks again each time."""

    def systemctl(*words: str) -> str:
        argv = ["systemctl", "--user", *words]
        return run(argv, env=manager.client_environment(private.runtime)).out.strip()

    def pid() -> int:
        return int(systemctl("show", "-p", "MainPID", "--value", SERVICE))

    systemctl("start", "hive-egress.socket", "hive-door@alice.socket")
    with answering(OK) as far:
        with hive.db.write() as db:
            config = json.dumps({"egress": [far.at]})
            agents.add(db, "alice", "agent", "bwrap", config, 1.0)
        url = f"http://{far.at}/"
        saw: dict[str, object] = {"first": ask(hive, url), "refused": ask(hive, "http://a.test/")}
        status = Path(f"/proc/{pid()}/status").read_text()
        saw["guards"] = re.findall(r"^(?:NoNewPrivs|Seccomp|CapEff):\t(\w+)", status, re.MULTILINE)
        until(lambda: not pid(), "an idle exit")
        saw["result"] = systemctl("show", "-p", "Result", "--value", SERVICE)
        saw["after_idling"] = ask(hive, url)
        os.kill(pid(), signal.SIGKILL)
        saw["after_a_kill"] = ask(hive, url)
        systemctl("stop", SERVICE)
    rows = hive.db.all("SELECT kind, payload FROM events")
    saw["counts"] = {
        kind: sum(json.loads(text)["count"] for its, text in rows if its == kind)
        for kind in ("egress_allowed", "egress_refused")
    }
    return saw


def main(directory: str, *groups: str) -> None:
    """Runs it all in `directory` and leaves nothing running."""
    hive = make_state(Path(directory), "[idle]\negress_seconds = 0.5\n")
    private = Private(directory)
    Path(private.units).mkdir(parents=True)
    install(private, hive, f"{directory}/hive.toml")
    inner = [f"{group}/hive" for group in groups]  # stopping the manager kills its whole group
    for group in inner:
        os.mkdir(group)
    manager.start(private, inner)
    try:
        print(json.dumps(look(private, hive)))
    except BaseException:
        for log in Path(private.log).iterdir():
            print(f"== {log.name}\n{tail(log)}", file=sys.stderr)
        raise
    finally:
        with contextlib.suppress(Exception):
            manager.stop(private)


if __name__ == "__main__":
    main(*sys.argv[1:])
