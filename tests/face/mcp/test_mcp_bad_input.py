"""Whatever a box says: one clear line back, nothing half-done, and the server stays."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hivelib.store import agents
from tests.support.mcp_rig import Box, McpRig, mcp_rig

COMMON = (
    *("send", "recv", "whoami", "wake", "request_next_turn", "history", "inbox_hook"),
    *("remind", "ask", "answer", "cancel", "loose_ends"),
)
MANAGERS = ("list_agents", "start", "kill", "restart", "update", "get_logs")
FIELDS = [
    *["to", "body", "in_reply_to", "lane", "wait_seconds", "max", "label", "with", "limit"],
    *["event", "name", "agent", "lines"],
    *["question", "options", "multi", "ttl_seconds", "id", "answer", "kind"],
    *["message", "delay_seconds", "at_unix_timestamp", "file_path", "every_seconds", "calendar"],
]
SEEN = "SELECT " + ", ".join(
    f"(SELECT count(*) FROM {table})"
    for table in ("messages", "events", "answers", "questions", "reminders", "approvals")
)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**60),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(
        ["", "\0", "bob", "operator", "*", "x" * 5000, "\u202e", "urgent", "Stop", "-1"]
    ),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
keys = st.one_of(st.sampled_from(FIELDS), st.text(max_size=12))
arguments = st.dictionaries(keys, values, max_size=5)
often = settings(
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def rig() -> Iterator[McpRig]:
    with mcp_rig("[mail]\npair_limit = 100000\n") as rig:
        with rig.hive.db.write() as db:
            for number in range(len(COMMON) + 2):  # each with an allowance of its own
                agents.add(db, f"a{number}", "agent", "bwrap", "{}", 0.0)
        rig.start()
        yield rig
        assert rig.process and rig.process.poll() is None
        told = "\n".join(rig.complaints())
        assert "bug" not in told and "Traceback" not in told, told


def rows(rig: McpRig) -> Any:
    return rig.hive.db.one(SEEN)


def assert_clear(result: dict[str, Any]) -> None:
    """A refusal is one line a model can read."""
    [part] = result["content"]
    text = part["text"]
    assert text and "\n" not in text and text.isprintable() and len(text) <= 1000
    assert "Traceback" not in text and "bug" not in text and "pydantic" not in text
    json.dumps(result, allow_nan=False)


def try_out(rig: McpRig, box: Box, tool: str, said: Any) -> None:
    before = rows(rig)
    result = box.call(tool, said)
    if result["isError"]:
        assert_clear(result)
        assert rows(rig) == before, "a refusal changes nothing"


@pytest.mark.parametrize("tool", COMMON)
def test_any_arguments_to_any_tool(rig: McpRig, tool: str) -> None:
    box = rig.box(f"a{COMMON.index(tool)}")

    @often
    @given(arguments)
    def check(said: dict[str, Any]) -> None:
        if said.get("wait_seconds"):
            said["wait_seconds"] = -1 if tool == "recv" else said["wait_seconds"]
        try_out(rig, box, tool, said)

    check()
    box.close()


def test_any_arguments_to_the_managers_tools(rig: McpRig) -> None:
    box = rig.box("manager")

    @often
    @given(st.sampled_from(MANAGERS), arguments)
    def check(tool: str, said: dict[str, Any]) -> None:
        try_out(rig, box, tool, said)

    check()
    box.close()


def test_any_bytes_as_a_line(rig: McpRig) -> None:
    box = rig.box("a7")
    piece = st.sampled_from(
        [b'{"id":1', b"}", b'"method":"ping"', b"[", b"\xff", b"\0", b'\\ud800"']
    )

    @often
    @given(st.one_of(st.binary(max_size=40), st.lists(piece, max_size=6).map(b",".join)))
    def check(line: bytes) -> None:
        box.line(line.replace(b"\n", b" "))
        box.say(id="after", method="ping")
        answers: list[dict[str, Any]] = []
        while not answers or answers[-1].get("id") != "after":
            answers.append(box.hear())
        assert len(answers) <= 2
        if len(answers) == 2 and "error" in answers[0]:
            text = answers[0]["error"]["message"]
            assert text.isprintable() and len(text) < 300

    check()
    box.close()


TEXT = b'{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"send","arguments":%s}}'
ASK = b'{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"ask","arguments":%s}}'
WAIT = b'{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"recv","arguments":%s}}'


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (TEXT % b'{"to":"bob","body":"\\ud800"}', "surrogate"),
        (TEXT % b'{"to":"bob","body":"\xff"}', "no message"),
        (TEXT % b'{"to":"bob","body":"a\\u0000b"}', "NUL"),
        (TEXT % b'{"to":"bob","body":" "}', "empty"),
        (TEXT % (b'{"to":"bob","body":"%s"}' % (b"x" * 5000)), "4096"),
        (TEXT % b'{"to":"bob","body":"x","in_reply_to":1e400}', "in_reply_to"),
        (TEXT % (b'{"to":"bob","body":"x","in_reply_to":%s}' % (b"9" * 400)), "in_reply_to"),
        (TEXT % b'{"to":"bob","body":"x","in_reply_to":true}', "in_reply_to"),
        (TEXT % b'{"to":"bob","body":"x","in_reply_to":77777}', "no message 77777"),
        (TEXT % b'{"to":"bob","body":"x","lane":"fast"}', "'normal' or 'urgent'"),
        (TEXT % b'{"to":"bob","bdoy":"x"}', "did you mean body?"),
        (TEXT % (b'{"to":"%s","body":"x"}' % (b"b" * 70)), "at most 64"),
        (TEXT % b'{"to":"a\\u0000\\u001b[2J","body":"x"}', "no agent"),
        (TEXT % b"[1]", "an object as its arguments"),
        (TEXT % b'"x"', "an object as its arguments"),
        (TEXT % (b'{"a":' * 900 + b"1" + b"}" * 900), "no message"),
        (TEXT % (b"[" * 5000 + b"]" * 5000), ""),
        (WAIT % b'{"wait_seconds":NaN}', "finite"),
        (WAIT % b'{"wait_seconds":1e400}', "wait_seconds"),
        (WAIT % b'{"wait_seconds":-1}', "greater than or equal to 0"),
        (WAIT % b'{"wait_seconds":181}', "less than or equal to 180"),
        (WAIT % (b'{"wait_seconds":%s}' % (b"9" * 400)), "wait_seconds"),
        (WAIT % b'{"wait_seconds":"5"}', "valid number"),
        (WAIT % b'{"max":0}', "max should be greater"),
        (WAIT % b'{"max":33}', "max should be less"),
        (WAIT % b'{"max":1.5}', "max should be a valid integer"),
        (ASK % b'{"question":"\\ud800"}', "surrogate"),
        (ASK % b'{"question":"x","to":"alice"}', "yourself"),
        (ASK % b'{"question":"x","ttl_seconds":0}', "greater than 0"),
        (ASK % b'{"question":"x","ttl_seconds":21601}', "at most 21600"),
        (ASK % b'{"question":"x","ttl_seconds":NaN}', "finite"),
        (ASK % b'{"question":"x","options":"yes"}', "list"),
        (ASK % b'{"question":"x","options":["a","b\\n"]}', "option 2"),
        (ASK % (b'{"question":"x","options":[%s]}' % b",".join([b'"a"'] * 21)), "21 options"),
        (ASK % b'{"question":"x","target":"bob"}', "no argument"),
    ],
)
def test_a_bad_call_is_told_why(rig: McpRig, line: bytes, words: str) -> None:
    box = rig.box("alice")
    before = rows(rig)
    box.line(line)
    answer = box.hear()
    if answer["id"] is None:  # nested too deep to find the id
        assert not words and "error" in answer
    else:
        assert answer["id"] == "x"
        assert answer["result"]["isError"]
        assert_clear(answer["result"])
        assert words in answer["result"]["content"][0]["text"]
    assert rows(rig) == before
    assert not box.call("whoami")["isError"]
    box.close()


@pytest.mark.parametrize(
    "request_id", ["null", "1.5", "true", "[]", "{}", '"%s"' % ("x" * 201), "9" * 30, "9" * 5000]
)
def test_a_bad_id_is_answered_without_one(rig: McpRig, request_id: str) -> None:
    box = rig.box("bob")
    box.line(f'{{"jsonrpc":"2.0","id":{request_id},"method":"ping"}}'.encode())
    answer = box.hear()
    assert answer["id"] is None and "error" in answer
    box.close()


@pytest.mark.parametrize("request_id", ["", "ä", "7", -1, 0, 2**63 - 1, "\\u0000", "x" * 200])
def test_any_good_id_comes_back_as_it_was(rig: McpRig, request_id: str | int) -> None:
    box = rig.box("bob")
    assert not box.call("whoami", request_id=request_id)["isError"]
    box.close()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"jsonrpc":"2.0","id":1,"method":"no/such"}', "not found"),
        ('{"jsonrpc":"1.0","id":1,"method":"ping"}', "jsonrpc"),
        ('{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":5}}', "not as MCP"),
        ('{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}', "not as MCP"),
        ('{"jsonrpc":"2.0","id":1,"method":5}', "method"),
        ("5", "object"),
        ("[]", "object"),
    ],
)
def test_a_bad_request_is_told_why(rig: McpRig, line: str, words: str) -> None:
    box = rig.box("bob")
    box.line(line.encode())
    assert words in box.hear()["error"]["message"]
    box.close()


def test_a_call_before_the_handshake_is_told_so(rig: McpRig) -> None:
    box = rig.connect("bob")
    box.line(b'{"hive":1,"turn":null,"nonce":"' + b"0" * 32 + b'"}')
    box.ask("whoami")
    assert "initialize first" in box.hear()["error"]["message"]
    box.close()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"hello",
        b"{}",
        b'{"hive":2,"turn":null,"nonce":"' + b"0" * 32 + b'"}',
        b'{"hive":true,"turn":null,"nonce":"' + b"0" * 32 + b'"}',
        b'{"hive":1,"turn":0,"nonce":"' + b"0" * 32 + b'"}',
        b'{"hive":1,"turn":"1","nonce":"' + b"0" * 32 + b'"}',
        b'{"hive":1,"turn":' + b"9" * 40 + b',"nonce":"' + b"0" * 32 + b'"}',
        b'{"hive":1,"turn":null,"nonce":"' + b"0" * 31 + b'"}',
        b'{"hive":1,"turn":null,"nonce":"' + b"A" * 32 + b'"}',
        b'{"hive":1,"turn":null,"nonce":"' + b"0" * 32 + b'\\n"}',
        b'{"hive":1,"nonce":"' + b"0" * 32 + b'"}',
        b"x" * 5000,
    ],
)
def test_a_bad_preamble_ends_the_connection(rig: McpRig, line: bytes) -> None:
    box = rig.connect("a8")
    box.line(line)
    assert box.ended()
    box.close()
