"""Run in a network namespace of its own: makes public addresses there, and asks the proxy's core for each of them.

Prints the address and the status for one of this machine's own, one of a whole block that is routed to it, and one of
another machine (a second namespace at the other end of a cable).
"""

import asyncio
import contextlib
import ctypes
import os
import socket
import subprocess

from hivelib.face.egress.naming import Names
from hivelib.face.egress.serving import Way, serve
from hivelib.model.egress import parse_entries
from hivelib.model.settings import Api
from tests.support.way_out import answering, read_head

CLONE_NEWNET = 0x40000000
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


def ip(command: str) -> None:
    """Runs `ip` with these words."""
    subprocess.run(["ip", *command.split()], check=True)


def other_machine() -> socket.socket:
    """A second namespace with 9.9.9.9 in it, which answers as long as the socket that is given back is open."""
    near, far = socket.socketpair()
    child = os.fork()
    if child == 0:
        near.close()
        new_network()
        far.sendall(b"apart")
        far.recv(1)
        ip("link set far up")
        ip("addr add 9.9.9.9/32 dev far")
        ip("route add 5.5.5.5/32 dev far")
        with answering(OK, "9.9.9.9", 80):
            far.sendall(b"ready")
            far.recv(1)  # until the other side is gone
        os._exit(0)
    far.close()
    near.recv(5)
    ip("link set lo up")
    ip("addr add 5.5.5.5/32 dev lo")
    ip("route add local 5.6.0.0/16 dev lo")
    ip(f"link add near type veth peer name far netns {child}")
    ip("link set near up")
    ip("route add 9.9.9.9/32 dev near src 5.5.5.5")
    near.sendall(b".")
    near.recv(5)
    return near


def new_network() -> None:
    """Puts this process into a network namespace of its own (os.unshare came with Python 3.12)."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")


async def status(address: str) -> str:
    """The status that a box with `*` in its list gets for a request to `address`."""
    way = Way(lambda _: parse_entries(["*"]), Names(lambda *_: []), Api(), lambda *_: None)
    box, near = socket.socketpair()
    near.setblocking(False)
    box.sendall(f"GET http://{address}/ HTTP/1.1\r\n\r\n".encode())
    task = asyncio.create_task(
        serve(way, "alice", await asyncio.open_connection(sock=near, limit=65536))
    )
    head = await asyncio.to_thread(read_head, box)
    box.close()
    await task
    return head.split()[1].decode()


def main() -> None:
    """Prints address and status of each."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(other_machine())
        for own in ("5.5.5.5", "5.6.7.8"):
            stack.enter_context(answering(OK, own, 80))
        for address in ("5.5.5.5", "5.6.7.8", "9.9.9.9"):
            print(address, asyncio.run(status(address)))


if __name__ == "__main__":
    main()
