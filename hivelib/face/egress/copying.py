"""Bytes from one side to the other as they come; a slow reader makes the writer wait, memory does not grow.

asyncio's streams hold at most 128 KiB read and 64 KiB not yet written for each direction, whoever floods.
"""

import asyncio
import contextlib
import re
from collections.abc import Coroutine
from typing import Any

from hivelib.base import clock
from hivelib.face.egress.message import Framing, Malformed

CHUNK = 65536
_SIZE_LINE = re.compile(rb"([0-9a-fA-F]{1,15})(?:[ \t]*;[^\x00-\x08\x0a-\x1f\x7f]*)?\r\n")
_MOST_TRAILERS = 100


class Cut(Exception):
    """The reading side ended before its message did."""


class Unwritable(Exception):
    """The writing side takes no more."""


class Pulse:
    """When something last moved; what has not moved for `idle` seconds is given up."""

    def __init__(self, idle: float) -> None:
        self.idle = idle
        self.beat()

    def beat(self) -> None:
        """Something moved."""
        self._last = clock.monotonic()

    def left(self) -> float:
        """Seconds until it counts as dead."""
        return self._last + self.idle - clock.monotonic()


async def put(writer: asyncio.StreamWriter, data: bytes, pulse: Pulse) -> None:
    """Writes and waits until there is room again; Unwritable when the other side is gone."""
    pulse.beat()
    try:
        writer.write(data)
        await writer.drain()
    except OSError as error:
        raise Unwritable(str(error)) from None
    pulse.beat()


async def copy_all(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pulse: Pulse
) -> None:
    """Copies until the reading side ends, then says so to the writing side."""
    while data := await reader.read(CHUNK):
        await put(writer, data, pulse)
    if writer.can_write_eof():
        with contextlib.suppress(OSError):
            writer.write_eof()


async def copy_body(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, framing: Framing, pulse: Pulse
) -> None:
    """Copies one body; raises Cut when it ends too early, Malformed when its chunks are not chunks."""
    if framing.kind == "length":
        await _copy_length(reader, writer, framing.length, pulse)
    elif framing.kind == "chunked":
        await _copy_chunks(reader, writer, pulse)
    elif framing.kind == "close":
        await copy_all(reader, writer, pulse)


async def discard(reader: asyncio.StreamReader) -> None:
    """Reads until the end and keeps nothing."""
    while await reader.read(CHUNK):
        pass


async def first_of(pulse: Pulse, *works: Coroutine[Any, Any, None], every: bool = False) -> None:
    """Runs the works side by side until one ends (`every`: all end, or one fails) or nothing moves any more.

    Raises what the first failing one raised, TimeoutError when the pulse stood still; stops the others.
    """
    tasks = [asyncio.create_task(work) for work in works]
    running = set(tasks)
    try:
        while running:
            left = pulse.left()
            if left <= 0:
                raise TimeoutError
            done, running = await asyncio.wait(
                running, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            for task in tasks:
                if task in done:
                    task.result()
            if done and not every:
                return
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _copy_length(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, length: int, pulse: Pulse
) -> None:
    while length:
        data = await reader.read(min(length, CHUNK))
        if not data:
            raise Cut
        length -= len(data)
        await put(writer, data, pulse)


async def _copy_chunks(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pulse: Pulse
) -> None:
    """Chunk for chunk, so that a stream of events flows as it comes; extensions and trailers are left out."""
    while True:
        match = _SIZE_LINE.fullmatch(await _line(reader))
        if not match:
            raise Malformed("a chunk's size is not a hexadecimal number")
        size = int(match[1], 16)
        if size == 0:
            break
        await put(writer, b"%x\r\n" % size, pulse)
        await _copy_length(reader, writer, size, pulse)
        if await _line(reader) != b"\r\n":
            raise Malformed("a chunk is longer than it says")
        await put(writer, b"\r\n", pulse)
    for _ in range(_MOST_TRAILERS):
        if await _line(reader) == b"\r\n":
            await put(writer, b"0\r\n\r\n", pulse)
            return
    raise Malformed("trailers without end")


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError:
        raise Cut from None
    except asyncio.LimitOverrunError:
        raise Malformed("a line without end in a chunked body") from None
