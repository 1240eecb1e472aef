"""What each tool may be called with: strict models, their JSON schema, and one line about what was wrong."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hivelib.base.text import shortened
from hivelib.model.names import nearest

_SHOWN = 3  # problems that one line names

Name = Annotated[str, Field(max_length=64)]
MessageId = Annotated[int, Field(ge=1, lt=2**53)]


class Arguments(BaseModel):
    """Base of all: nothing is guessed, nothing unknown is let through."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, validate_by_name=False
    )


class Nothing(Arguments):
    """A tool without arguments."""


class Send(Arguments):
    """send."""

    to: Name = Field(description="an agent, `manager`, `operator`, or `*` for all agents but you")
    body: str = Field(
        description="the text, at most 4 KiB; for more write a file and send its path"
    )
    in_reply_to: MessageId | None = Field(None, description="id of the message you answer")
    lane: Literal["normal", "urgent"] | None = Field(
        None, description="urgent goes before normal and reaches a running turn; default normal"
    )


class Receive(Arguments):
    """recv."""

    wait_seconds: float | None = Field(
        None, ge=0, le=180, description="wait for the first message; none or 0: look and return"
    )
    max: int | None = Field(None, ge=1, le=32, description="how many at most; default 1")


class Ask(Arguments):
    """ask."""

    question: str = Field(description="the text, at most 4 KiB")
    options: list[str] | None = Field(
        None, description="answers you offer, at most 20 of 200 characters; any other is allowed"
    )
    multi: bool | None = Field(None, description="whether several options may be chosen")
    ttl_seconds: float | None = Field(
        None, gt=0, description="then the answer is [expired]; at most 21600; without it: never"
    )
    to: Name | None = Field(None, description="an agent or `manager`; default: the operator")


class Reply(Arguments):
    """answer."""

    id: MessageId = Field(description="the question")
    answer: str = Field(description="at most 4 KiB; several to a multi question: joined with ', '")


class Cancel(Arguments):
    """cancel."""

    kind: Literal["question", "reminder"] = Field(description="what it is")
    id: MessageId = Field(description="its number")


class Wake(Arguments):
    """wake."""

    label: str = Field(
        max_length=200, description="shown as YOU/label: letters, digits and . _ -, at most 32"
    )
    body: str = Field(description="what you will read, at most 4 KiB")


class History(Arguments):
    """history."""

    other: Name | None = Field(None, alias="with", description="only mail with this one")
    limit: int | None = Field(None, ge=1, le=50, description="how many at most; default 10")


class Hook(Arguments):
    """inbox_hook."""

    event: Literal["PostToolBatch", "Stop"] = Field(description="the hook that calls")


class Other(Arguments):
    """start, kill, restart, update."""

    name: Name = Field(description="the agent")


class Logs(Arguments):
    """get_logs."""

    agent: Name = Field(description="whose")
    lines: int | None = Field(None, ge=1, le=500, description="how many at most; default 50")


Description = Annotated[
    str | None,
    Field(max_length=1000, description="for the operator: what it is for, at most 1000 characters"),
]


class NewAgent(Arguments):
    """request_init_config, request_spawn."""

    name: Name = Field(description="of the new agent: a letter and up to eight of a-z, 0-9, -")
    description: Description = None


class Commit(Arguments):
    """request_apply_commit."""

    agent: Name = Field(description="whose configuration")
    commit_ref: str = Field(
        max_length=100, description="a branch of /agents/NAME/config, or 7 to 40 digits of a commit"
    )
    description: Description = None


EverySeconds = Annotated[
    float | None, Field(ge=1, description="again and again, after so many seconds")
]
Calendar = Annotated[
    str | None,
    Field(
        max_length=200,
        description="again and again, systemd's calendar syntax: `Mon..Fri 09:00`, `*-*-01 08:30 UTC`",
    ),
]


class Recurring(Arguments):
    """request_schedule."""

    agent: Name = Field(description="whom it reminds")
    message: str = Field(description="what it will read, at most 64 KiB")
    every_seconds: EverySeconds = None
    calendar: Calendar = None
    description: Description = None


def schema(model: type[Arguments]) -> dict[str, Any]:
    """The JSON schema of a tool's arguments, as short as it can be said: each model request carries it.

    Without titles, and without saying of each optional argument that it may also be null.
    """
    found = model.model_json_schema()
    fields = {
        name: {**field.pop("anyOf", [{}])[0], **field}
        for name, field in found["properties"].items()
    }
    for field in fields.values():
        field.pop("title", None)
        field.pop("default", None)
    required = {"required": found["required"]} if "required" in found else {}
    return {
        "type": "object",
        "properties": fields,
        **required,
        "additionalProperties": False,
    }


def signature(tool: str, model: type[Arguments]) -> str:
    """How to call a tool, e.g. `send(to, body, in_reply_to?, lane?)`."""
    named = [
        (field.alias or name) + ("" if field.is_required() else "?")
        for name, field in model.model_fields.items()
    ]
    return f"{tool}({', '.join(named)})"


def problems(model: type[Arguments], error: ValidationError) -> str:
    """What is wrong with the arguments, in one line."""
    known = [field.alias or name for name, field in model.model_fields.items()]
    found = error.errors(include_url=False, include_context=False, include_input=False)
    words = [_problem(known, one["type"], one["loc"], one["msg"]) for one in found[:_SHOWN]]
    if len(found) > _SHOWN:
        words.append(f"{len(found) - _SHOWN} more")
    return ", ".join(words)


def _problem(known: list[str], kind: str, where: tuple[int | str, ...], words: str) -> str:
    name = shortened(str(where[0]) if where else "the arguments", 40)
    if kind == "extra_forbidden":
        near = nearest(name, known)
        return f"there is no argument ‘{name}’" + (f" (did you mean {near[0]}?)" if near else "")
    if kind == "missing":
        return f"{name} is missing"
    words = words.removeprefix("Input ").removeprefix("String ")
    return f"{name} {shortened(words[:1].lower() + words[1:], 120)}"
