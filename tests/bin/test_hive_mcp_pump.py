"""hive-mcp-pump between a claude played by the test and a host that dies wherever the test says."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.mcp_claude import HELLO, PUMP, Claude, pair
from tests.support.mcp_host import Connection, Cut, Host, Message
from tests.support.state import short_directory
from tests.support.waiting import until


@pytest.fixture
def talk() -> Iterator[tuple[Claude, Host]]:
    with pair() as (claude, host):
        claude.greet()
        yield claude, host


def test_the_preamble_names_turn_and_nonce(talk: tuple[Claude, Host]) -> None:
    _, host = talk
    assert host.preambles[0]["hive"] == 1 and host.preambles[0]["turn"] == 88
    assert len(bytes.fromhex(host.preambles[0]["nonce"])) == 16


def test_without_a_turn_the_preamble_says_null() -> None:
    with pair(turn="-") as (claude, host):
        claude.greet()
        assert host.preambles[0]["turn"] is None


@pytest.mark.parametrize("tool", ["send", "recv"])
def test_a_host_that_dies_at_any_byte_costs_nothing(tool: str) -> None:
    with pair() as (claude, host):
        claude.greet()
        lengths = exchange_lengths(claude, host, tool)
        for side in ("read", "written"):
            for place in range(lengths[side]):
                host.drop()
                host.cuts = [Cut(**{side: place})]
                done = len(host.sent)
                number = claude.call(tool, f"{side} {place}")
                assert claude.text(number) == f"{tool} {side} {place}"
                assert host.sent[done:] == [f"{side} {place}"]
                assert tool == "send" or json.dumps(number) in host.confirmed


def exchange_lengths(claude: Claude, host: Host, tool: str) -> dict[str, int]:
    """The bytes that one call costs on a fresh connection, each way."""
    host.drop()
    claude.text(claude.call(tool, "x" * 10))
    one = host.live[-1]
    return {"read": one.bytes_read, "written": one.bytes_written}


@pytest.mark.parametrize("place", range(0, 200, 11))
def test_a_host_that_dies_during_the_first_handshake_is_greeted_again(place: int) -> None:
    with pair(cuts=(Cut(read=place), Cut(written=place % 60))) as (claude, host):
        claude.greet()
        assert claude.text(claude.call("send", "a")) == "send a"
        assert host.sent == ["a"]


CUTS = st.builds(
    lambda read, place: Cut(read=place) if read else Cut(written=place),
    st.booleans(),
    st.integers(0, 900),
)


@settings(max_examples=40, derandomize=True)
@given(
    cuts=st.lists(CUTS, max_size=5), tools=st.lists(st.sampled_from(["send", "recv"]), max_size=6)
)
def test_many_calls_at_once_are_each_done_once(cuts: list[Cut], tools: list[str]) -> None:
    with pair(cuts=tuple(cuts)) as (claude, host):
        claude.greet()
        calls = [
            (claude.call(tool, str(place)), tool, str(place)) for place, tool in enumerate(tools)
        ]
        for number, tool, text in calls:
            assert claude.text(number) == f"{tool} {text}"
            assert tool == "send" or json.dumps(number) in host.confirmed
        assert sorted(host.sent) == sorted(text for _, _, text in calls)


def test_an_answer_with_mail_is_held_back_until_it_is_confirmed(talk: tuple[Claude, Host]) -> None:
    claude, host = talk
    real, silent = host._answer, True

    def answer(one: Connection, nonce: str, message: Message) -> Message | None:
        if silent and message.get("method") == "hive/confirm":
            return None
        return real(one, nonce, message)

    host._answer = answer  # type: ignore[method-assign]
    number = claude.call("recv", "letter")
    host.wait(lambda: host.seen[-1].get("method") == "hive/confirm")
    # The pump answers in order: had it let the letter go, it would come before this one.
    claude.text(claude.call("send", "after"))
    assert json.dumps(number) not in claude.answers
    silent = False
    host.drop()
    assert claude.text(number) == "recv letter"
    assert host.sent.count("letter") == 1
    confirms = [one["id"] for one in host.seen if one.get("method") == "hive/confirm"]
    assert len(confirms) == len(set(confirms)) == 2


def test_a_claim_that_cannot_be_confirmed_is_an_error_to_claude(talk: tuple[Claude, Host]) -> None:
    claude, host = talk
    real = host._answer

    def answer(one: Connection, nonce: str, message: Message) -> Message | None:
        if message.get("method") == "hive/confirm":
            return {"id": message["id"], "error": {"code": -1, "message": "the turn is over"}}
        return real(one, nonce, message)

    host._answer = answer  # type: ignore[method-assign]
    assert claude.error(claude.call("recv", "letter")) == "the turn is over"


def never(one: Connection, message: Message) -> None:
    """A tool that does not answer."""


def test_a_cancelled_call_is_not_asked_again(talk: tuple[Claude, Host]) -> None:
    claude, host = talk
    host.tools["wait"] = never
    given_up, kept = claude.call("wait"), claude.call("wait")
    host.wait(lambda: host.seen[-1].get("id") == kept)
    params = {"requestId": given_up, "reason": "enough"}
    claude.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params})
    host.wait(lambda: host.seen[-1].get("method") == "notifications/cancelled")
    before = len(host.seen)
    host.drop()
    host.wait(lambda: host.seen[-1].get("id") == kept and len(host.seen) > before)
    assert given_up not in [one.get("id") for one in host.seen[before:]]


def test_requests_of_the_host_and_their_answers_pass_through(talk: tuple[Claude, Host]) -> None:
    claude, host = talk
    question = {"jsonrpc": "2.0", "id": "q1", "method": "roots/list"}

    def asking(one: Connection, message: Message) -> None:
        one.say(question)

    host.tools["asking"] = asking
    claude.call("asking")
    assert claude.hear() == question
    reply = {"jsonrpc": "2.0", "id": "q1", "result": {"roots": []}}
    claude.say(reply)
    host.wait(lambda: host.seen[-1] == reply)


def test_a_late_answer_never_reaches_a_host_that_did_not_ask(talk: tuple[Claude, Host]) -> None:
    claude, host = talk
    host.tools["asking"] = lambda one, message: one.say({"id": 0, "method": "roots/list"})
    number = claude.call("asking")
    assert claude.hear()["id"] == 0
    del host.tools["asking"]
    host.drop()
    assert (
        claude.text(claude.call("send", "over the new connection"))
        == "send over the new connection"
    )
    claude.say({"jsonrpc": "2.0", "id": 0, "result": {"roots": []}})
    claude.text(claude.call("send", "after"))
    assert not [one for one in host.seen if "result" in one]
    assert claude.text(number) == "asking "


def test_a_host_that_comes_later_finds_the_call_waiting() -> None:
    with short_directory() as where:
        claude = Claude(where / "s")
        number = claude.ask("initialize", HELLO)
        host = Host(where / "s").listen()
        assert "result" in claude.answer(number)
        claude.end()
        host.leave()


def test_a_host_that_never_comes_costs_an_error_in_one_line() -> None:
    with short_directory() as where:
        claude = Claude(where / "s", limits="AWAY_MOST=0.3,PAUSE_MOST=0.1")
        problem = claude.error(claude.ask("initialize", HELLO))
        assert "was away" in problem and "\n" not in problem
        host = Host(where / "s").listen()
        claude.greet()  # and when it is there again, the next call goes through
        claude.end()
        host.leave()


def test_a_host_that_dies_each_time_it_is_asked_costs_an_error(talk: tuple[Claude, Host]) -> None:
    with pair(limits="AWAY_MOST=0.3,PAUSE_MOST=0.1") as (claude, host):
        claude.greet()
        host.tools["poison"] = lambda one, message: one.link.shutdown(2)
        assert "was away" in claude.error(claude.call("poison"))


@pytest.mark.parametrize("gone", [False, True])
def test_when_claude_closes_stdin_the_pump_is_gone(talk: tuple[Claude, Host], gone: bool) -> None:
    claude, host = talk
    host.tools["wait"] = never
    claude.call("wait")
    if gone:
        host.leave()
    assert claude.process.stdin
    claude.process.stdin.close()
    assert claude.process.wait(5) == 0


def test_big_answers_pass_and_too_big_ones_are_an_error(talk: tuple[Claude, Host]) -> None:
    claude, host = talk

    def big(size: int) -> Callable[[Connection, Message], Message]:
        return lambda one, message: {"id": message["id"], "result": {"x": "y" * size}}

    host.tools.update(big=big(3_000_000), huge=big(17 << 20))
    assert len(claude.answer(claude.call("big"))["result"]["x"]) == 3_000_000
    assert "over" in claude.error(claude.call("huge"))
    assert claude.text(claude.call("send", "still here")) == "send still here"


def test_a_long_call_is_refused_and_a_monstrous_line_ends_the_pump(
    talk: tuple[Claude, Host],
) -> None:
    claude, _ = talk
    assert "shorten it" in claude.error(claude.call("send", "x" * (1 << 20)))
    with pytest.raises(BrokenPipeError):
        claude.say(b"x" * (18 << 20))
    assert claude.process.wait(5) == 1


def test_a_host_that_does_not_read_while_it_writes_blocks_nothing(
    talk: tuple[Claude, Host],
) -> None:
    claude, host = talk
    size = 2_000_000
    host.tools["flood"] = lambda one, message: one.say({"method": "n", "params": {"x": "y" * size}})
    calls = [claude.call("flood", "z" * 500_000) for _ in range(12)]
    heard = [claude.hear() for _ in calls]
    assert all(len(one["params"]["x"]) == size for one in heard)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{nonsense\n", -32700),
        (b"[1, 2]\n", -32700),
        (b"[" * 100_000 + b"\n", -32700),
        (b"\xff\xfe\n", -32700),
        (b'{"id": [1], "method": "x"}\n', -32600),
        (b'{"id": true, "method": "x"}\n', -32600),
        (b'{"id": "hive-confirm-1", "method": "x"}\n', -32600),
    ],
)
def test_nonsense_from_claude_is_answered(
    talk: tuple[Claude, Host], line: bytes, code: int
) -> None:
    claude, _ = talk
    claude.say(line)
    assert claude.hear()["error"]["code"] == code
    assert claude.text(claude.call("send", "x")) == "send x"


@pytest.mark.parametrize("line", [b"nonsense\n", b"[]\n", b"\xff\n"])
def test_nonsense_from_the_host_costs_the_calls_in_flight_an_error(
    talk: tuple[Claude, Host], line: bytes
) -> None:
    claude, host = talk
    host.tools["odd"] = lambda one, message: one.say(line)
    assert "no message" in claude.error(claude.call("odd"))
    assert claude.text(claude.call("send", "x")) == "send x"


def test_called_wrongly_it_says_how() -> None:
    for arguments in ([], ["socket"], ["socket", "soon"]):
        done = subprocess.run([PUMP, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and done.stderr.startswith("usage: ")


def test_it_waits_without_a_cpu(talk: tuple[Claude, Host]) -> None:
    claude, host = talk
    host.tools["wait"] = never
    number = claude.call("wait")
    host.wait(lambda: host.seen[-1].get("id") == number)
    stat = Path(f"/proc/{claude.process.pid}/stat")
    until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "S", "it sleeps")
