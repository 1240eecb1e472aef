"""Answers that are text go compressed to whom takes that: a first load is a tenth of its size then.

No answer holds a secret beside words that somebody else chose, so its size tells nothing (BREACH).
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.headers import Headers
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from hivelib.face.web.keeping import LARGE, kept

LEAST = 1024
"""Bytes from which on it is worth it."""
_TEXT = ("text/html", "text/css", "text/javascript", "application/json", "image/svg+xml")
_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\x04\xff"  # deflate, no name, no time, compressed in haste, no particular system
_LEVEL = 1  # a third of level 5's time, 12 % more bytes: most browsers are on this machine
_NONE = re.compile(r"q\s*=\s*0(\.0*)?")


def compressed(app: WSGIApplication) -> WSGIApplication:
    """The same application; a stream (an empty body here) and a part of a file are left as they are.

    Of an answer whose length nobody knows yet the first piece goes out while the others are made.
    """

    def answered(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        begun: list[Any] = []

        def start(*given: Any) -> Callable[[bytes], object]:
            begun[:] = given
            return lambda data: None

        body = app(environ, start)
        status, head, *more = begun
        headers = Headers(head)
        kind = (headers.get("Content-Type") or "").partition(";")[0]
        fit = kind in _TEXT and not {"Content-Encoding", "Content-Range"} & set(headers.keys())
        if fit:
            headers.add_header("Vary", "Accept-Encoding")
        length, pack = headers.get("Content-Length"), _joined
        if fit and takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")):
            if environ["REQUEST_METHOD"] == "HEAD":
                del headers["Content-Length"]  # how long it would be, only the body could tell
            elif length is None or int(length) >= LEAST:
                pack = Gzip().packed
                headers["Content-Encoding"] = "gzip"
        if length is None:
            start_response(status, headers.items(), *more)
            return _in_two(body, pack)
        with _used(body) as pieces:
            data = pack(pieces, last=True)
        if environ["REQUEST_METHOD"] != "HEAD":
            headers["Content-Length"] = str(len(data))
        start_response(status, headers.items(), *more)
        return [data]

    return answered


@contextmanager
def _used(body: Iterable[bytes]) -> Iterator[Iterator[bytes]]:
    """The pieces of an answer; whoever made them is told when they are not wanted any more, as WSGI has it."""
    try:
        yield iter(body)
    finally:
        if close := getattr(body, "close", None):
            close()


def _in_two(body: Iterable[bytes], pack: Callable[..., bytes]) -> Iterator[bytes]:
    with _used(body) as pieces:
        for first in pieces:
            yield pack([first])
            yield pack(pieces, last=True)


def _joined(pieces: Iterable[bytes], *, last: bool = False) -> bytes:
    return b"".join(pieces)


class Gzip:
    """A gzip file (RFC 1952) in the making. How a large piece was compressed is kept: a page that is loaded again has
    most of them as they were."""

    def __init__(self) -> None:
        self._head, self._check, self._size = _HEAD, 0, 0

    def packed(self, pieces: Iterable[bytes], *, last: bool = False) -> bytes:
        """What the file goes on with; its reader can unpack all of these pieces then."""
        blocks, small, self._head = [self._head], bytearray(), b""
        for piece in pieces:
            self._check, self._size = zlib.crc32(piece, self._check), self._size + len(piece)
            if len(piece) < LARGE:
                small += piece
                continue
            blocks += [_deflated(small), _kept(piece)]
            small = bytearray()
        if not last:
            return b"".join([*blocks, _deflated(small)])
        end = struct.pack("<II", self._check, self._size % 2**32)
        return b"".join([*blocks, _deflated(small, zlib.Z_FINISH), end])


def _deflated(data: bytes | bytearray, end: int = zlib.Z_SYNC_FLUSH) -> bytes:
    """Blocks (RFC 1951) that end on a whole byte and look back at nothing before them: any others may stand beside."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush(end)


@kept(200_000, 4)
def _kept(piece: bytes) -> bytes:
    return _deflated(piece)


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding names gzip, and does not refuse it (`gzip;q=0`)."""
    for one in accepted.lower().split(","):
        name, _, weight = one.partition(";")
        if name.strip() == "gzip":
            return not _NONE.fullmatch(weight.strip())
    return False
