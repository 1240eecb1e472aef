"""Approvals as hive-pending and hive-show show them: facts of ours, words of others indented and made visible."""

from collections.abc import Iterator, Mapping
from typing import Any

from hivelib.base import clock
from hivelib.base.text import shortened
from hivelib.face import diffs, fields
from hivelib.face.diffs import PLAIN, RED, YELLOW, Style, painted, quoted
from hivelib.flow.looking import Shown
from hivelib.model.comparing import CARE, DANGER
from hivelib.model.records import Approval

HEADS = ("ID", "KIND", "AGENT", "STATUS", "COMMIT", "BY", "EXPIRES", "DESCRIPTION")
_COLOURS = {DANGER: RED, CARE: YELLOW}


def cells(approval: Mapping[str, Any]) -> list[object]:
    """A line of the table under HEADS, from the fields of APPROVAL."""
    return [
        approval["id"],
        approval["kind"],
        approval["agent"],
        approval["status"],
        approval["fetched_sha"][:12],
        approval["requested_by"],
        _expires(approval["expires_at"]) if approval["status"] == "pending" else "",
        approval["description"] or approval["note"] or approval["commit_ref"],
    ]


def shown_data(shown: Shown, *, stat: bool) -> dict[str, Any]:
    """The fields of SHOWN."""
    return {
        **fields.of_approval(shown.approval),
        "against": shown.against,
        "against_sha": shown.base,
        "moved": shown.moved,
        "obstacle": shown.obstacle,
        "words": list(shown.words),
        "cautions": [caution._asdict() for caution in shown.cautions],
        "files": [fields.of_file(file) for file in shown.diff.files],
        "diff": None if stat else diffs.diff_text(shown.diff, shown.repository),
    }


def shown_page(shown: Shown, *, stat: bool, style: Style = PLAIN) -> str:
    """All there is to see of an approval, for people: facts, words, cautions, the diff, and what to type next."""
    head = "what it schedules:" if shown.recurs else "what agent.json changes:"
    said = [_item("  - ", one, style, lines=shown.recurs) for one in shown.words]
    parts = [
        "\n".join(_facts(shown, style)),
        "\n".join([head, *said]),
        "\n".join(_cautions(shown, style)),
        "" if shown.recurs else diffs.stat_text(shown.diff, style),
        "" if stat or shown.recurs else diffs.diff_text(shown.diff, shown.repository, style),
        "\n".join(_next(shown)),
    ]
    return "\n\n".join(filter(None, parts))


def _facts(shown: Shown, style: Style) -> Iterator[str]:
    approval = shown.approval
    agent, kind = shortened(approval.agent, 20), shortened(approval.kind, 20)
    yield f"approval {approval.id}: {kind} for {agent}, {approval.status}"
    yield _fact(
        "asked",
        f"by {approval.requested_by}, {clock.local(approval.requested_at)}"
        + (f", expires {_expires(approval.expires_at)}" if approval.status == "pending" else ""),
        style,
    )
    if approval.description:
        yield _fact("why", approval.description, style)
    yield from _identity(shown, style)
    if approval.decided_at is not None:
        yield _fact("decided", _decided(approval, approval.decided_at), style)
    if approval.note:
        yield _fact("note", approval.note, style)


def _identity(shown: Shown, style: Style) -> Iterator[str]:
    """What a decision will name."""
    approval = shown.approval
    if shown.recurs:
        yield _fact("digest", approval.fetched_sha, style)
        return
    asked = f", asked for as {approval.commit_ref}" if approval.commit_ref else ""
    yield _fact("commit", f"{approval.fetched_sha}{asked}", style)
    yield _fact("lock", approval.lock_hash or "it has no flake.lock", style)
    moved = (
        ", MOVED since the last look: what follows is compared with the new one"
        if shown.moved
        else ""
    )
    yield _fact("base", (approval.base or "nothing") + moved, style)
    yield _fact("against", f"{shown.base or 'nothing'}, {shown.base_is}", style)


def _fact(name: str, words: str, style: Style) -> str:
    return _item(f"  {name:8}", words, style, lines=True)


def _item(head: str, words: str, style: Style, *, lines: bool = False) -> str:
    """Words behind a head of ours; what is broken goes on as far to the right. A newline is one only with `lines`."""
    text = words if lines else words.replace("\n", "\\n")
    return head + quoted(text, style, " " * len(head))[len(head) :]


def _decided(approval: Approval, at: float) -> str:
    return f"by {approval.decided_by} (uid {approval.decided_uid}, {approval.surface}), {clock.local(at)}"


def _cautions(shown: Shown, style: Style) -> Iterator[str]:
    if shown.cautions:
        yield "look at this:"
    for caution in shown.cautions:
        text = _item(f"  {caution.severity.upper():8}", caution.words, style)
        colour = _COLOURS.get(caution.severity)
        yield painted(text, colour, style) if colour else text


def _next(shown: Shown) -> Iterator[str]:
    approval = shown.approval
    if approval.status != "pending":
        return
    if shown.obstacle:
        yield f"it cannot be approved: {shown.obstacle}"
    yield "next:"
    if not shown.decides:
        yield f"  hive-show {approval.id}"
    elif not shown.obstacle:
        yield f"  hive-approve {approval.id} --sha {approval.fetched_sha[:12]}"
    yield f'  hive-deny {approval.id} --note "…"'


def _expires(at: object) -> str:
    if not isinstance(at, float):  # a row may hold anything
        return repr(at)
    left = at - clock.now()
    if left <= 0:
        return "now"
    for unit, seconds in (("d", 86400), ("h", 3600), ("min", 60)):
        if left >= seconds:
            return f"in {left // seconds:.0f} {unit}"
    return f"in {left:.0f} s"
