"""From addresses to a connection: each address is judged, and exactly the one that was judged is connected to."""

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import ip_address
from typing import NamedTuple

from hivelib.model.egress import Address, Entry, listed_address, permitted_address

SECONDS = 15.0
"""How long one address may take to accept."""

MOST_TRIED = 4


class Judged(NamedTuple):
    """An address that may be connected to; `listed`: the operator named it with its port, so it may be anything."""

    address: Address
    port: int
    listed: bool


class Refused(Exception):
    """The connection that came about is not the one that was judged, or ends on this machine."""


def judged(found: Iterable[Address], port: int, entries: tuple[Entry, ...]) -> list[Judged]:
    """Those of the addresses that may be connected to."""
    good = []
    for address in found:
        if listed_address(entries, address, port):
            good.append(Judged(address, port, True))
        elif permitted_address(address) and not is_own(address):
            good.append(Judged(address, port, False))
    return good[:MOST_TRIED]


def is_own(address: Address) -> bool:
    """Whether an address is one of this machine's: only such can be bound to, if the kernel is not told otherwise."""
    family, version = _family(address)
    if _binds_anything(version):
        return False  # then `join` alone tells, by the connection's two ends
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


async def join(ways: list[Judged]) -> socket.socket:
    """A connection to the first of the judged addresses that accepts; OSError when none does, Refused when the
    connection's far end is not the judged address or is this machine."""
    fault: OSError = OSError("it has no address")
    for way in ways:
        try:
            return await _join_one(way)
        except TimeoutError:
            fault = OSError(f"no answer within {SECONDS:.0f} s")
        except OSError as error:
            fault = error
    raise fault


async def _join_one(way: Judged) -> socket.socket:
    near = socket.socket(_family(way.address)[0], socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        near.setblocking(False)
        loop = asyncio.get_running_loop()
        await asyncio.wait_for(loop.sock_connect(near, (str(way.address), way.port)), SECONDS)
        here, there = (ip_address(end()[0]) for end in (near.getsockname, near.getpeername))
        if there != way.address or (here == there and not way.listed):
            raise Refused(f"{there} is this machine or not the address that was judged")
    except BaseException:
        near.close()
        raise
    return near


def _family(address: Address) -> tuple[socket.AddressFamily, str]:
    return (socket.AF_INET, "ipv4") if address.version == 4 else (socket.AF_INET6, "ipv6")


def _binds_anything(version: str) -> bool:
    try:
        with open(f"/proc/sys/net/{version}/ip_nonlocal_bind", encoding="ascii") as file:
            return file.read().strip() != "0"
    except OSError:
        return False
