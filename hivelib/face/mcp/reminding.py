"""An agent's own reminders: one call in hivelib.flow and the words about its outcome."""

from typing import cast

from pydantic import Field

from hivelib.base import clock
from hivelib.base.errors import Misuse
from hivelib.face.mcp.arguments import Arguments
from hivelib.face.mcp.calls import Answer, Call
from hivelib.flow import reminding


class Remind(Arguments):
    """remind."""

    message: str = Field(description="what you will read, at most 64 KiB")
    delay_seconds: float | None = Field(None, gt=0, description="how long from now")
    at_unix_timestamp: float | None = Field(
        None, ge=0, description="when, UTC seconds; what is past comes at once"
    )
    file_path: str | None = Field(
        None, max_length=1000, description="write it to this file below /state"
    )


def remind(call: Call) -> Answer:
    """Sets a reminder for the caller."""
    said = cast(Remind, call.arguments)
    if (said.delay_seconds is None) == (said.at_unix_timestamp is None):
        raise Misuse("remind takes one of delay_seconds and at_unix_timestamp", "give one")
    due = said.at_unix_timestamp
    if said.delay_seconds is not None:
        due = clock.now() + said.delay_seconds
    made = reminding.remind(
        call.hive,
        call.caller,
        call.caller.name,
        said.message,
        due_at=due,
        file_path=said.file_path or "",
        request=call.request,
    )
    first = made.due_at  # of the row: a call that is asked again is answered as the first time
    return Answer(
        f"reminder {made.id} comes at {clock.iso(first)}", {"id": made.id, "due_at": first}
    )
