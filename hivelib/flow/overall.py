"""All that a program needs to know of the hive at one instant, with the event number that it stands for."""

from typing import NamedTuple

from hivelib.flow import asking, reminding, surveying, viewing
from hivelib.flow.opening import Hive
from hivelib.flow.spending import Spending
from hivelib.flow.viewing import AgentView, Warned
from hivelib.model.names import OPERATOR
from hivelib.model.records import Agent, Approval, Broken, Job, Message, Question, Reminder
from hivelib.store import jobs, mail

NEWEST = 100
"""Messages that a snapshot has, and mail to the operator."""


class HiveView(NamedTuple):
    """The hive as it was right after event `seq` of `epoch`: the newest `messages`, what the operator has not read
    (`mail`), and all approvals, questions, reminders and jobs that are not over."""

    epoch: str
    seq: int
    agents: list[AgentView]
    tombstones: list[Agent]
    messages: list[Message]
    mail: list[Message]
    approvals: list[Approval]
    questions: list[Question | Broken]
    reminders: list[Reminder]
    jobs: list[Job]
    warnings: list[Warned]


def hive_view(hive: Hive, spending: Spending) -> HiveView:
    """Everything of one instant."""
    with hive.db.snapshot() as db:
        at = viewing.stream_of(db)
        return HiveView(
            at.epoch,
            at.last,
            viewing.all_agents(hive, spending)[0],
            surveying.tombstones(hive),
            mail.latest(db, NEWEST),
            mail.peek(db, OPERATOR, NEWEST),
            viewing.unresolved(hive),
            asking.open_questions(hive),
            reminding.listed(hive),
            jobs.unfinished(db),
            viewing.warned(hive),
        )
