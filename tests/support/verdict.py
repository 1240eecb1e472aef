"""What must hold after a campaign of kills (tests/support/campaign.py): rows, events, the model's requests.

Every body was in a model request; every message is in exactly one `acked` event, and that one is of a turn that ended
ok; first deliveries were in order for each inbox and lane; no process is left over.
"""

import json
import re
import urllib.request
from collections import Counter
from collections.abc import Iterable
from typing import Any

from tests.support.campaign import AGENTS, Campaign
from tests.support.hive import LiveHive
from tests.support.waiting import until

BODY = r"mail-\d+ of \d+"
STAYING = ("bin/hive-broker", "bin/hive-reminder", "bin/hive-dashboard")
RESIDENT = {
    "systemd --user --unit=basic.target",
    "(sd-pam)",
    *STAYING,
}
"""How the command lines of an idle hive end; the page's only once somebody has asked for it."""


def hold(campaign: Campaign) -> None:
    """AssertionError when a promise was broken."""
    hive = campaign.hive
    sent = "SELECT id, body FROM messages WHERE sender = 'operator' ORDER BY id"
    odd = set(hive.db.all(sent)) ^ set(campaign.sent.items())
    assert not odd, f"not sent, or not there: {sorted(odd)}"
    assert unseen(campaign) == []
    each_message_was_acked_once(campaign)
    assert first_deliveries(hive) == sorted_first_deliveries(hive)
    assert hive.db.value("SELECT count(*) FROM turns WHERE ended_at IS NULL") == 0
    until(lambda: not left_over(hive), "an idle hive", 60, lambda: "\n".join(left_over(hive)))
    assert hive.model.unmatched == []


def unseen(campaign: Campaign) -> list[str]:
    """Bodies that the model was never shown."""
    shown = {body for seen in campaign.hive.model.requests for body in re.findall(BODY, seen.shown)}
    return [body for body in campaign.sent.values() if body not in shown]


def each_message_was_acked_once(campaign: Campaign) -> None:
    """One `acked` event names it, and that one is of a turn that ended ok and held it. So of what the hive told
    meanwhile (a box that was killed), which is not the campaign's."""
    db, acked = campaign.hive.db, Counter[int]()
    for payload in payloads(campaign.hive, "acked"):
        if payload["turn"] is not None:
            acked.update(payload["ids"])
            outcome = "SELECT outcome FROM turns WHERE id = ?"
            assert db.value(outcome, payload["turn"]) == "ok", payload
    told = db.all("SELECT id FROM messages WHERE sender = 'system' AND state = 'acked'")
    wanted = Counter([*campaign.sent, *(row[0] for row in told)])
    assert acked == wanted, f"acked: {acked - wanted}, not acked: {wanted - acked}"


def first_deliveries(hive: LiveHive) -> dict[tuple[str, str], list[int]]:
    """For each inbox and lane the messages in the order in which they were first claimed."""
    lanes = {
        number: (recipient, lane)
        for number, recipient, lane in hive.db.all("SELECT id, recipient, lane FROM messages")
    }
    claimed = [number for payload in payloads(hive, "claimed") for number in payload["ids"]]
    found: dict[tuple[str, str], list[int]] = {}
    for number in dict.fromkeys(claimed):
        if lanes[number][0] in AGENTS:
            found.setdefault(lanes[number], []).append(number)
    return found


def sorted_first_deliveries(hive: LiveHive) -> dict[tuple[str, str], list[int]]:
    """The same as it must be."""
    return {lane: sorted(numbers) for lane, numbers in first_deliveries(hive).items()}


def redeliveries(hive: LiveHive) -> int:
    """How many times a message went back to its inbox."""
    return sum(len(payload["ids"]) for payload in payloads(hive, "requeued"))


def is_idle(hive: LiveHive) -> None:
    """Asks for the page, then waits until broker and page are all that is left."""
    port = hive.hive.settings.web.port
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/login", timeout=20) as answer:
        assert answer.status == 200
    until(lambda: not left_over(hive), "an idle hive", 30, hive.explain)
    lines = list(hive.processes().values())
    assert [any(line.endswith(name) for line in lines) for name in STAYING] == [True] * 3


def left_over(hive: LiveHive) -> list[str]:
    """Processes that an idle hive does not have."""
    return strangers(hive.processes().values())


def strangers(lines: Iterable[str]) -> list[str]:
    """Those of these command lines that an idle hive does not have."""
    return [line for line in lines if line and not line.endswith(tuple(RESIDENT))]


def payloads(hive: LiveHive, kind: str) -> list[dict[str, Any]]:
    """The payloads of all events of a kind, in order."""
    rows = hive.db.all("SELECT payload FROM events WHERE kind = ? ORDER BY seq", kind)
    return [json.loads(payload) for (payload,) in rows]
