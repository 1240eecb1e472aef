"""What an agent runs with, and every tag that says how it came to that."""

import os

from hivelib.flow.opening import Hive
from hivelib.flow.showing import any_agent
from hivelib.host import git, repositories
from hivelib.host.git import Tag
from hivelib.host.repositories import Word
from hivelib.store import approvals

KINDS = ("deployed/", "failed/", "denied/")
"""The tags that end an approval (and `deployed/0`, the seed)."""


def config(hive: Hive, name: str) -> str:
    """The agent.json of an agent as text. Raises Refused for an unknown agent."""
    found: object = any_agent(hive, name).config
    return found if isinstance(found, str) else repr(found)  # a row may hold anything


def history(hive: Hive, name: str, limit: int) -> list[Tag]:
    """The newest tags that ended approvals of this agent, newest first. Raises Refused for an unknown agent."""
    repository = hive.paths.applied(any_agent(hive, name).name)
    if not os.path.isdir(repository):
        return []
    found = [tag for tag in git.tags(repository) if tag.name.startswith(KINDS)]
    return found[::-1][:limit]


def said_of(hive: Hive, number: int) -> list[Word]:
    """Every tag about an approval, oldest first: proposed, approved, building, and how it ended."""
    row = approvals.get(hive.db, number)
    return repositories.said_of(hive.settings, row.agent, number) if row else []
