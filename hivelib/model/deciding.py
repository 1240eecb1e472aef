"""Who may decide, and whether a decision fits what is there: pure functions from facts to None (yes) or why not.

SPEC section 6, DESIGN rules 4 and 5: the worker believes a file and its owner and the tags of applied; a row that
says otherwise is a row that somebody forged.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from hivelib.model import schedules
from hivelib.model.records import Approval, Decision

VERDICTS = ("approve", "deny")
SURFACES = ("shell", "web")
NOTE_MOST = 1000
"""Characters of a note, and of a description."""

ENDS = ("deployed", "failed", "denied")
"""A tag of one of these kinds says that the approval was used: it cannot be used again."""

Why = tuple[str, str]
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+/-]{0,99}")
_LATEST = 2.0**35  # seconds: the year 3058
_COMMIT = re.compile(r"[0-9a-f]{40}")


class Decider(NamedTuple):
    """Whoever owns a decision file, and what bears on whether they may decide: kernel-known numbers.

    `group` is the setting (empty: the hive is one user), `member` whether the uid belongs to it, `web_uid` the page's
    user, `owner` who owns the hive's state, `applied_owner` who owns applied (None: it is not there yet).
    """

    uid: int
    group: str
    member: bool
    web_uid: int | None
    owner: int
    applied_owner: int | None


class Found(NamedTuple):
    """What applied says about an approval: the tags' commits by kind, main (empty: none), the hash of the commit's
    flake.lock (empty: it has none).

    A schedule has no repository: its `proposal` is the digest of its text, `deployed` there when it is scheduled.
    """

    tags: Mapping[str, str]
    main: str
    lock: str


def is_commit(name: str) -> bool:
    """Whether it is the full name of a commit: nothing that git could take for an option of its own."""
    return _COMMIT.fullmatch(name) is not None


def why_not_decider(who: Decider) -> str | None:
    """Without a group: the owner of the hive's state. With one: its members, the page's user and root, but never who
    owns the state (it parses hostile bytes) nor who owns applied (it carries decisions out)."""
    if not who.group:
        return None if who.uid == who.owner else "only the hive's own user decides here"
    if who.uid == who.owner:
        return "the hive's own user may not decide"
    if who.uid == who.applied_owner:
        return "the user that deploys may not decide"
    if who.uid == 0 or who.member or who.uid == who.web_uid:
        return None
    return f"only members of the group {who.group} decide"


def why_not_note(note: str) -> Why | None:
    """A denial says why, so that the manager can do better: 1 to 1000 visible characters."""
    if not note.strip():
        return "a denial needs a note", "--note says to the manager why"
    return why_not_words(note, "the note")


def why_not_words(words: str, what: str) -> Why | None:
    """Words that are shown and kept for ever are at most 1000 characters, all of them visible (lines may end)."""
    if len(words) > NOTE_MOST:
        return f"{what} has {len(words)} characters", f"{NOTE_MOST} are allowed"
    if not all(char.isprintable() or char in "\n\t" for char in words):
        return f"{what} has characters that cannot be seen", "write plain text"
    return None


def why_not_ref(ref: str) -> Why | None:
    """What may be proposed: a branch's name, or 7 to 40 digits of a commit; nothing that git would read more into."""
    hint = "name a branch, or a commit by 7 to 40 of its digits"
    parts = ref.split("/")
    if (
        not _BRANCH.fullmatch(ref)
        or ".." in ref
        or any(not part or part.startswith(".") for part in parts)
        or any(part.endswith((".", ".lock")) for part in parts)
    ):
        return "that is no branch and no commit", hint
    return None


def why_not_open(approval: Approval, now: float) -> Why | None:
    """A row that can still be decided is pending, and its time is not over."""
    number = approval.id
    if approval.status == "submitting":
        return f"approval {number} is still being fetched", "wait a moment; `hive-pending` shows it"
    if approval.status == "pending" and now >= approval.expires_at:
        return f"approval {number} has expired", "have it proposed again"
    if approval.status in ("pending", "approved"):  # approved without a file: no operator said so
        return None
    return f"approval {number} is over: {approval.status}", "have it proposed again"


