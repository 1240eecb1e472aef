"""Heads are read in the one way that everybody reads them, and written so that nobody reads them otherwise."""

import http.client
import io
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hivelib.face.egress import message
from hivelib.face.egress.message import Framing, Malformed

TOKEN = st.text(string.ascii_letters + string.digits + "-_!#$%&'*+.^`|~", min_size=1, max_size=12)
VALUE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)
FIELDS = st.lists(st.tuples(TOKEN, VALUE), max_size=8)


def request(*fields: str, version: str = "1.1") -> message.Request:
    lines = [f"POST http://a.test/ HTTP/{version}", *fields, "", ""]
    return message.parse_request("\r\n".join(lines).encode("latin-1"))


def response(*fields: str, code: int = 200) -> message.Response:
    lines = [f"HTTP/1.1 {code} OK", *fields, "", ""]
    return message.parse_response("\r\n".join(lines).encode("latin-1"))


@pytest.mark.parametrize(
    ("fields", "framing"),
    [
        ([], Framing("none")),
        (["Content-Length: 0"], Framing("length", 0)),
        (["CONTENT-LENGTH:12"], Framing("length", 12)),
        (["Transfer-Encoding: Chunked"], Framing("chunked")),
    ],
)
def test_a_requests_end_is_found_where_everybody_finds_it(
    fields: list[str], framing: Framing
) -> None:
    assert message.request_framing(request(*fields)) == framing


def test_an_old_client_cannot_send_chunks() -> None:
    with pytest.raises(Malformed):
        message.request_framing(request("Transfer-Encoding: chunked", version="1.0"))


@pytest.mark.parametrize(
    ("method", "answer", "framing"),
    [
        ("GET", response("content-length: 3"), Framing("length", 3)),
        ("GET", response("content-length: 3", "content-length: 3"), Framing("length", 3)),
        ("GET", response("transfer-encoding: chunked", "content-length: 3"), Framing("chunked")),
        ("GET", response(), Framing("close")),
        ("HEAD", response("content-length: 3"), Framing("none")),
        ("GET", response("content-length: 3", code=304), Framing("none")),
        ("GET", response(code=204), Framing("none")),
        ("GET", response(code=100), Framing("none")),
    ],
)
def test_an_answers_end_is_found_where_everybody_finds_it(
    method: str, answer: message.Response, framing: Framing
) -> None:
    assert message.response_framing(method, answer) == framing


@pytest.mark.parametrize(
    "fields",
    [
        ["content-length: 3", "content-length: 4"],
        ["content-length: x"],
        ["transfer-encoding: gzip"],
    ],
)
def test_an_answer_whose_end_is_uncertain_is_not_given_back(fields: list[str]) -> None:
    with pytest.raises(Malformed):
        message.response_framing("GET", response(*fields))


def test_an_answer_to_head_keeps_its_length_and_says_that_the_connection_closes() -> None:
    answer = response("Content-Length: 3", "Connection: keep-alive, x-a", "X-A: 1", "X-B: 2")
    written = message.response_bytes("HEAD", answer, Framing("none"))
    assert written == b"HTTP/1.1 200 OK\r\nx-b: 2\r\ncontent-length: 3\r\nconnection: close\r\n\r\n"


@given(st.binary(max_size=200))
@example(b"GET http://a/ HTTP/1.1\nHost: b")
def test_bytes_are_a_request_or_malformed_and_never_anything_else(raw: bytes) -> None:
    try:
        message.request_framing(message.parse_request(raw + b"\r\n\r\n"))
    except Malformed:
        pass


@given(FIELDS)
def test_what_is_written_is_read_by_another_reader_with_our_host_and_our_framing_alone(
    fields: list[tuple[str, str]],
) -> None:
    parsed = request(*(f"{name}: {value}" for name, value in fields))
    for framing in (Framing("none"), Framing("length", 7), Framing("chunked")):
        written = message.request_bytes(parsed, "/p", "judged.test", framing)
        first, _, rest = written.partition(b"\r\n")
        assert first == b"POST /p HTTP/1.1"
        seen = http.client.parse_headers(io.BytesIO(rest))
        assert seen.get_all("host") == ["judged.test"]
        assert seen.get_all("connection") == ["close"]
        assert (seen.get("content-length") == "7") is (framing.kind == "length")
        assert (seen.get("transfer-encoding") == "chunked") is (framing.kind == "chunked")
        assert written.count(b"\r\n\r\n") == 1


@given(TOKEN, st.characters(max_codepoint=0x1F, exclude_characters="\t"))
def test_no_control_character_passes(name: str, control: str) -> None:
    with pytest.raises(Malformed):
        request(f"{name}: a{control}b")
    with pytest.raises(Malformed):
        request(f"{name}{control}: a")
