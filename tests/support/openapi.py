"""Writes docs/openapi.json, the page's API: paths and bodies from the table below, fields from face/fields."""

import json
from typing import Any, NamedTuple

from hivelib.face import fields, reminders

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "maxLength": 65536}
NUMBER: Schema = {"type": "integer", "minimum": 1, "maximum": 2**62}
FLAG: Schema = {"type": "boolean"}
NAME: Schema = {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,8}$"}
PARTS = {
    "name": NAME,
    "number": NUMBER | {"maximum": 10**18 - 1},
    "session": {"type": "string", "pattern": "^[0-9a-f]{12}$"},
    "verb": {
        "type": "string",
        "enum": ["start", "stop", "restart", "rebuild", "destroy", "revive", "purge"],
    },
}
"""What stands in a path."""


class Call(NamedTuple):
    """An operation: `takes` and `gives` are fields with their schemas, the names in `needs` must be given."""

    method: str
    path: str
    words: str
    gives: dict[str, Schema]
    takes: dict[str, Schema] = {}
    needs: tuple[str, ...] = ()
    query: dict[str, Schema] = {}


def row(described: dict[str, str]) -> Schema:
    """A row as a tool's --json has it."""
    return {
        "type": "object",
        "properties": {name: {"description": words} for name, words in described.items()},
        "required": list(described),
    }


def rows(described: dict[str, str]) -> Schema:
    """A list of such rows."""
    return {"type": "array", "items": row(described)}


ALREADY = {"already": FLAG | {"description": "whether it was so before"}}
DECIDED = {"id": NUMBER, "verdict": TEXT, **ALREADY}
CALLS = (
    Call(
        "get",
        "/api/state",
        "The hive of one instant, right after event `seq`.",
        {
            "epoch": TEXT,
            "seq": {"type": "integer"},
            "agents": {"type": "array"},
            "messages": rows(fields.MESSAGE),
            "mail": rows(fields.MESSAGE),
            "approvals": rows(fields.APPROVAL),
            "questions": rows(fields.QUESTION),
            "reminders": rows(reminders.FIELDS),
            "jobs": rows(fields.JOB),
            "tombstones": {"type": "array"},
            "warnings": {"type": "array"},
        },
    ),
    Call(
        "get",
        "/api/events",
        "Up to 500 events that follow `after`.",
        {"epoch": TEXT, "first": {"type": "integer"}, "last": {"type": "integer"}}
        | {"events": rows(fields.EVENT)},
        query={"after": {"type": "integer", "minimum": 0, "maximum": 2**62}},
    ),
    Call(
        "get",
        "/api/approvals",
        "All that are not over, oldest first.",
        {"approvals": rows(fields.APPROVAL)},
    ),
    Call(
        "post",
        "/api/approvals/{number}/approve",
        "Yes to the commit that was shown, compared with `base` (left out: with whatever was looked at last).",
        DECIDED,
        {
            "sha": {"type": "string", "pattern": "^[0-9a-f]{7,40}$"},
            "base": {"type": "string", "pattern": "^([0-9a-f]{40})?$"},
        },
        ("sha",),
    ),
    Call(
        "post",
        "/api/approvals/{number}/deny",
        "No, and why: the manager is told.",
        DECIDED,
        {"note": TEXT},
        ("note",),
    ),
    Call(
        "post",
        "/api/approvals/spawn",
        "Proposes a new agent made of the template.",
        {"id": NUMBER},
        {"name": NAME, "description": TEXT},
        ("name",),
    ),
    Call(
        "post",
        "/api/approvals/init-config",
        "Asks for the config repository of a new agent.",
        {"id": NUMBER},
        {"name": NAME, "description": TEXT},
        ("name",),
    ),
    Call(
        "post",
        "/api/approvals/apply-commit",
        "Proposes a commit: `ref` is a branch that the manager edits, or digits of a commit.",
        {"id": NUMBER},
        {"agent": NAME, "ref": TEXT, "description": TEXT},
        ("agent", "ref"),
    ),
    Call("get", "/api/questions", "All open ones.", {"questions": rows(fields.QUESTION)}),
    Call(
        "post",
        "/api/questions",
        "Asks an agent.",
        {"id": NUMBER},
        {
            "to": NAME,
            "question": TEXT,
            "options": {"type": "array", "items": TEXT},
            "multi": FLAG,
            "ttl_seconds": NUMBER,
        },
        ("to", "question"),
    ),
    Call(
        "post",
        "/api/questions/{number}/answer",
        "Answers it, for an agent that was asked too. `words` go before a choice where one answer is taken.",
        {"id": NUMBER, "answer": TEXT, **ALREADY},
        {"chosen": {"type": "array", "items": TEXT}, "words": TEXT},
    ),
    Call("post", "/api/questions/{number}/cancel", "Takes it back.", {"id": NUMBER, **ALREADY}),
    Call("get", "/api/reminders", "All that are to come.", {"reminders": rows(reminders.FIELDS)}),
    Call(
        "post",
        "/api/reminders",
        "Sets one: `when`, `every` and `calendar` as hive-remind takes them.",
        {"id": NUMBER, "due_at": {"type": "number"}},
        {"name": NAME, "message": TEXT}
        | dict.fromkeys(("when", "every", "calendar", "file"), TEXT),
        ("name", "message"),
    ),
    Call("post", "/api/reminders/{number}/cancel", "Takes it back.", {"id": NUMBER, **ALREADY}),
    Call(
        "post",
        "/api/reminders/{number}/retry",
        "Tries one that failed again.",
        {"id": NUMBER, **ALREADY},
    ),
    Call(
        "post",
        "/api/send",
        "Writes a message; `to` may be `*`, the same `key` sends once.",
        {"id": NUMBER, "recipients": {"type": "array", "items": TEXT}, **ALREADY},
        {
            "to": TEXT,
            "body": TEXT,
            "in_reply_to": NUMBER,
            "lane": {"enum": ["normal", "urgent"]},
            "key": TEXT,
        },
        ("to", "body"),
    ),
    Call(
        "post",
        "/api/read",
        "You have read this message.",
        {"read": {"type": "array", "items": NUMBER}},
        {"id": NUMBER},
    ),
    Call(
        "post",
        "/api/messages/{number}/redeliver",
        "Puts a dead letter back into its inbox.",
        {"id": NUMBER, **ALREADY},
    ),
    Call(
        "get",
        "/api/threads/{number}",
        "The conversation that a message belongs to.",
        {"messages": rows(fields.MESSAGE)},
    ),
    Call(
        "get",
        "/api/search",
        "Messages with all of these words, best first.",
        {"messages": rows(fields.MESSAGE)},
        query={"q": TEXT},
    ),
    Call(
        "post",
        "/api/update-all",
        "Queues a rebuild of each agent that an older program built.",
        {"agents": {"type": "array", "items": NAME}, **ALREADY},
    ),
    Call(
        "post",
        "/api/agents/{name}/interrupt",
        "Asks the running turn to stop.",
        {"turn": NUMBER, **ALREADY},
    ),
    Call(
        "post",
        "/api/agents/{name}/{verb}",
        "Queues a job, which is not waited for.",
        {"agent": NAME, "job": {"type": ["integer", "null"]}, **ALREADY},
    ),
    Call(
        "post",
        "/api/links",
        "A one-time link for somebody who may only look.",
        {"url": TEXT, "seconds": NUMBER},
    ),
    Call("post", "/api/sessions/{session}/end", "Ends a session.", ALREADY),
)


