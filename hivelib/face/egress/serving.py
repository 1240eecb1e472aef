"""One connection of a box: read its one request, decide, join it to the far end, or say why not.

Who asks is `agent`, as the door said; nothing in the request can change it.
"""

import asyncio
import contextlib
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple

from hivelib.face.egress import answers, api, joining
from hivelib.face.egress import message as http
from hivelib.face.egress.answers import Refusal
from hivelib.face.egress.copying import Cut, Pulse, Unwritable, copy_all, discard, first_of, put
from hivelib.face.egress.exchanging import NoAnswer, Streams, Unsendable, exchange
from hivelib.face.egress.naming import Names, Unknown
from hivelib.model import egress
from hivelib.model.egress import Entry, Target
from hivelib.model.settings import Api

HEAD_BYTES = 65536


class Way(NamedTuple):
    """What the proxy is given: rules, resolver, the API's settings, a place to note what happened, patience.

    `allowed` gives an agent's entries; `note` takes agent, host and why it was refused (None: let through).
    """

    allowed: Callable[[str], tuple[Entry, ...]]
    names: Names
    api: Api
    note: Callable[[str, str, str | None], None]
    head_seconds: float = 15.0
    idle_seconds: float = 1800.0
    farewell_seconds: float = 2.0
    closing_seconds: float = 60.0


async def serve(way: Way, agent: str, near: Streams) -> None:
    """Serves the one request of a connection and closes it; whatever goes wrong there is answered or ends it."""
    try:
        await _serve(way, agent, near)
    except Refusal as refusal:
        if refusal.recorded:
            way.note(agent, refusal.host, refusal.why)
        await _answer(way, near, refusal)
    except (Cut, Unwritable, OSError, http.Malformed):  # TimeoutError is an OSError
        near[1].transport.abort()  # an answer has begun: the box must see that it is not whole
    finally:
        await _close(near[1], way.closing_seconds)


async def _serve(way: Way, agent: str, near: Streams) -> None:
    raw = await _read_head(near[0], way.head_seconds)
    if not raw:
        return
    try:
        request = http.parse_request(raw)
        framing = http.request_framing(request)
    except http.Malformed as fault:
        raise answers.malformed(str(fault)) from None
    if request.method == "CONNECT":
        if framing.length or framing.kind == "chunked":
            raise answers.malformed("a CONNECT with a body")
        await _tunnel(way, agent, near, request)
    else:
        await _forward(way, agent, near, request, framing)


async def _read_head(reader: asyncio.StreamReader, seconds: float) -> bytes:
    """The head of the request; nothing when the box went away without a word."""
    try:
        return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), seconds)
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise answers.malformed("it ends within its head") from None
        return b""
    except asyncio.LimitOverrunError:
        why = f"malformed request: its head is longer than {HEAD_BYTES} bytes"
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        raise Refusal(status, answers.NOWHERE, why) from None
    except TimeoutError:
        why = f"malformed request: its head took longer than {seconds:.0f} s"
        raise Refusal(HTTPStatus.REQUEST_TIMEOUT, answers.NOWHERE, why) from None


async def _tunnel(way: Way, agent: str, near: Streams, request: http.Request) -> None:
    """CONNECT: after the answer both sides' bytes are none of our business."""
    target = _target(agent, request)[0]
    if target.host == egress.API_HOST:
        raise answers.malformed(f"{egress.API_HOST} is plain http: no CONNECT, no https")
    far = await _reach(way, agent, target)
    pulse = Pulse(way.idle_seconds)
    try:
        await put(near[1], b"HTTP/1.1 200 Connection established\r\n\r\n", pulse)
        there, back = copy_all(near[0], far[1], pulse), copy_all(far[0], near[1], pulse)
        await first_of(pulse, there, back, every=True)
    finally:
        far[1].transport.abort()


