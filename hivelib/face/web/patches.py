"""New rows as frames of an event stream: each event once, with the changes it makes to a page.

A change is given to the last event of a batch that touches the same thing. So whoever was cut off in the middle of a
batch gets it with the rest, and a busy agent is drawn once for many events. Every change is drawn from the rows as they
are now, and names its place by id: getting one twice changes nothing.
"""

import json
from typing import Any

from hivelib.face.web.pages import Page, Payload, concerned
from hivelib.face.web.sections.base import Drawer, Patch
from hivelib.face.web.sections.transcript import line_patches
from hivelib.model.records import EventRow, Line


def event_frames(page: Page, drawer: Drawer, epoch: str, rows: list[EventRow], row: str) -> bytes:
    """Frames for a page's readers, one for each event that concerns them; `row` ends the ids (a transcript's)."""
    told = concerned(page, rows, drawer.subject)
    if not told:
        return b""
    changes = _changes(page, drawer, told)
    frames = [
        frame(f"{epoch}.{one.seq}{row}", event(one, payload) | {"patches": patches})
        for (one, payload), patches in zip(told, changes, strict=True)
    ]
    return b"".join(frames)


def line_frames(at: tuple[str, int], lines: list[Line]) -> bytes:
    """Frames of an agent's page, one for each transcript line; `at` is the epoch and the last event's seq."""
    frames = []
    for row in lines:
        told = {"row": row.row, "turn": row.turn, "at": row.at, "kind": row.kind}
        frames.append(frame(f"{at[0]}.{at[1]}.{row.row}", {**told, "patches": line_patches(row)}))
    return b"".join(frames)


def frame(at: str, data: dict[str, Any], kind: str = "") -> bytes:
    """One frame of a stream; JSON has no raw newline, so one data line holds it."""
    named = f"event: {kind}\n" if kind else ""
    text = json.dumps(data, separators=(",", ":"))
    return f"id: {at}\n{named}data: {text}\n\n".encode()


def event(row: EventRow, payload: Payload | None = None) -> dict[str, Any]:
    """An event as the API gives it."""
    return row._asdict() | {"payload": json.loads(row.payload) if payload is None else payload}


def _changes(page: Page, drawer: Drawer, told: list[tuple[EventRow, Payload]]) -> list[list[Patch]]:
    """For each event the changes it brings."""
    last: dict[str, dict[Any, int]] = {section.name: {} for section in page.sections}
    for index, (row, payload) in enumerate(told):
        for section in page.sections:
            last[section.name].update(dict.fromkeys(section.touched(row, payload), index))
    changes: list[list[Patch]] = [[] for _ in told]
    with drawer.hive.db.snapshot():
        for section in page.sections:
            touched = last[section.name]
            for key, patch in section.patches(drawer, list(touched)) if touched else ():
                changes[touched[key]].append(patch)
    return changes
