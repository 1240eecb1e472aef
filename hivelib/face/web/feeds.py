"""What can be followed: the events that concern a page, and on an agent's page its transcript too. A feed turns a
position into what came after it."""

import os
import re
from typing import NamedTuple, Protocol

from hivelib.base.db import Database
from hivelib.face.web import patches
from hivelib.face.web.pages import Page
from hivelib.face.web.sections.base import Drawer
from hivelib.flow import viewing
from hivelib.flow.opening import open_transcript

BATCH = 500
LINES = 50
"""Transcript lines that are read at once; each may be long."""
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


class PageFeed:
    """What concerns one page about `subject`: events with the changes they make to it."""

    def __init__(self, page: Page, drawer: Drawer) -> None:
        self._page, self._drawer, self._hive = page, drawer, drawer.hive
        self.topics: tuple[str, ...] = ("events",)

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
        return self._read_events(after, upto, "")

    def name(self, at: Position) -> str:
        """A position as the id of a frame."""
        return f"{at.epoch}.{at.seq}"

    def close(self) -> None:
        """Nothing of its own is open."""

    def _read_events(
        self, after: Position, upto: Position | None, row: str
    ) -> tuple[bytes, Position]:
        rows = viewing.events_after(self._hive, after.seq, BATCH)
        rows = [one for one in rows if upto is None or one.seq <= upto.seq]
        if not rows:
            return b"", after
        frames = patches.event_frames(self._page, self._drawer, after.epoch, rows, row)
        return frames, after._replace(seq=rows[-1].seq)


class TranscriptFeed(PageFeed):
    """What happens to one agent, and each line of its transcript."""

    def __init__(self, page: Page, drawer: Drawer) -> None:
        super().__init__(page, drawer)
        self._transcript: Database | None = None
        self._file = 0
        self.topics = ("events", f"agent.{drawer.subject}")

    def end(self) -> Position:
        """Where both streams end now."""
        stream = viewing.stream(self._hive, self._drawer.subject)
        return Position(stream.epoch, stream.last, viewing.last_row(self._opened()))

    def holds_all_after(self, at: Position) -> bool:
        """Whether exactly what came after that position can still be given, and is not too much."""
        stream = viewing.stream(self._hive, self._drawer.subject)
        behind = viewing.last_row(self._opened()) - at.row
        held = stream.holds_all_after(at.epoch, at.seq)
        held = held and (behind == 0 or viewing.first_row(self._opened()) <= at.row + 1)
        return held and stream.last - at.seq <= FAR and 0 <= behind <= FAR

    def read(self, after: Position, upto: Position | None = None) -> tuple[bytes, Position]:
        """The next frames, none beyond `upto`, and the position after them: first events, then lines."""
        frames, reached = self._read_events(after, upto, f".{after.row}")
        if reached != after:
            return frames, reached
        transcript = self._opened()
        lines = viewing.lines_after(transcript, after.row, LINES) if transcript else []
        lines = [line for line in lines if upto is None or line.row <= upto.row]
        if not lines:
            return b"", after
        frames = patches.line_frames((after.epoch, after.seq), lines)
        return frames, after._replace(row=lines[-1].row)

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
            file = os.stat(self._hive.paths.transcript(self._drawer.subject)).st_ino
        except OSError:
            file = 0
        if file != self._file:
            self.close()
            self._file = file
            self._transcript = open_transcript(self._hive, self._drawer.subject) if file else None
        return self._transcript


def feed_of(page: Page, drawer: Drawer) -> Feed:
    """What readers of this page follow."""
    return (TranscriptFeed if page.transcript else PageFeed)(page, drawer)
