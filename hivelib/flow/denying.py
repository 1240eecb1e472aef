"""What a denial comes to: the worker's part of it."""

from collections.abc import Callable

from hivelib.base import users
from hivelib.base.errors import HiveError, Refused
from hivelib.flow import deciding, resolving
from hivelib.flow.opening import Hive
from hivelib.host import repositories
from hivelib.model import names, schedules
from hivelib.model.records import Job


def carry_out(hive: Hive, job: Job, tell: Callable[[str], None]) -> str:
    """The tag denied/ID, then the row and the manager's mail."""
    assert job.approval is not None
    approval = resolving.known(hive, job.approval)
    if approval.resolved_at is not None:
        return f"it was over: {approval.status}"
    if not names.is_name(approval.agent):
        raise Refused(f"approval {approval.id} is about no agent")
    number, settings = approval.id, hive.settings
    if approval.kind == schedules.KIND:  # nothing has a tag of it
        if deciding.judged(hive, number)[0].verdict != "deny":
            raise HiveError(f"decisions/{number} approves", "look who queued this job")
        resolving.resolve(hive, approval, "denied", approval.note)
        return "denied"
    tags = repositories.tagged(settings, approval.agent, number)
    tag = f"denied/{number}"
    if "denied" not in tags:  # else this was killed after its tag, by which the file counts as used
        decision, uid = deciding.judged(hive, number)
        if decision.verdict != "deny":
            raise HiveError(f"decisions/{number} approves", "look who queued this job")
        tell(f"tags {tag}")
        who = users.name_of(uid)
        repositories.tag(
            settings,
            decision.agent,
            "denied",
            number,
            decision.commit,
            who,
            decision.note,
            decision.at,
        )
    resolving.resolve(hive, approval, "denied", approval.note, tag=tag)
    return tag
