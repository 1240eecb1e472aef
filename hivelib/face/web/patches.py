"""New rows as frames of an event stream: each event once, with the changes it makes to the page.

A change is given to the last event of a batch that touches the same thing. So whoever was cut off in the middle of a
batch gets it with the rest, and a busy agent is drawn once for many events. Every change is drawn from the rows as they
are now, and names its place by id: getting one twice changes nothing.
"""

import json
from typing import Any

from hivelib.face.web import views
from hivelib.flow import viewing
from hivelib.flow.opening import Hive
from hivelib.model.names import OPERATOR
from hivelib.model.records import EventRow, Line, Message

Patch = dict[str, str | None]
"""`id` of the element and its new `html` (null: remove it); with `into` it is put there when missing, ordered by its
`data-n`; with `once` it is left alone when it is there."""

_ROSTER = frozenset({"agent_added", "agent_removed", "destroyed", "spawned", "tombstones_changed"})
_WARNINGS = frozenset({"warning_raised", "warning_cleared"})


def hive_frames(
    hive: Hive, epoch: str, rows: list[EventRow], spending: viewing.Spending
) -> list[bytes]:
    """Frames of the first page, one for each event."""
    last = _last([_touched(row) for row in rows])
    changes: list[list[Patch]] = [[] for _ in rows]
    with hive.db.snapshot():
        if ("roster", "") in last:
            changes[last["roster", ""]] += _roster(hive, spending)
        names = {name for kind, name in last if kind == "agent"}
        for view in viewing.agent_views(hive, names, spending):
            name = view.agent.name
            changes[last["agent", name]].append(_patch(f"agent-{name}", views.agent(view)))
        if ("warnings", "") in last:
            html = views.warnings(viewing.warned(hive))
            changes[last["warnings", ""]].append(_patch("warnings", html))
        for message in viewing.messages(hive, [n for kind, n in last if kind == "message"]):
            changes[last["message", message.id]] += _message(message)
        waiting = viewing.undecided(hive, [n for kind, n in last if kind == "approval"])
        for number, row in waiting.items():
            drawn = views.approval(row) if row else None
            changes[last["approval", number]].append(
                _patch(f"approval-{number}", drawn, "approvals")
            )
    return [
        frame(f"{epoch}.{row.seq}", event(row) | {"patches": patches})
        for row, patches in zip(rows, changes, strict=True)
    ]


def agent_frames(
    hive: Hive, at: tuple[str, int], name: str, rows: list[EventRow], spending: viewing.Spending
) -> list[bytes]:
    """Frames of an agent's page, one for each event about the agent; `at` is the epoch and the transcript's row."""
    about = [row for row in rows if row.subject == name]
    if not about:
        return []
    last = _last([{("turn", number) for number in _turn_of(row)} for row in about])
    changes: list[list[Patch]] = [[] for _ in about]
    with hive.db.snapshot():
        shown = viewing.agent_views(hive, [name], spending)
        head = views.agent_head(name, shown[0] if shown else None)
        changes[-1].append(_patch("agent-head", head))
        for (_, number), index in last.items():
            html = views.turn_head(number, viewing.turn(hive, number))
            changes[index] += [_section(number), _patch(f"turn-{number}-head", html)]
    return [
        frame(f"{at[0]}.{row.seq}.{at[1]}", event(row) | {"patches": patches})
        for row, patches in zip(about, changes, strict=True)
    ]


def line_frames(at: tuple[str, int], lines: list[Line]) -> list[bytes]:
    """Frames of an agent's page, one for each transcript line; `at` is the epoch and the last event's seq."""
    frames = []
    for row in lines:
        patches = [_section(row.turn)]
        if html := views.line(row):
            patches.append(_patch(f"line-{row.row}", html, f"turn-{row.turn}-lines"))
        told = {
            "row": row.row,
            "turn": row.turn,
            "at": row.at,
            "kind": row.kind,
            "patches": patches,
        }
        frames.append(frame(f"{at[0]}.{at[1]}.{row.row}", told))
    return frames


def frame(at: str, data: dict[str, Any], kind: str = "") -> bytes:
    """One frame of a stream; JSON has no raw newline, so one data line holds it."""
    named = f"event: {kind}\n" if kind else ""
    text = json.dumps(data, separators=(",", ":"))
    return f"id: {at}\n{named}data: {text}\n\n".encode()


def event(row: EventRow) -> dict[str, Any]:
    """An event as the API gives it."""
    return row._asdict() | {"payload": json.loads(row.payload)}


def _touched(row: EventRow) -> set[tuple[str, Any]]:
    payload = json.loads(row.payload)
    touched: set[tuple[str, Any]] = {("agent", row.subject)}
    if row.kind in _ROSTER:
        touched.add(("roster", ""))
    if row.kind in _WARNINGS:
        touched.add(("warnings", ""))
    if row.kind in ("sent", "died", "redelivered"):
        touched.add(("message", payload["id"]))
    if row.kind in ("claimed", "acked", "requeued"):
        touched.update(("message", number) for number in payload["ids"])
    if row.kind.startswith("approval_"):
        touched.add(("approval", payload["id"]))
    return touched


def _turn_of(row: EventRow) -> list[int]:
    number = json.loads(row.payload).get("turn") if row.kind.startswith("turn_") else None
    return [number] if isinstance(number, int) else []


def _last(touched: list[set[tuple[str, Any]]]) -> dict[tuple[str, Any], int]:
    """For each thing the index of the last event that touches it."""
    last: dict[tuple[str, Any], int] = {}
    for index, things in enumerate(touched):
        last.update(dict.fromkeys(things, index))
    return last


def _patch(name: str, html: str | None, into: str | None = None) -> Patch:
    return {"id": name, "html": html, **({"into": into} if into else {})}


def _section(number: int) -> Patch:
    """Makes sure that there is a place for a turn's lines, and leaves it alone when there is."""
    html = views.turn_section(viewing.TurnView(number, None, []))
    return _patch(f"turn-{number}", html, "turns") | {"once": "yes"}


def _roster(hive: Hive, spending: viewing.Spending) -> list[Patch]:
    shown = viewing.all_agents(hive, spending)
    names = [view.agent.name for view in shown]
    return [
        _patch("agents", views.agents(shown)),
        _patch("recipients", views.recipients(names)),
    ]


def _message(row: Message) -> list[Patch]:
    patches = [_patch(f"message-{row.id}", views.message(row), "messages")]
    if row.recipient == OPERATOR:
        unread = row.state == "queued"
        patches.append(_patch(f"mail-{row.id}", views.mail(row) if unread else None, "mail"))
    return patches