def why_not_found(approval: Approval, found: Found, sha: str, verdict: str) -> Why | None:
    """What the operator looked at must be what is in applied, and compared with what is deployed now."""
    number, agent = approval.id, approval.agent
    proposal = found.tags.get("proposal", "")
    if used := [kind for kind in ENDS if kind in found.tags]:
        return (
            f"approval {number} was used before: {_mark(approval.kind, used[0], number)}",
            "propose again",
        )
    if not proposal:
        return f"{agent} has no tag proposal/{number}: row and repository differ", _TAMPERED
    if proposal != approval.fetched_sha:
        was, now = proposal[:12], approval.fetched_sha[:12] or "nothing"
        mark = _mark(approval.kind, "proposal", number)
        return f"the {mark} is on {was}, the row names {now}", _TAMPERED
    if found.lock != approval.lock_hash:
        return f"flake.lock of {proposal[:12]} is not the one that was checked", _TAMPERED
    if sha and not proposal.startswith(sha.lower()):
        return f"approval {number} is {proposal[:12]}, not {sha[:40]}", f"look: hive-show {number}"
    if verdict == "approve" and found.main != approval.base:
        return (
            f"{agent} was deployed anew since this was compared ({found.main[:12] or 'nothing'})",
            f"look again: hive-show {number}",
        )
    return None


_TAMPERED = "somebody changed it: look at the hive's services before you decide anything"


def why_not_believed(
    number: int, decision: Decision, approval: Approval | None, found: Found
) -> str | None:
    """Whether a decision file of somebody who may decide stands: it names this approval, agrees with its row and with
    the tags of applied, is not used, and what is deployed is still what it was compared with."""
    if decision.approval != number:
        return f"the file is about approval {decision.approval}"
    if approval is None:
        return "there is no such approval"
    if differs := _differing(decision, approval):
        return f"decision and row differ in {', '.join(differs)}"
    if decision.at >= approval.expires_at:
        return "it came when the approval had expired"
    return _why_not_tagged(number, decision, found)


def _why_not_tagged(number: int, decision: Decision, found: Found) -> str | None:
    if used := [kind for kind in ENDS if kind in found.tags]:
        return f"it was used before: {_mark(decision.kind, used[0], number)}"
    for kind, commit in found.tags.items():
        if commit != decision.commit:
            mark = _mark(decision.kind, kind, number)
            return f"the {mark} is on {commit[:12]}, not on {decision.commit[:12]}"
    if "proposal" not in found.tags:
        return f"{decision.agent} has no tag proposal/{number}"
    if found.lock != decision.lock:
        return f"flake.lock of {decision.commit[:12]} is not the one that was decided about"
    # main on the commit itself: a deploy that was killed after it had moved main
    if decision.verdict == "approve" and found.main not in (decision.base, decision.commit):
        now = found.main[:12] or "nothing"
        return f"{decision.agent} was deployed anew since it was decided: main is on {now}"
    return None


def _mark(kind: str, tag: str, number: int) -> str:
    """How words name what an approval is marked with."""
    if kind == schedules.KIND:
        return "digest of its text" if tag == "proposal" else "it is scheduled"
    return f"tag {tag}/{number}"


def _differing(decision: Decision, approval: Approval) -> list[str]:
    said = {
        "kind": (decision.kind, approval.kind),
        "agent": (decision.agent, approval.agent),
        "incarnation": (decision.incarnation, approval.incarnation or 0),
        "commit": (decision.commit, approval.fetched_sha),
        "lock": (decision.lock, approval.lock_hash),
    }
    if decision.verdict == "approve":  # what a denied one was compared with is nothing to anybody
        said["base"] = (decision.base, approval.base)
    return [name for name, (file, row) in said.items() if file != row]


def why_not_formed(decision: Decision) -> str | None:
    """Whether the fields of a file can be a decision at all."""
    if decision.verdict not in VERDICTS:
        return "its verdict is neither approve nor deny"
    if decision.surface not in SURFACES:
        return "it names no surface"
    if not is_commit(decision.commit):
        return "it names no commit"
    if not 0 <= decision.at < _LATEST:
        return "it is of no time"
    if wrong := why_not_words(decision.note, "its note") or why_not_words(decision.login, "login"):
        return wrong[0]
    return None
