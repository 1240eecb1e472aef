"""What the proxy itself answers: a status, and one line that says what was wrong and what to do.

A refusal is 451: at 403 claude believes that its login failed, at 429 that it is rate limited, and 5xx it tries again.
"""

from http import HTTPStatus

from hivelib.base.text import shortened

NOWHERE = "-"
"""Stands in events where a request never got as far as naming a host."""


class Refusal(Exception):
    """A request that ends with an answer of ours; `host` and `why` are for the event, `text` is for the box."""

    def __init__(self, status: int, host: str, why: str, text: str = "") -> None:
        super().__init__(why)
        self.status = status
        self.host = shortened(host, 120)
        self.why = why
        self.text = text or why

    @property
    def recorded(self) -> bool:
        """Whether it is a refusal of ours; a far end that cannot be reached is not."""
        return self.status != HTTPStatus.BAD_GATEWAY

    def encoded(self) -> bytes:
        """The whole answer as it goes over the wire."""
        return answer(self.status, self.text)


def answer(status: int, text: str) -> bytes:
    """A whole response with one line of plain text; the connection closes after it."""
    body = f"hive-egress: {shortened(text, 1000)}\n".encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        f"content-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}\r\n"
        "cache-control: no-store\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


def not_listed(agent: str, host: str, entry: str) -> Refusal:
    """The host (with port) is not in the agent's allow-list; `entry` is what would open it."""
    why = "not in the allow-list"
    text = f"{agent} may not reach {host}: it is {why}. {_ask(agent, entry)}"
    return Refusal(HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS, host, why, text)


def not_public(agent: str, host: str, found: str, entry: str) -> Refusal:
    """The name leads only to addresses that are not public or are this machine's own."""
    why = f"leads to {found}, which is no address of the public internet"
    text = f"{agent} may not reach {host}: it {why}. {_ask(agent, entry)}"
    return Refusal(HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS, host, why, text)


def odd_target(agent: str, target: str, fault: str) -> Refusal:
    """The target is not a host in the one spelling that is taken."""
    why = f"cannot be read as a host: {fault}"
    text = f"{agent} may not reach {shortened(target, 120)}: it {why}."
    return Refusal(HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS, target, why, text)


def malformed(fault: str) -> Refusal:
    """The request is not HTTP as everybody reads it."""
    return Refusal(HTTPStatus.BAD_REQUEST, NOWHERE, f"malformed request: {fault}")


def no_key(agent: str, host: str) -> Refusal:
    """`api.hive` means nothing in a hive that keeps no key."""
    why = "this hive keeps no API key"
    text = f"{agent} may not reach {host}: {why}; the operator sets [api] key_file in hive.toml."
    return Refusal(HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS, host, why, text)


def no_list(agent: str) -> Refusal:
    """The agent's allow-list cannot be read: nothing is open, and trying again may help."""
    return Refusal(HTTPStatus.BAD_GATEWAY, NOWHERE, f"the allow-list of {agent} cannot be read")


def unreachable(host: str, fault: str) -> Refusal:
    """The far end may be reached but cannot be."""
    return Refusal(HTTPStatus.BAD_GATEWAY, host, f"{host} cannot be reached: {fault}")


def _ask(agent: str, entry: str) -> str:
    return (
        f'If the task needs it, ask the manager to request the egress entry "{entry}" '
        f"in {agent}'s agent.json; the operator decides."
    )
