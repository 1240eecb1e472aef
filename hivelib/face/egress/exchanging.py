"""One request sent on and its one answer given back, both as they come."""

import asyncio
import contextlib
from collections.abc import Iterator
from http import HTTPStatus

from hivelib.face.egress import message as http
from hivelib.face.egress.copying import Pulse, Unwritable, copy_body, discard, first_of, put

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class NoAnswer(Exception):
    """The far end gave no answer that can be passed on; nothing has been given back yet. The text says why."""


class Unsendable(Exception):
    """The request's body is malformed; nothing has been given back yet. The text says how."""


async def exchange(
    near: Streams, far: Streams, method: str, head: bytes, framing: http.Framing, pulse: Pulse
) -> None:
    """Sends `head` and the body that follows from `near` to `far`, and the answer back.

    Raises NoAnswer or Unsendable while the near side has not been answered yet; afterwards Cut, Unwritable, Malformed
    or OSError, which mean that the near side must see its answer cut. Returns early when the near side goes away.
    """
    begun: list[bool] = []
    try:
        with _no_answer_yet():
            await put(far[1], head, pulse)
        up = _upload(near[0], far[1], framing, pulse)
        await first_of(pulse, _download(near[1], far[0], method, begun, pulse), up)
    except http.Malformed as fault:
        if begun:
            raise
        raise Unsendable(str(fault)) from None
    except TimeoutError:
        if begun:
            raise
        raise NoAnswer(f"nothing moved for {pulse.idle:.0f} s") from None


async def _upload(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, framing: http.Framing, pulse: Pulse
) -> None:
    """Sends the body on; then watches, for a box that went away wants no answer (a model's answer costs money)."""
    # A far end may answer before it has read everything; then it takes no more, and its answer is what counts.
    with contextlib.suppress(Unwritable):
        await copy_body(reader, writer, framing, pulse)
    await discard(reader)


async def _download(
    writer: asyncio.StreamWriter,
    reader: asyncio.StreamReader,
    method: str,
    begun: list[bool],
    pulse: Pulse,
) -> None:
    while True:
        with _no_answer_yet():
            response = http.parse_response(await reader.readuntil(b"\r\n\r\n"))
            framing = http.response_framing(method, response)
            if response.code == HTTPStatus.SWITCHING_PROTOCOLS:
                raise http.Malformed("it switches protocols unasked")
        if response.code >= HTTPStatus.OK:
            begun.append(True)
        await put(writer, http.response_bytes(method, response, framing), pulse)
        if begun:
            break
    await copy_body(reader, writer, framing, pulse)


@contextlib.contextmanager
def _no_answer_yet() -> Iterator[None]:
    try:
        yield
    except http.Malformed as fault:
        raise NoAnswer(f"its answer is malformed: {fault}") from None
    except asyncio.LimitOverrunError:
        raise NoAnswer("the head of its answer is too long") from None
    except (EOFError, OSError, Unwritable):  # IncompleteReadError is an EOFError
        raise NoAnswer("it closed the connection without an answer") from None
