"""An agent's own reminders: one call in hivelib.flow and the words about its outcome."""

from typing import cast

from pydantic import Field

from hivelib.base import clock
from hivelib.base.errors import Misuse
from hivelib.face.mcp.arguments import Arguments, Calendar, EverySeconds
from hivelib.face.mcp.calls import Answer, Call
from hivelib.face.mcp.managing import aside
from hivelib.flow import reminding, scheduling
from hivelib.flow.opening import Hive


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
    every_seconds: EverySeconds = None
    calendar: Calendar = None


async def remind(call: Call) -> Answer:
    """Sets a reminder for the caller, or asks the operator for one that recurs."""
    said = cast(Remind, call.arguments)
    times = (said.delay_seconds, said.at_unix_timestamp, said.every_seconds, said.calendar)
    if sum(one is not None for one in times) != 1:
        named = "delay_seconds, at_unix_timestamp, every_seconds and calendar"
        raise Misuse(f"remind takes one of {named}", "give one")
    if said.every_seconds is not None or said.calendar is not None:
        return await _recurring(call, said)
    async with call.guest:
        return _once(call, said)


def _once(call: Call, said: Remind) -> Answer:
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


async def _recurring(call: Call, said: Remind) -> Answer:
    """In a thread: systemd is asked about a calendar expression, and that is a program."""

    def work(hive: Hive) -> int:
        return scheduling.request(
            hive,
            call.caller,
            call.caller.name,
            said.message,
            every=said.every_seconds,
            calendar=said.calendar or "",
            file_path=said.file_path or "",
            request=call.request,
        )

    number = await aside(call, work)
    return Answer(
        f"it waits for the operator's yes: approval {number}; a message tells you how it was decided",
        {"approval": number},
    )