def page() -> str:
    """docs/openapi.json."""
    paths: dict[str, dict[str, Any]] = {}
    for call in CALLS:
        paths.setdefault(call.path, {})[call.method] = _operation(call)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "hyperhive",
            "version": "1",
            "description": "What the page's own address answers to programs; docs/web-ui.md has the rules. "
            "Made by `python -m tests.support.docs`.",
        },
        "servers": [{"url": "http://127.0.0.1:7000"}],
        "security": [{"session": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "hive-7000"}},
            "schemas": {"Error": _object({"error": TEXT, "hint": TEXT}, ("error", "hint"))},
        },
    }
    return json.dumps(document, indent=1) + "\n"


def _operation(call: Call) -> dict[str, Any]:
    said: dict[str, Any] = {"summary": call.words, "responses": _responses(call.gives)}
    parameters = [
        {"name": part, "in": "path", "required": True, "schema": PARTS[part]}
        for part in PARTS
        if f"{{{part}}}" in call.path
    ]
    parameters += [
        {"name": name, "in": "query", "schema": schema} for name, schema in call.query.items()
    ]
    if call.method == "post":
        origin = {"type": "string", "description": "the page's own"}
        parameters.append({"name": "Origin", "in": "header", "required": True, "schema": origin})
        said["requestBody"] = {
            "required": bool(call.needs),
            "content": {"application/json": {"schema": _object(call.takes, call.needs)}},
        }
    return said | {"parameters": parameters}


def _responses(gives: dict[str, Schema]) -> dict[str, Any]:
    refused = {
        "description": "why not, and what to do",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    done = {
        "description": "done",
        "content": {"application/json": {"schema": _object(gives, tuple(gives))}},
    }
    elsewhere = {"description": "refused before anything was looked at"}
    return {
        "200": done,
        **dict.fromkeys(("400", "401", "404", "405", "409", "429", "503"), refused),
        **dict.fromkeys(("403", "408", "413"), elsewhere),
    }


def _object(properties: dict[str, Schema], required: tuple[str, ...]) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required)}
