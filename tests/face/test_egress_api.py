"""`api.hive`: the hive's key goes to the API and nowhere else, whatever a box sends; streams flow as they come."""

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificate import certificate_for
from tests.support.way_out import (
    FarEnd,
    WayOut,
    answering,
    far_end,
    read_all,
    read_head,
    read_message,
)

KEY = "sk-test-0123456789-of-the-hive"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
ASK = b"POST http://api.hive/v1/messages?beta=true HTTP/1.1\r\nHost: api.hive\r\ncontent-length: 2\r\n"


def opened(where: Path, url: str, **environment: str) -> WayOut:
    """A way out whose API is at `url`, with a key file."""
    key = where / "api-key"
    key.write_text(KEY + "\n")
    way = WayOut(where, f'[api]\nurl = "{url}"\nkey_file = "{key}"\n')
    way.agent("alice", None)
    way.start(**environment)
    return way


@pytest.fixture
def api() -> Iterator[FarEnd]:
    with answering(OK) as far:
        yield far


def test_the_key_is_put_in_and_the_boxs_credentials_are_left_out(
    short_path: Path, api: FarEnd
) -> None:
    way_out = opened(short_path, f"http://{api.at}/base/")
    theirs = b"authorization: Bearer box\r\nX-Api-Key: box\r\nx_api_key: box\r\nConnection: x-api-key\r\n"
    assert way_out.ask(ASK + theirs + b"\r\n{}").endswith(b"hi")
    lines = api.seen[0].split(b"\r\n")
    assert lines[0] == b"POST /base/v1/messages?beta=true HTTP/1.1"
    assert [line for line in lines if b"key" in line.lower()] == [f"x-api-key: {KEY}".encode()]
    assert b"host: " + api.at.encode() in lines
    assert not [line for line in lines if b"box" in line]
    assert lines[-1] == b"{}"
    assert way_out.stop() == 0
    assert way_out.events()[0][:2] == ("egress_allowed", "alice")
    assert way_out.events()[0][2]["host"] == "api.hive:80"
    everything = way_out.log.read_bytes() + b"".join(
        file.read_bytes() for file in Path(way_out.hive.paths.state).glob("hive.sqlite*")
    )
    assert KEY.encode() not in everything
    way_out.close()


def test_a_stream_of_events_flows_as_it_comes(short_path: Path) -> None:
    seen = threading.Event()

    def stream(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n")
        connection.sendall(b"transfer-encoding: chunked\r\n\r\nd\r\nevent: first\n\r\n")
        assert seen.wait(20)  # the second event is not sent before the box has the first
        connection.sendall(b"e\r\nevent: second\n\r\n0\r\n\r\n")

    with far_end(stream) as far:
        way_out = opened(short_path, f"http://{far.at}")
        with way_out.connect() as box:
            box.sendall(ASK + b"\r\n{}")
            got = b""
            while b"event: first\n" not in got and (data := box.recv(65536)):
                got += data
            seen.set()
            got += read_all(box)
        assert got.endswith(b"event: second\n\r\n0\r\n\r\n")
        way_out.close()


@pytest.mark.parametrize("entries", [[], ["wiki.example"], ["127.0.0.1:80"]])
def test_an_agent_that_may_not_reach_claude_may_not_use_the_key(
    short_path: Path, api: FarEnd, entries: list[str]
) -> None:
    way_out = opened(short_path, f"http://{api.at}")
    way_out.agent("alice", entries)
    got = way_out.ask(ASK + b"\r\n{}")
    assert got.startswith(b"HTTP/1.1 451 ")
    assert b'egress entry "claude"' in got
    assert api.seen == []
    way_out.close()


def test_the_key_goes_nowhere_but_to_the_api(short_path: Path, api: FarEnd) -> None:
    with answering(OK) as other:
        way_out = opened(short_path, f"http://{api.at}")
        way_out.agent("alice", ["claude", other.at])
        sly = f"GET http://{other.at}/ HTTP/1.1\r\nHost: api.hive\r\n\r\n".encode()
        assert way_out.ask(sly).endswith(b"hi")
        assert KEY.encode() not in other.seen[0]
        for target in ("http://api.hive:81/", "http://x.api.hive/", "http://api.hive.evil.test/"):
            assert way_out.get(target).startswith(b"HTTP/1.1 451 ")
        assert way_out.tunnel("api.hive:80")[1].startswith(b"HTTP/1.1 400 ")
        assert api.seen == []
        way_out.close()


def test_without_a_key_file_the_name_means_nothing(short_path: Path, api: FarEnd) -> None:
    way_out = WayOut(short_path, f'[api]\nurl = "http://{api.at}"\n')
    way_out.agent("alice", None)
    way_out.start()
    got = way_out.ask(ASK + b"\r\n{}")
    assert got.startswith(b"HTTP/1.1 451 ")
    assert b"keeps no API key" in got
    way_out.close()


@pytest.mark.parametrize("key", ["", "\n", "two words", "a\r\nx-evil: 1", "schlüssel"])
def test_a_key_file_without_a_key_is_said_without_showing_it(
    short_path: Path, api: FarEnd, key: str
) -> None:
    way_out = opened(short_path, f"http://{api.at}")
    (short_path / "api-key").write_text(key)
    got = way_out.ask(ASK + b"\r\n{}")
    assert got.startswith(b"HTTP/1.1 502 ")
    assert b"holds no readable key" in got
    assert not key.strip() or key.strip().encode() not in got
    assert api.seen == []
    way_out.close()


@pytest.mark.parametrize("url", ["ftp://a.test", "https://", "http://u:p@a.test", "http://[::1"])
def test_an_api_url_that_is_none_is_said(short_path: Path, url: str) -> None:
    way_out = opened(short_path, url)
    got = way_out.ask(ASK + b"\r\n{}")
    assert got.startswith(b"HTTP/1.1 502 ")
    assert b"[api] url" in got
    way_out.close()


def test_tls_is_spoken_to_the_api_and_its_certificate_is_verified(short_path: Path) -> None:
    certificate, secret = certificate_for("localhost", short_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, secret)
    heads: list[bytes] = []

    def secure(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as inner:
            heads.append(read_message(inner))
            inner.sendall(OK)

    with far_end(secure) as far:
        way_out = opened(
            short_path, f"https://localhost:{far.port}", SSL_CERT_FILE=str(certificate)
        )
        assert way_out.ask(ASK + b"\r\n{}").endswith(b"hi")
        assert f"x-api-key: {KEY}".encode() in heads[0]
        assert f"host: localhost:{far.port}".encode() in heads[0]
        assert way_out.stop() == 0
        way_out.start(SSL_CERT_FILE="/dev/null")
        got = way_out.ask(ASK + b"\r\n{}")
        assert got.startswith(b"HTTP/1.1 502 ")
        assert b"certificate" in got.lower()
        assert len(heads) == 1
        way_out.close()
