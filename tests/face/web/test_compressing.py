"""Compressed answers: only for who takes them, of whole texts, and true about their length."""

import gzip
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivelib.face.web.compressing import LEAST, Gzip, compressed, takes_gzip
from tests.support.browser import HOST, Browser


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [
        ("gzip", True), ("GZIP", True), ("br, gzip;q=0.5", True), ("gzip;q=1.000", True), ("gzip; q=0.001", True),
        ("", False), ("identity", False), ("gzip;q=0", False), ("gzip; q=0.0, br", False), ("gzip;Q = 0.000", False),
        ("xgzip", False), ("gzipped", False), ("*", False), ("br;gzip", False),
    ],
)  # fmt: skip
def test_gzip_goes_to_who_takes_it(accepted: str, takes: bool) -> None:
    assert takes_gzip(accepted) is takes


def raw(browser: Browser, method: str, path: str, **more: str) -> tuple[int, dict[str, str], bytes]:
    """An answer as bytes."""
    told: dict[str, Any] = {}

    def start(status: str, fields: list[tuple[str, str]], *_: Any) -> Any:
        told.update(status=int(status[:3]), fields=dict(fields))

    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "HTTP_HOST": HOST,
        "HTTP_COOKIE": browser.cookie,
    }
    environ |= {f"HTTP_{name.upper()}": value for name, value in more.items()}
    body = b"".join(browser.bare(environ | {"wsgi.url_scheme": "http"}, start))
    return told["status"], told["fields"], body


@pytest.mark.parametrize("path", ["/", "/static/style.css", "/static/live.js", "/system"])
def test_what_is_compressed_is_the_same_text(inside: Browser, path: str) -> None:
    _, plain_fields, plain = raw(inside, "GET", path)
    _, fields, packed = raw(inside, "GET", path, accept_encoding="gzip")
    assert len(packed) < len(plain) / 2
    assert fields.get("Content-Length") in (
        None,
        str(len(packed)),
    )  # a page is sent while it is made
    assert len(gzip.decompress(packed)) == len(plain)
    assert fields["Vary"] == plain_fields["Vary"] == "Accept-Encoding"
    assert fields["X-Content-Type-Options"] == "nosniff"


PIECE = st.builds(lambda text, times: text * times, st.binary(max_size=40), st.integers(0, 900))


@given(st.lists(PIECE), st.lists(PIECE))
def test_what_went_out_can_be_read_and_all_of_it_is_one_file(
    early: list[bytes], rest: list[bytes]
) -> None:
    for _ in range(2):  # the second time large pieces are known
        made = Gzip()
        begun = made.packed(early)
        assert zlib.decompressobj(wbits=31).decompress(begun) == b"".join(early)
        assert gzip.decompress(begun + made.packed(rest, last=True)) == b"".join(early + rest)


def test_a_head_says_no_length_that_it_does_not_know(inside: Browser) -> None:
    _, fields, body = raw(inside, "HEAD", "/static/style.css", accept_encoding="gzip")
    assert body == b"" and "Content-Length" not in fields and "Content-Encoding" not in fields
    _, fields, body = raw(inside, "HEAD", "/static/style.css")
    assert body == b"" and int(fields["Content-Length"]) > LEAST


def test_parts_of_files_and_what_did_not_change_are_left_alone(inside: Browser) -> None:
    path, packed = "/static/style.css", {"accept_encoding": "gzip"}
    _, fields, whole = raw(inside, "GET", path)
    status, part, body = raw(inside, "GET", path, **packed, range="bytes=0-4999")
    assert (status, body) == (206, whole[:5000]) and "Content-Encoding" not in part
    since = fields["Last-Modified"]
    status, told, body = raw(inside, "GET", path, **packed, if_modified_since=since)
    assert (status, body) == (304, b"") and "Content-Encoding" not in told


def test_what_is_compressed_already_or_is_no_text_is_left_alone() -> None:
    def app(environ: Any, start: Any) -> list[bytes]:
        start("200 OK", [("Content-Type", environ["kind"]), *environ["more"]])
        return [b"x" * 5000]

    def asked(kind: str, *more: tuple[str, str]) -> bytes:
        environ: Any = {
            "REQUEST_METHOD": "GET",
            "HTTP_ACCEPT_ENCODING": "gzip",
            "kind": kind,
            "more": more,
        }
        return b"".join(compressed(app)(environ, lambda *_: None))  # type: ignore[arg-type]

    assert len(asked("text/html")) < 200
    assert len(asked("image/png")) == len(asked("text/html", ("Content-Encoding", "br"))) == 5000
