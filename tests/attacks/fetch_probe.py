"""Stands in the place of hive-fetch and tries what a git that was taken over might; tells it as a refusal."""

import json
import os
import socket
import sys
from contextlib import suppress

HIVE = sys.argv[1]
STATE = f"{HIVE}/state"
WRITTEN = {
    "state": f"{STATE}/new",
    "proposed": f"{STATE}/proposed/new",
    "repository": f"{STATE}/proposed/alice/.git/new",
    "work tree": f"{STATE}/proposed/alice/agent.nix",
    "applied": f"{STATE}/applied/new",
    "decisions": f"{STATE}/decisions/1",
    "runtime": f"{HIVE}/run/hyperhive/new",
    "hive": f"{HIVE}/new",
    "home": os.path.expanduser("~/new"),
    "tmp": "/tmp/new",
    "var": "/var/tmp/new",
    "shm": "/dev/shm/new",
}
OPENED = [
    f"{STATE}/hive.sqlite",
    f"{STATE}/api-key",
    f"{STATE}/agents/alice/agent.json",
    f"{HIVE}/run/hyperhive/bell",
    f"{HIVE}/run/systemd/private",
]


def main() -> None:
    """Tries everything, and answers in one line."""
    written = []
    for name, path in WRITTEN.items():
        with suppress(OSError), open(path, "a") as file:
            file.write("x")
            file.flush()
            written.append(name)
    with suppress(OSError):
        os.unlink(WRITTEN["state"])
    opened = []
    for path in OPENED:
        with suppress(OSError):
            os.close(os.open(path, os.O_RDONLY))
            opened.append(path)
    sockets = []
    for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK):
        with suppress(OSError):
            socket.socket(family, socket.SOCK_DGRAM).close()
            sockets.append(family.name)
    with open("/proc/self/net/dev") as file:
        interfaces = [line.split(":")[0].strip() for line in file if ":" in line]
    room = os.statvfs(STATE)
    told = {
        "written": written,
        "opened": opened,
        "sockets": sockets,
        "interfaces": interfaces,
        "seen": {"state": os.listdir(STATE), "proposed": os.listdir(f"{STATE}/proposed")},
        "room": room.f_blocks * room.f_frsize >> 20,
    }
    print(json.dumps({"refused": json.dumps(told), "hint": ""}), flush=True)


main()
