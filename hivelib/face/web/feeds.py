"""What can be followed: the hive's events, and one agent's page. A feed turns a position into what came after it."""

import os
import re
from typing import NamedTuple, Protocol

from hivelib.base.db import Database
from hivelib.face.web import patches
from hivelib.flow import viewing
from hivelib.flow.opening import Hive, open_transcript

BATCH = 500
FAR = 5000
"""Rows that a reader may be behind; beyond that a new snapshot is less work for both."""

_ID = re.compile(r"([0-9a-f]{1,32})\.([0-9]{1,18})(?:\.([0-9]{1,18}))?", re.ASCII)


class Position(NamedTuple):
    """Up to where somebody has seen everything; `row` counts lines of a transcript (0 without one)."""

    epoch: str
    seq: int
    row: int = 0

    def follows(self, other: "Position") -> bool:
        """Whether this is the same stream, and not before `other`."""
        return self.epoch == other.epoch and self.seq >= other.seq and self.row >= other.row


class Feed(Protocol):
    """A stream that can be read from any position of it."""

    topics: tuple[str, ...]
    """The bells that ring when there may be more."""

    def end(self) -> Position:
        """Where the stream ends now."""

    def holds_all_after(self, at: Position) -> bool:
        """Whether exactly what came after that position can still be given, and is not too much."""

    def read(self, after: Position, upto: Position | None = None) -> tuple[bytes, Position]:
        """The next frames, none beyond `upto`, and the position after them; the same position when there are none."""

    def name(self, at: Position) -> str:
        """A position as the id of a frame."""

    def close(self) -> None:
        """Lets go of what it opened."""


def position(text: str) -> Position | None:
    """The position that the id of a frame names, EPOCH.SEQ or EPOCH.SEQ.ROW; None when it is none."""
    match = _ID.fullmatch(text)
    return Position(match[1], int(match[2]), int(match[3] or 0)) if match else None


class HiveFeed:
    """Every event of the hive, with the changes that it makes to the first page."""

    topics: tuple[str, ...] = ("events",)

    def __init__(self, hive: Hive, spending: viewing.Spending) -> None:
        self._hive, self._spending = hive, spending

    def end(self) -> Position:
        """Where the stream ends now."""
        stream = viewing.stream(self._hive)
        return Position(stream.epoch, stream.last)

    def holds_all_after(self, at: Position) -> bool:
        """Whether exactly what came after that position can still be given, and is not too much."""
        stream = viewing.stream(self._hive)
        return stream.holds_all_after(at.epoch, at.seq) and stream.last - at.seq <= FAR

    def read(self, after: Position, upto: Position | None = None) -> tuple[bytes, Position]:
        """The next frames, none beyond `upto`, and the position after them."""
        rows = viewing.events_after(self._hive, after.seq, BATCH)
        rows = [row for row in rows if upto is None or row.seq <= upto.seq]
        if not rows:
            return b"", after
        frames = patches.hive_frames(self._hive, after.epoch, rows, self._spending)
        return b"".join(frames), after._replace(seq=rows[-1].seq)

    def name(self, at: Position) -> str:
        """A position as the id of a frame."""
        return f"{at.epoch}.{at.seq}"

    def close(self) -> None:
        """Nothing of its own is open."""


class AgentFeed:
    """What happens to one agent, and each line of its transcript."""

    def __init__(self, hive: Hive, spending: viewing.Spending, name: str) -> None:
        self._hive, self._spending, self._agent = hive, spending, name
        self._transcript: Database | None = None
        self._file = 0
        self.topics: tuple[str, ...] = ("events", f"agent.{name}")

    def end(self) -> Position:
        """Where both streams end now."""
        stream = viewing.stream(self._hive, self._agent)
        return Position(stream.epoch, stream.last, viewing.last_row(self._opened()))

    def holds_all_after(self, at: Position) -> bool:
        """Whether exactly what came after that position can still be given, and is not too much."""
        stream = viewing.stream(self._hive, self._agent)
        behind = viewing.last_row(self._opened()) - at.row
        held = stream.holds_all_after(at.epoch, at.seq)
        return held and stream.last - at.seq <= FAR and 0 <= behind <= FAR

    def read(self, after: Position, upto: Position | None = None) -> tuple[bytes, Position]:
        """The next frames, none beyond `upto`, and the position after them: first events, then lines."""
        rows = viewing.events_after(self._hive, after.seq, BATCH)
        rows = [row for row in rows if upto is None or row.seq <= upto.seq]
        if rows:
            at = (after.epoch, after.row)
            frames = patches.agent_frames(self._hive, at, self._agent, rows, self._spending)
            return b"".join(frames), after._replace(seq=rows[-1].seq)
        transcript = self._opened()
        lines = viewing.lines_after(transcript, after.row, BATCH) if transcript else []
        lines = [line for line in lines if upto is None or line.row <= upto.row]
        if not lines:
            return b"", after
        frames = patches.line_frames((after.epoch, after.seq), lines)
        return b"".join(frames), after._replace(row=lines[-1].row)

    def name(self, at: Position) -> str:
        """A position as the id of a frame."""
        return f"{at.epoch}.{at.seq}.{at.row}"

    def close(self) -> None:
        """Closes the transcript."""
        if self._transcript:
            self._transcript.close()
        self._transcript = None

    def _opened(self) -> Database | None:
        """The transcript that is there now: an agent that is made anew gets another file."""
        try:
            file = os.stat(self._hive.paths.transcript(self._agent)).st_ino
        except OSError:
            file = 0
        if file != self._file:
            self.close()
            self._file = file
            self._transcript = open_transcript(self._hive, self._agent) if file else None
        return self._transcript
