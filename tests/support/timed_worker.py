"""Asks the hive for timed things, one for each line of JSON on stdin, and says on stdout what each came to.

usage: python -m tests.support.timed_worker    (HIVE_CONFIG names the hive)

Each has a key: asked again after this process was killed, it is done once.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from hivelib.base.errors import Refused
from hivelib.flow import asking, reminding
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive, open_hive
from hivelib.model.records import Caller, Request

Said = dict[str, Any]


def remind(hive: Hive, said: Said, request: Request) -> int:
    """A reminder; a recurring one is the operator's."""
    every, owner = said["every"], said["owner"]
    caller = SHELL if every else Caller(owner, "agent", "mcp")
    made = reminding.remind(
        hive,
        caller,
        owner,
        said["body"],
        due_at=said["due_at"],
        every=every,
        file_path=said["file_path"],
        request=request,
    )
    return made.id


def ask(hive: Hive, said: Said, request: Request) -> int:
    """A question to the operator that expires."""
    caller = Caller(said["owner"], "agent", "mcp")
    return asking.ask(hive, caller, said["body"], ttl=said["ttl"], request=request).id


def answer(hive: Hive, said: Said, request: Request) -> int:
    """The operator's answer; when the question has expired it comes too late."""
    try:
        return asking.answer(hive, SHELL, said["number"], said["body"], request=request).id
    except Refused:
        return 0


VERBS: dict[str, Callable[[Hive, Said, Request], int]] = {
    "remind": remind,
    "ask": ask,
    "answer": answer,
}


def main() -> None:
    """Until stdin ends."""
    hive = open_hive()
    for line in sys.stdin:
        said = json.loads(line)
        request = Request("alice", 0, "0" * 32, said["key"])
        number = VERBS[said["verb"]](hive, said, request)
        print(json.dumps({"key": said["key"], "id": number}), flush=True)


if __name__ == "__main__":
    main()
