"""The core with a resolver of the test's own: asked once, and what was judged is what is connected to."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable
from ipaddress import ip_address
from typing import NamedTuple

import pytest

from hivelib.face.egress import joining
from hivelib.face.egress.naming import Names
from hivelib.face.egress.serving import Way, serve
from hivelib.model.egress import Address, parse_entries
from hivelib.model.settings import Api
from tests.support.source import ROOT
from tests.support.way_out import answering, far_end, read_all

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


class Served(NamedTuple):
    got: bytes
    notes: list[tuple[str, str, str | None]]


def served(
    request: bytes,
    entries: list[str],
    resolve: Callable[[str, int], list[Address]],
    head_seconds: float = 15.0,
    idle_seconds: float = 60.0,
) -> Served:
    """What a box gets for `request`, and what was noted; the box leaves when it has been answered."""
    notes: list[tuple[str, str, str | None]] = []
    way = Way(
        lambda _: parse_entries(entries),
        Names(resolve),
        Api(),
        lambda *note: notes.append(note),
        head_seconds=head_seconds,
        idle_seconds=idle_seconds,
    )

    async def run() -> bytes:
        box, near = socket.socketpair()
        near.setblocking(False)
        box.sendall(request)
        serving = asyncio.create_task(
            serve(way, "alice", await asyncio.open_connection(sock=near, limit=65536))
        )
        got = await asyncio.to_thread(read_all, box)
        box.close()
        await serving
        return got

    return Served(asyncio.run(run()), notes)


class Changing:
    """A resolver that gives another answer each time it is asked, as a rebinding name server does."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, name: str, port: int) -> list[Address]:
        self.asked.append((name, port))
        return [ip_address(text) for text in self.answers[len(self.asked) - 1]]


def test_a_name_that_changes_between_check_and_connect_is_asked_only_once() -> None:
    with answering(OK) as checked, answering(OK, "127.0.0.2", checked.port) as other:
        resolve = Changing(["127.0.0.1"], ["127.0.0.2"])
        entries = [f"changing.test:{checked.port}", checked.at]
        request = f"GET http://Changing.test.:{checked.port}/ HTTP/1.1\r\n\r\n".encode()
        done = served(request, entries, resolve)
        assert done.got.endswith(b"hi")
        assert resolve.asked == [("changing.test", checked.port)]
        assert len(checked.seen) == 1
        assert f"host: changing.test:{checked.port}".encode() in checked.seen[0]
        assert other.seen == []


def test_a_name_that_leads_inwards_is_refused_after_one_question() -> None:
    with answering(OK) as inner:
        for first in (["127.0.0.1"], ["::1"], ["10.0.0.1", "127.0.0.1"], ["::ffff:127.0.0.1"]):
            resolve = Changing(first, ["8.8.8.8"])
            request = f"CONNECT wiki.example:{inner.port} HTTP/1.1\r\n\r\n".encode()
            done = served(request, [f"*:{inner.port}"], resolve)
            assert done.got.startswith(b"HTTP/1.1 451 ")
            assert len(resolve.asked) == 1
            assert inner.seen == []
            assert done.notes[0][:2] == ("alice", f"wiki.example:{inner.port}")
            assert "no address of the public internet" in str(done.notes[0][2])


def test_of_several_addresses_only_those_that_may_be_are_tried() -> None:
    with answering(OK) as listed, answering(OK, "127.0.0.2", listed.port) as inner:
        resolve = Changing(["127.0.0.2", "192.168.0.1", "127.0.0.1"])
        request = f"GET http://mixed.test:{listed.port}/ HTTP/1.1\r\n\r\n".encode()
        done = served(request, [f"mixed.test:{listed.port}", listed.at], resolve)
        assert done.got.endswith(b"hi")
        assert (len(listed.seen), inner.seen) == (1, [])


def test_a_name_that_is_not_listed_is_not_even_asked_for() -> None:
    resolve = Changing()
    done = served(b"CONNECT secret-data.evil.test:443 HTTP/1.1\r\n\r\n", ["claude"], resolve)
    assert done.got.startswith(b"HTTP/1.1 451 ")
    assert resolve.asked == []


def test_a_name_that_cannot_be_resolved_is_502() -> None:
    def silent(name: str, port: int) -> list[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    done = served(b"GET http://wiki.example/ HTTP/1.1\r\n\r\n", ["wiki.example"], silent)
    assert done.got.startswith(b"HTTP/1.1 502 ")
    assert b"Name or service not known" in done.got


def test_a_head_that_comes_too_slowly_is_408() -> None:
    done = served(b"GET http://wiki.example/ HTTP/1.1\r\nX: ", ["wiki.example"], Changing(), 0.1)
    assert done.got.startswith(b"HTTP/1.1 408 ")
    assert "took longer" in str(done.notes[0][2])


def test_a_tunnel_in_which_nothing_moves_is_given_up() -> None:
    with far_end(lambda connection: void(read_all(connection))) as far:
        request = f"CONNECT {far.at} HTTP/1.1\r\n\r\n".encode()
        done = served(request, [far.at], Changing(), idle_seconds=0.2)
        assert done.got == b"HTTP/1.1 200 Connection established\r\n\r\n"


def void(_: object) -> None:
    """What a far end gives back."""


def test_a_connection_whose_two_ends_are_one_machine_is_refused_unless_listed() -> None:
    with far_end(lambda connection: None) as far:
        address = ip_address("127.0.0.1")

        async def join(listed: bool) -> None:
            (await joining.join([joining.Judged(address, far.port, listed)])).close()

        with pytest.raises(joining.Refused):
            asyncio.run(join(False))
        asyncio.run(join(True))


def test_what_this_machine_can_bind_to_is_its_own() -> None:
    for own in ("127.0.0.1", "127.0.0.2", "::1"):
        assert joining.is_own(ip_address(own))
    assert not joining.is_own(ip_address("8.8.8.8"))


def test_the_machines_own_public_addresses_are_refused_and_others_are_reached() -> None:
    """In a network of its own: 5.5.5.5 and all of 5.6.0.0/16 are this machine's, 9.9.9.9 is another's."""
    done = subprocess.run(
        [
            *("unshare", "--user", "--map-root-user", "--net"),
            *(sys.executable, "-m", "tests.support.public_network"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["5.5.5.5", "451", "5.6.7.8", "451", "9.9.9.9", "200"]
