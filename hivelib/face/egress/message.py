"""HTTP/1.1 heads, read strictly and written anew; pure.

Smuggling lives off two readers that see different ends of one request. So a head is taken only in the one spelling that
everybody reads alike, framing fields are never passed on but written by us, and there is one request a connection.
"""

import re
from typing import NamedTuple

Fields = tuple[tuple[str, str], ...]

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST = re.compile(rf"({_TOKEN}) ([^\x00-\x20\x7f]+) HTTP/(1\.[01])")
_STATUS = re.compile(r"HTTP/1\.[01] ([1-5][0-9]{2})(?: ([^\x00-\x08\x0a-\x1f\x7f]*))?")
_FIELD = re.compile(rf"({_TOKEN}):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*")
_LENGTH = re.compile(r"[0-9]{1,15}")
_HOP = frozenset(  # between two neighbours only (RFC 9110, 7.6.1), and the framing, which is written anew
    (
        *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "content-length"),
        *("upgrade", "http2-settings", "proxy-connection", "proxy-authorization"),
        *("proxy-authenticate", "proxy-authentication-info"),
    )
)


class Malformed(Exception):
    """A head or body that is not HTTP as everybody reads it; the text says what is wrong."""


class Request(NamedTuple):
    """A request's head; `version` is 1.0 or 1.1, field names are in lower case."""

    method: str
    target: str
    version: str
    fields: Fields


class Response(NamedTuple):
    """A response's head; field names are in lower case."""

    code: int
    reason: str
    fields: Fields


class Framing(NamedTuple):
    """How a body's end is found; `kind` is none, length, chunked or close, `length` counts bytes."""

    kind: str
    length: int = 0


def parse_request(raw: bytes) -> Request:
    """Reads a request's head, given with its final empty line; Malformed says what is wrong."""
    first, fields = _parse(raw)
    match = _REQUEST.fullmatch(first)
    if not match:
        raise Malformed("the request line is not METHOD TARGET HTTP/1.1")
    return Request(match[1], match[2], match[3], fields)


def parse_response(raw: bytes) -> Response:
    """Reads a response's head, given with its final empty line; Malformed says what is wrong."""
    first, fields = _parse(raw)
    match = _STATUS.fullmatch(first)
    if not match:
        raise Malformed("the status line is not HTTP/1.1 CODE REASON")
    return Response(int(match[1]), match[2] or "", fields)


def request_framing(request: Request) -> Framing:
    """How the request's body ends; Malformed if it could be read in two ways."""
    codings = _values(request.fields, "transfer-encoding")
    lengths = _values(request.fields, "content-length")
    if len(_values(request.fields, "host")) > 1:
        raise Malformed("more than one Host")
    if codings and lengths:
        raise Malformed("both Transfer-Encoding and Content-Length")
    if codings:
        if len(codings) > 1 or codings[0].lower() != "chunked" or request.version == "1.0":
            raise Malformed("a Transfer-Encoding other than one chunked")
        return Framing("chunked")
    if lengths:
        if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
            raise Malformed("a Content-Length that is not one number")
        return Framing("length", int(lengths[0]))
    return Framing("none")


def response_framing(method: str, response: Response) -> Framing:
    """How the body of the answer to a `method` request ends; Malformed if it could be read in two ways."""
    if method == "HEAD" or response.code in (204, 304) or response.code < 200:
        return Framing("none")
    codings = _values(response.fields, "transfer-encoding")
    lengths = set(_values(response.fields, "content-length"))
    if codings:
        if len(codings) > 1 or codings[0].lower() != "chunked":
            raise Malformed("a Transfer-Encoding other than one chunked")
        return Framing("chunked")
    if lengths:
        length = lengths.pop()
        if lengths or not _LENGTH.fullmatch(length):
            raise Malformed("a Content-Length that is not one number")
        return Framing("length", int(length))
    return Framing("close")


def request_bytes(
    request: Request,
    path: str,
    host: str,
    framing: Framing,
    *,
    without: frozenset[str] = frozenset(),
    also: Fields = (),
) -> bytes:
    """The head to send on: to `host`, for `path`, fields `without` dropped, `also` added; the framing is ours."""
    lines = [f"{request.method} {path} HTTP/{request.version}", f"host: {host}"]
    kept = _passed_on(request.fields, without | {"host"})
    return _written(lines, (*kept, *also, *_framing_fields(framing), ("connection", "close")))


def response_bytes(method: str, response: Response, framing: Framing) -> bytes:
    """The head to give back; it says that the connection closes, for one connection serves one request."""
    kept = _passed_on(response.fields, frozenset())
    if framing.kind == "none" and (method == "HEAD" or response.code == 304):
        kept += tuple(field for field in response.fields if field[0] == "content-length")
    if response.code >= 200:
        kept += (*_framing_fields(framing), ("connection", "close"))
    return _written([f"HTTP/1.1 {response.code} {response.reason}"], kept)


def _parse(raw: bytes) -> tuple[str, Fields]:
    first, *lines = raw.removesuffix(b"\r\n\r\n").decode("latin-1").split("\r\n")
    fields = []
    for line in lines:
        match = _FIELD.fullmatch(line)
        if not match:
            raise Malformed("a header line is not NAME: VALUE")
        fields.append((match[1].lower(), match[2]))
    return first, tuple(fields)


def _values(fields: Fields, name: str) -> list[str]:
    return [value for key, value in fields if key == name]


def _passed_on(fields: Fields, without: frozenset[str]) -> Fields:
    """The fields that are meant for the far end. `_` counts as `-`, as it does for many servers behind a gateway."""
    named = ",".join(_values(fields, "connection")).lower().split(",")
    dropped = _HOP | without | {name.strip() for name in named}
    return tuple(field for field in fields if field[0].replace("_", "-") not in dropped)


def _framing_fields(framing: Framing) -> Fields:
    if framing.kind == "length":
        return (("content-length", str(framing.length)),)
    return (("transfer-encoding", "chunked"),) if framing.kind == "chunked" else ()


def _written(lines: list[str], fields: Fields) -> bytes:
    lines += [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