async def _forward(
    way: Way, agent: str, near: Streams, request: http.Request, framing: http.Framing
) -> None:
    """A plain http request: its Host is the one that was judged, whatever the box wrote there."""
    target, path = _target(agent, request)
    if target.host == egress.API_HOST:
        far, head = await _reach_api(way, agent, target, path, request, framing)
    else:
        far = await _reach(way, agent, target)
        shown = str(target).removesuffix(":80")
        head = http.request_bytes(request, path, shown, framing)
    try:
        await exchange(near, far, request.method, head, framing, Pulse(way.idle_seconds))
    except NoAnswer as fault:
        raise answers.unreachable(str(target), str(fault)) from None
    except Unsendable as fault:
        raise answers.malformed(str(fault)) from None
    finally:
        far[1].transport.abort()


def _target(agent: str, request: http.Request) -> tuple[Target, str]:
    """Where the request wants to go, and its path."""
    try:
        text = request.target.encode("latin-1").decode()
    except UnicodeDecodeError:
        raise answers.odd_target(agent, request.target, "it is not UTF-8") from None
    if request.method != "CONNECT" and text.startswith(("/", "*")):
        raise answers.malformed("this is a proxy: name the whole URL, http://HOST/PATH")
    try:
        if request.method == "CONNECT":
            return egress.parse_authority(text), ""
        return egress.parse_url(text)
    except ValueError as fault:
        raise answers.odd_target(agent, text, str(fault)) from None


async def _reach(way: Way, agent: str, target: Target) -> Streams:
    """The far end, if the agent may go there; Refusal if not, or when it is not there."""
    entries = way.allowed(agent)
    if not egress.permits(entries, target):
        raise answers.not_listed(agent, str(target), target.entry())
    try:
        found = [target.address] if target.address else await way.names.look_up(agent, *target[:2])
        ways = joining.judged(found, target.port, entries)
        if not ways:
            where = Target(str(found[0]), target.port, found[0])
            raise answers.not_public(agent, str(target), where.host, str(where))
        way.note(agent, str(target), None)
        return await asyncio.open_connection(sock=await joining.join(ways), limit=HEAD_BYTES)
    except joining.Refused as refused:
        raise answers.not_public(agent, str(target), str(refused), str(target)) from None
    except Unknown as unknown:
        raise answers.unreachable(str(target), str(unknown)) from None
    except OSError as error:
        raise answers.unreachable(str(target), error.strerror or str(error)) from None


async def _reach_api(
    way: Way, agent: str, target: Target, path: str, request: http.Request, framing: http.Framing
) -> tuple[Streams, bytes]:
    """The model's API, and the request's head with the hive's key in place of whatever the box sent."""
    host = str(target)
    if target.port != 80 or not egress.permits_api(way.allowed(agent)):
        raise answers.not_listed(agent, host, "claude")
    if not way.api.key_file:
        raise answers.no_key(agent, host)
    way.note(agent, host, None)
    try:
        to = api.upstream(way.api)
        mine = (("x-api-key", api.read_key(way.api)),)
        head = http.request_bytes(
            request, to.path + path, to.shown, framing, without=api.CREDENTIALS, also=mine
        )
        return await api.connect(to, HEAD_BYTES), head
    except api.Broken as broken:
        raise answers.unreachable(host, str(broken)) from None
    except OSError as error:
        raise answers.unreachable(host, error.strerror or str(error)) from None


async def _answer(way: Way, near: Streams, refusal: Refusal) -> None:
    """Gives our own answer, then reads on for a moment: closing on unread bytes could cost the box the answer."""
    reader, writer = near
    pulse = Pulse(way.farewell_seconds)

    async def say() -> None:
        await put(writer, refusal.encoded(), pulse)
        writer.write_eof()
        await discard(reader)

    with contextlib.suppress(Unwritable, OSError):
        await asyncio.wait_for(say(), way.farewell_seconds)


async def _close(writer: asyncio.StreamWriter, seconds: float) -> None:
    """Closes when all is written; a box that does not read gets `seconds` for that."""
    writer.close()
    try:
        await asyncio.wait_for(writer.wait_closed(), seconds)
    except OSError:
        writer.transport.abort()
