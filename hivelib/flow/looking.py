"""Looks at a proposal before it is decided: the whole difference, what it means, and what must not be overlooked.

What is shown is what the decision will name (DESIGN, rule 5): commit, lock and base of the row, each checked here
against applied. A base that moved is put right here, and only here, for here it is seen.
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

from hivelib.base import clock
from hivelib.base.errors import Misuse, NotNow, Refused
from hivelib.base.text import shortened
from hivelib.flow.opening import Hive
from hivelib.model import schedules, soundness
from hivelib.model.comparing import CARE, DANGER, Caution
from hivelib.model.deciding import is_commit
from hivelib.model.diffs import Diff
from hivelib.model.names import is_name
from hivelib.model.records import Approval
from hivelib.store import approvals

AGAINST = ("running", "approved", "previous")
"""What a proposal can be compared with."""

MAIN = "refs/heads/main"
_AGENT = "agent.json"
_LOCK = "flake.lock"


class Shown(NamedTuple):
    """What there is to see of an approval.

    `base` is what it is compared with (empty: with nothing, `base_is` says what it is in words), `moved` whether the
    base of the approval is another one since this look, `obstacle` why it cannot be approved (empty: it can).
    `repository` is where its commit lies.
    """

    approval: Approval
    against: str
    base: str
    base_is: str
    diff: Diff
    words: tuple[str, ...]
    cautions: tuple[Caution, ...]
    moved: bool
    obstacle: str
    repository: str

    @property
    def recurs(self) -> bool:
        """Whether it is a schedule: words, and no commit."""
        return self.approval.kind == schedules.KIND

    @property
    def decides(self) -> bool:
        """Whether this is what a yes is about: all that would change in what runs, and not in something else."""
        return self.recurs or self.against == "running"


class _Base(NamedTuple):
    commit: str
    words: str


def pending(hive: Hive) -> list[Approval]:
    """All approvals that are not over, oldest first."""
    return approvals.unresolved(hive.db)


def latest(hive: Hive, limit: int) -> list[Approval]:
    """The newest approvals, over or not, oldest of them first."""
    return approvals.latest(hive.db, limit)


def look(hive: Hive, number: int, against: str = "running", *, moving: bool = True) -> Shown:
    """All there is to see of an approval, compared with what runs, was last approved, or was proposed before.

    A pending one that is compared with what runs gets its base set anew, when that moved and its commit builds on it;
    not without `moving`, for who looks and may not decide.
    Raises Refused when there is no such approval or nothing of it to look at, NotNow while it is being fetched, Misuse
    when `against` is none of AGAINST.
    """
    if against not in AGAINST:
        raise Misuse(f"nothing can be compared with {shortened(against, 40)}", " or ".join(AGAINST))
    approval = _fetched(hive, number)
    if approval.kind == schedules.KIND:
        return _schedule(hive, approval, against)
    from hivelib.host import diffs  # who lists approvals does not pay for what runs git
    from hivelib.model import comparing, overlooking

    repository = _repository(hive, approval)
    commit = approval.fetched_sha
    base = _base(repository, approval, against)
    tampered = tuple(_tampered(repository, approval))
    moved = False
    if tampered:
        obstacle = f"what was fetched as {number} is not what is there"
    else:
        obstacle, approval, moved = _obstacle(hive, repository, approval, base, against, moving)
    diff = diffs.difference(repository, base.commit, commit)
    old, new = (_text(repository, one, _AGENT) for one in (base.commit, commit))
    meaning = comparing.meaning(old, new)
    cautions = (
        *tampered,
        *([Caution(CARE, obstacle)] if obstacle and not tampered else []),
        *sorted(meaning.cautions, key=lambda caution: caution.severity != DANGER),
        *overlooking.cautions(diff),
    )
    return Shown(
        approval,
        against,
        base.commit,
        base.words,
        diff,
        meaning.words,
        cautions,
        moved,
        obstacle,
        repository,
    )


def _schedule(hive: Hive, approval: Approval, against: str) -> Shown:
    """What would be scheduled, in words: there is no commit and nothing to compare it with."""
    from hivelib.flow import recurring, scheduling

    said: list[str] = []
    tampered: list[Caution] = []
    obstacle = scheduling.why_not_now(hive, approval) if approval.status == "pending" else ""
    try:
        found = scheduling.read(approval.config, approval.fetched_sha)
        times = recurring.upcoming(found, clock.now(), scheduling.SHOWN)
        obstacle = obstacle or ("" if times else "it never comes")
        said = scheduling.words(found, approval.agent, times)
    except Refused as wrong:
        tampered.append(Caution(DANGER, f"TAMPERED: {wrong}: do not approve it"))
        obstacle = "what is there is not what was asked for"
    more = [Caution(CARE, obstacle)] if obstacle and not tampered else []
    nothing = Diff("", approval.fetched_sha, ())
    return Shown(
        approval,
        against,
        "",
        "nothing: a schedule has no commit",
        nothing,
        tuple(said),
        (*tampered, *more),
        False,
        obstacle,
        "",
    )


def _fetched(hive: Hive, number: int) -> Approval:
    found = approvals.get(hive.db, number)
    if found is None:
        raise Refused(f"there is no approval {number}", "`hive-pending` lists them")
    if why := soundness.why_not(found):
        raise Refused(f"approval {number} cannot be read: {why}", "the history has all of the row")
    if found.status == "submitting":
        raise NotNow(f"approval {number} is still being fetched", "look again in a moment")
    if not is_name(found.agent):  # a path is made of it, and git runs there
        raise Refused(f"approval {number} is of no agent: its row was tampered with", "deny it")
    if not all(map(is_commit, filter(None, (found.fetched_sha, found.base)))):  # git's words
        words = f"approval {number} names no commit: its row was tampered with"
        raise Refused(words, "look at the hive's services before you decide anything")
    if not found.fetched_sha:
        why = found.note or found.status
        raise Refused(f"nothing of approval {number} was fetched: {why}", "`hive-pending --all`")
    return found


def _repository(hive: Hive, approval: Approval) -> str:
    """Where the commit lies: an agent that was purged left its repository under another name."""
    from hivelib.host import git

    places = [hive.paths.applied(approval.agent)]
    if approval.incarnation is not None:
        places.append(hive.paths.applied(f".{approval.agent}.{approval.incarnation}"))
    for place in filter(os.path.isdir, places):
        if git.commit_of(place, approval.fetched_sha) == approval.fetched_sha:
            return place
    raise Refused(
        f"the commit {approval.fetched_sha[:12]} of approval {approval.id} is not in applied",
        f"`hive-deny {approval.id}`, and have it proposed anew",
    )


def _base(repository: str, approval: Approval, against: str) -> _Base:
    from hivelib.host import git

    if against == "running" and approval.status == "pending":
        main = git.commit_of(repository, MAIN)
        return _Base(main, "what runs now" if main else "nothing runs yet")
    if against == "running":
        words = "what ran when it was decided" if approval.base else "nothing ran before it"
        return _Base(approval.base, words)
    kind = "approved" if against == "approved" else "proposal"
    tags = dict(_numbered(repository, kind))
    earlier = [n for n in tags if n != approval.id and (kind == "approved" or n < approval.id)]
    if not earlier:
        return _Base(
            "", "nothing was approved before" if kind == "approved" else "the first proposal"
        )
    newest = max(earlier)
    return _Base(tags[newest], f"what {kind}/{newest} is on")


def _numbered(repository: str, kind: str) -> Iterator[tuple[int, str]]:
    from hivelib.host import git

    for tag in git.tags(repository, f"{kind}/*"):
        number = tag.name.removeprefix(f"{kind}/")
        if number.isdecimal() and int(number):
            yield int(number), tag.commit


def _obstacle(
    hive: Hive, repository: str, approval: Approval, base: _Base, against: str, moving: bool
) -> tuple[str, Approval, bool]:
    """Why it cannot be approved as it stands, the approval as it is afterwards, and whether its base moved."""
    from hivelib.host import git

    if approval.status != "pending":
        return "", approval, False
    main = base.commit if against == "running" else git.commit_of(repository, MAIN)
    if main == approval.base:
        return "", approval, False
    if main and not git.is_ancestor(repository, main, approval.fetched_sha):
        words = (
            f"it does not build on what runs now ({main[:12]}): it cannot be approved; the manager must propose anew, "
            "on top of applied/main"
        )
        return words, approval, False
    if against != "running":
        words = f"what runs now is not what it was compared with: `hive-show {approval.id}` first"
        return words, approval, False
    if not moving:
        return "", approval, True
    with hive.db.write() as db:
        approvals.look_again(db, approval.id, main)
    return "", approval._replace(base=main), True


def _tampered(repository: str, approval: Approval) -> Iterator[Caution]:
    """What does not agree between the row and what git holds: somebody changed one of them."""
    from hivelib.host import git
    from hivelib.model.locks import lock_hash

    tagged = git.commit_of(repository, f"refs/tags/proposal/{approval.id}")
    if tagged != approval.fetched_sha:
        where = f"on {tagged[:12]}" if tagged else "not there"
        yield Caution(
            DANGER,
            f"TAMPERED: the tag proposal/{approval.id} is {where}, but the hive says that {approval.fetched_sha[:12]} "
            "was fetched: do not approve it",
        )
    lock = lock_hash(git.show(repository, approval.fetched_sha, _LOCK) or "")
    if lock != approval.lock_hash:
        yield Caution(
            DANGER,
            f"TAMPERED: flake.lock of the commit has hash {lock[:12] or 'none'}, but the hive says "
            f"{approval.lock_hash[:12] or 'none'}: do not approve it",
        )


def _text(repository: str, commit: str, path: str) -> str | None:
    from hivelib.host import git

    if not commit:
        return None
    found = git.git(repository, "cat-file", "blob", f"{commit}:{path}", check=False, exact=True)
    return found.out if found.status == 0 else None
