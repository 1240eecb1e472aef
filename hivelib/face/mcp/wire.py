"""Lines and what they mean: bytes to JSON-RPC messages, strictly, and one clear answer for what is none."""

import json
import re
from typing import Annotated, Any, NamedTuple

import mcp_types as types
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hivelib.base.text import shortened

MARK = {"hive/confirm": True}
"""`_meta` of an answer that carries mail: the pump keeps it back until the host knows that it arrived."""
CONFIRM = "hive/confirm"
_ID_MOST = 200
_NUMBER_MOST = 2**63
_json = TypeAdapter[Any](Any)

Id = int | str


class Preamble(BaseModel):
    """The first line of a connection: which turn speaks, and the nonce under which its request ids are unique."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    hive: Annotated[int, Field(ge=1, le=1)]
    turn: Annotated[int, Field(ge=1, lt=2**53)] | None
    nonce: Annotated[str, Field(pattern=re.compile(r"\A[0-9a-f]{32}\Z"))]


class Bad(NamedTuple):
    """A line that is no message: what was wrong, and the line that answers it."""

    why: str
    answer: bytes


def preamble(line: bytes) -> Preamble | None:
    """The preamble in a line, None when there is none in it."""
    try:
        return Preamble.model_validate_json(line)
    except ValidationError:
        return None


def parse(line: bytes) -> types.JSONRPCMessage | Bad:
    """The message in a line. Not JSON: anything that is no UTF-8, a lone surrogate, too deep a nest."""
    try:
        data = _json.validate_json(line)
    except ValidationError as error:
        return _salvage(line, f"this line is no message: {error.errors()[0]['msg']}")
    if not isinstance(data, dict):
        return Bad("no object", failure(None, types.INVALID_REQUEST, "a message is a JSON object"))
    if "id" in data and "method" in data and not is_id(data["id"]):
        text = f"the id of a request is a string of at most {_ID_MOST} characters or a number"
        return Bad("bad id", failure(None, types.INVALID_REQUEST, text))
    try:
        return types.jsonrpc_message_adapter.validate_python(data, by_name=False)
    except ValidationError:
        known = data.get("id")
        text = 'a message has "jsonrpc": "2.0", a "method" and an object as "params"'
        return Bad(
            "no message", failure(known if is_id(known) else None, types.INVALID_REQUEST, text)
        )


def _salvage(line: bytes, why: str) -> Bad:
    """Answers what strict JSON has refused under its own id, if that can be made out; else it waits for ever."""
    why = shortened(why, 200)
    if "hex escape" in why:  # the parser does not say what it means
        why += " (a lone surrogate?)"
    try:
        data = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        data = None
    known = data.get("id") if isinstance(data, dict) else None
    if not is_id(known):
        return Bad(why, failure(None, types.PARSE_ERROR, why))
    if data.get("method") == "tools/call":
        return Bad(why, _line(id=known, result=refusal(why, "send plain text in valid UTF-8")))
    return Bad(why, failure(known, types.PARSE_ERROR, why))


def is_id(value: object) -> bool:
    """Whether this may be a request's id."""
    if isinstance(value, str):
        # What strict JSON has refused may hold lone surrogates, which cannot be said back.
        return len(value) <= _ID_MOST and not any("\ud800" <= char <= "\udfff" for char in value)
    return type(value) is int and abs(value) < _NUMBER_MOST


def key_of(request_id: Id) -> str:
    """A request's id as JSON text: 7 and "7" are two."""
    return json.dumps(request_id)


def refusal(message: str, hint: str) -> dict[str, Any]:
    """The result of a call that was refused: one line for the model, and the same in parts."""
    text = f"{message}; {hint}" if hint else message
    return {
        "content": [{"type": "text", "text": shortened(text, 1000)}],
        "structuredContent": {"error": message, "way_out": hint},
        "isError": True,
    }


def success(request_id: Id | None) -> bytes:
    """The line that says yes to one of the pump's own requests."""
    return _line(id=request_id, result={})


def failure(request_id: object, code: int, text: str) -> bytes:
    """The line that answers a request with a JSON-RPC error."""
    return _line(id=request_id, error={"code": code, "message": text})


def _line(**message: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"
