"""One connection that a door has handed over: lines in, lines out, and what the pump says to us alone.

Who speaks is the name that came with the connection; nothing that is read here changes it.
"""

import socket
from collections.abc import Callable

import anyio
import anyio.lowlevel
import mcp_types as types
from mcp.shared.message import ServerMessageMetadata, SessionMessage

from hivelib.base.errors import HiveError
from hivelib.face.mcp import limits, wire
from hivelib.face.mcp.limits import Guest, Journal
from hivelib.model.records import Caller, Request

Confirm = Callable[[Caller, Request], bool]
_CHUNK = 1 << 16


class TooLong(Exception):
    """A line that does not end."""


class Connection:
    """The state of one connection; `caller` is set once the preamble has named a turn."""

    def __init__(
        self, link: socket.socket, caller: Caller, guest: Guest, journal: Journal, confirm: Confirm
    ) -> None:
        self._link, self._journal, self._confirm = link, journal, confirm
        self.caller, self.guest, self.nonce = caller, guest, ""
        self.gone = False
        self._buffer, self._searched = bytearray(), 0
        self._room = anyio.Semaphore(limits.IN_FLIGHT)
        self._in_flight: set[str] = set()
        self._carrying: dict[str, Request] = {}
        self._write_lock = anyio.Lock()

    def break_off(self) -> None:
        """Ends the connection: nothing more is read or answered, and the calls in flight are cancelled."""
        self.gone = True
        try:
            self._link.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the client was faster

    def complain(self, text: str, *, kind: str | None = None, bug: bool = False) -> None:
        """One line to the journal about this agent."""
        self._journal.complain(self.caller.name, text, kind=kind, bug=bug)

    async def greet(self) -> bool:
        """Reads the preamble; False when none came in time or it was none."""
        line = None
        with anyio.move_on_after(limits.PREAMBLE_SECONDS):
            try:
                line = await self._line(limits.PREAMBLE_MOST)
            except TooLong:
                line = b"?"
        if line is None:
            if not self.gone:
                self.complain(f"no preamble within {limits.PREAMBLE_SECONDS:.0f} s; closed")
            return False
        await self.guest.pay(len(line))
        said = wire.preamble(line)
        if said is None:
            self.complain("the first line is no preamble; closed")
            return False
        self.caller, self.nonce = self.caller._replace(turn=said.turn), said.nonce
        return True

    async def next(self) -> SessionMessage:
        """The next message for the MCP server. EndOfStream when there is none any more."""
        try:
            while (line := await self._line(limits.LINE_MOST)) is not None:
                if await self.guest.pay(len(line)):
                    self.complain(f"more than {limits.RATE:.0f} lines a second; slowed down")
                await self.drained()
                if line.strip() and (message := await self._admit(line)):
                    return message
        except TooLong:
            self.complain(f"a line of over {limits.LINE_MOST} bytes; connection closed")
            self.break_off()
        except anyio.BrokenResourceError:
            pass
        self.gone = True  # so that nobody answers what its caller will ask again elsewhere
        raise anyio.EndOfStream

    async def _admit(self, line: bytes) -> SessionMessage | None:
        message = wire.parse(line)
        if isinstance(message, wire.Bad):
            self.complain(f"a line that is no message: {message.why}", kind="no message")
            await self.write(message.answer)
        elif isinstance(message, types.JSONRPCNotification):
            return SessionMessage(message, ServerMessageMetadata(request_context=self))
        elif isinstance(message, types.JSONRPCRequest):
            if message.method == wire.CONFIRM:
                await self._confirmed(message)
            else:
                return await self._request(message)
        return None  # answers are not looked at: we ask nothing

    async def _request(self, message: types.JSONRPCRequest) -> SessionMessage | None:
        # The SDK takes 7 and "7" for the same call; so they must not run at the same time.
        same = str(message.id)
        if same in self._in_flight:
            text = f"the request id {wire.key_of(message.id)} is taken until it is answered"
            await self.write(wire.failure(message.id, types.INVALID_REQUEST, text))
            return None
        await self._room.acquire()
        self._in_flight.add(same)

        async def unanswered() -> None:
            self._settle(message.id)

        metadata = ServerMessageMetadata(request_context=self, on_request_unanswered=unanswered)
        return SessionMessage(message, metadata)

    def _settle(self, request_id: wire.Id | None) -> None:
        if str(request_id) in self._in_flight:
            self._in_flight.remove(str(request_id))
            self._room.release()

    def carry(self, key: str, request: Request) -> None:
        """The answer to the request of that key holds mail: it counts as delivered once the pump confirms it."""
        self._carrying.pop(key, None)
        if len(self._carrying) >= limits.CARRYING:
            del self._carrying[next(iter(self._carrying))]
        self._carrying[key] = request

    async def _confirmed(self, message: types.JSONRPCRequest) -> None:
        about = (message.params or {}).get("id")
        request = self._carrying.get(wire.key_of(about)) if wire.is_id(about) else None  # type: ignore[arg-type]
        why = "this answer holds no mail, or was given elsewhere: ask again"
        if request is not None:
            async with self.guest:
                try:
                    if self._confirm(self.caller, request):
                        why = ""
                        del self._carrying[wire.key_of(about)]  # type: ignore[arg-type]
                except HiveError as error:
                    why = str(error)
        answer = wire.failure(message.id, types.INVALID_REQUEST, why) if why else None
        await self.write(answer or wire.success(message.id))

    async def drained(self) -> None:
        """Waits until all that was written has left: who does not read is not answered more and more."""
        if self._write_lock.locked():
            async with self._write_lock:
                pass

    async def answer(self, item: SessionMessage) -> None:
        """Sends a message of the MCP server. BrokenResourceError when the connection is gone."""
        message = item.message
        try:
            if self.gone:
                raise anyio.BrokenResourceError
            await self.write(
                message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
            )
        finally:
            if isinstance(message, types.JSONRPCResponse | types.JSONRPCError):
                self._settle(message.id)

    async def write(self, data: bytes) -> None:
        """Sends a line; a client that leaves it unread for too long is cut off, half a line never stays."""
        async with self._write_lock:
            whole = False
            try:
                with anyio.move_on_after(limits.WRITE_SECONDS) as patience:
                    await self._write_all(memoryview(data))
                    whole = True
                if patience.cancelled_caught:
                    self.complain(f"answers unread for {limits.WRITE_SECONDS:.0f} s; closed")
            except OSError:
                pass
            finally:
                if not whole:
                    self.break_off()
        if not whole:
            raise anyio.BrokenResourceError

    async def _write_all(self, data: memoryview) -> None:
        while data:
            try:
                data = data[self._link.send(data) :]
            except BlockingIOError:
                await anyio.wait_writable(self._link)

    async def _line(self, most: int) -> bytes | None:
        """The next line with its end; None at the end of the stream. TooLong when it has more than `most` bytes."""
        while True:
            end = self._buffer.find(b"\n", self._searched) + 1
            if (end or len(self._buffer)) > most:
                raise TooLong
            if end:
                line = bytes(self._buffer[:end])
                del self._buffer[:end]
                self._searched = 0
                return line
            self._searched = len(self._buffer)
            try:
                data = self._link.recv(_CHUNK)
            except BlockingIOError:
                await anyio.wait_readable(self._link)
                continue
            except OSError:
                data = b""
            if not data:
                self.gone = True
                return None
            self._buffer += data


class _End:
    """What both ends need to be streams as the SDK wants them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def aclose(self) -> None:
        """Nothing: the service closes the socket."""

    async def __aenter__(self):  # type: ignore[no-untyped-def]
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


class Incoming(_End):
    """Messages from the box, read one by one as the server takes them."""

    async def receive(self) -> SessionMessage | Exception:
        """The next one; EndOfStream at the end."""
        return await self._connection.next()

    def __aiter__(self) -> "Incoming":
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None


class Outgoing(_End):
    """Messages to the box; a send that does not get rid of its line holds up nobody but this connection."""

    async def send(self, item: SessionMessage, /) -> None:
        """Writes one; BrokenResourceError when the box is gone."""
        await self._connection.answer(item)
