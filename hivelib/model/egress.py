"""The way out of a box: what an allow-list's entries mean, what a request's target means, which addresses are public.

An entry is `wiki.example` · `*.example.org` (names below it, not itself) · either with `:PORT` · `192.0.2.7:8080` or
`[2001:db8::7]:8080` (an address listed with its port may be private, even loopback) · `claude` (the model's API and
login) · `*` (the public internet). Without a port an entry means 443 and 80. Both entries and targets are brought to
one spelling before they are compared: lower case, no trailing dot, IDNA. What could be read in two ways (0x7f.1,
2130706433, ::ffff:127.0.0.1, zone ids, user@host) is refused, for two readers would read it differently.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple

Address = IPv4Address | IPv6Address

DEFAULT = ("claude",)
"""What an agent may reach whose agent.json has no `egress`."""

SETS = {"claude": ("api.anthropic.com", "platform.claude.com", "console.anthropic.com")}
"""Entries that stand for several names."""

PORTS = (443, 80)
"""The ports that an entry without one means."""

API_HOST = "api.hive"
"""The name under which a box speaks to the model's API when the hive keeps the key (settings, [api] key_file)."""

MOST_ENTRIES = 200
LONGEST = 260  # characters: a name has at most 253, and decoding a longer one is only work

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # a name that ends so is an IPv4 address, oddly written
_DOTTED = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_URL = re.compile(r"http://([^/?#]*)([/?][!-~]*)?", re.IGNORECASE)

_REFUSED_4 = [
    IPv4Network(block)
    for block in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        "168.63.129.16/32",  # public by its number, yet inside Azure it is the host's own wire server
    )
]
_PUBLIC_6 = IPv6Network(
    "2000::/3"
)  # all that is given out to the internet; the rest is never public
_REFUSED_6 = [
    IPv6Network(block)
    for block in (
        "2001::/23",  # Teredo and other protocol assignments
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside, reached through whoever relays
        "3fff::/20",  # documentation
    )
]
_NAT64 = IPv6Network(
    "64:ff9b::/96"
)  # how a host without IPv4 reaches IPv4: judged by what is inside


class Entry(NamedTuple):
    """One entry of an allow-list; `kind` is all, name, below or address; `port` None means 443 and 80."""

    kind: str
    host: str
    port: int | None

    def covers(self, target: "Target") -> bool:
        """Whether this entry lets a request for `target` through (its addresses are judged apart)."""
        if target.port != self.port and not (self.port is None and target.port in PORTS):
            return False
        if self.kind == "all":
            return True
        if self.kind == "below":
            return target.address is None and target.host.endswith("." + self.host)
        return target.host == self.host


class Target(NamedTuple):
    """Where a request wants to go: `host` in its one spelling, and the same as `address` if it is one."""

    host: str
    port: int
    address: Address | None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def entry(self) -> str:
        """The narrowest entry that would let it through."""
        return self.host if self.port in PORTS and self.address is None else str(self)


def parse_entries(texts: Iterable[str]) -> tuple[Entry, ...]:
    """The entries that the texts of an allow-list mean, sets spread out; ValueError says which is wrong and how."""
    entries: list[Entry] = []
    for text in texts:
        names = SETS.get(text, (text,)) if isinstance(text, str) else (text,)
        entries.extend(parse_entry(name) for name in names)
    if len(entries) > MOST_ENTRIES:
        raise ValueError(f"an egress list has at most {MOST_ENTRIES} entries, not {len(entries)}")
    return tuple(entries)


def parse_entry(text: str) -> Entry:
    """The entry that `text` means (sets are `parse_entries`' part); ValueError names the text and what is wrong."""
    try:
        if not isinstance(text, str):
            raise ValueError("an entry is a text such as wiki.example or *.example.org:8443")
        host, port = _split(text)
        if host == "*":
            return Entry("all", "*", port)
        if host.startswith("*."):
            name, address = _one_spelling(host[2:])
            if address:
                raise ValueError("*. goes before a name, not before an address")
            return Entry("below", name, port)
        name, address = _one_spelling(host)
    except ValueError as error:
        raise ValueError(f"egress entry {str(text)[:80]!r}: {error}") from None
    if address and port is None and not permitted_address(address):
        raise ValueError(f"egress entry {text!r}: an address that is not public needs its port")
    return Entry("address" if address else "name", name, port)


def parse_authority(text: str, default_port: int | None = None) -> Target:
    """The target that `host:port` means, as CONNECT and URLs name it; ValueError says why it means none."""
    host, port = _split(text)
    port = port or default_port
    if port is None:
        raise ValueError("the port is missing")
    name, address = _one_spelling(host)
    return Target(name, port, address)


def parse_url(text: str) -> tuple[Target, str]:
    """Splits `http://host/path` into target and path with query; ValueError for anything but a plain http URL."""
    match = _URL.fullmatch(text)
    if not match:
        wrong = "https goes through CONNECT" if text[:6].lower() == "https:" else "not an http URL"
        raise ValueError(wrong)
    path = match[2] or "/"
    if "#" in path:
        raise ValueError("a fragment does not belong into a request")
    return parse_authority(match[1], 80), path if path.startswith("/") else "/" + path


def permits(entries: Iterable[Entry], target: Target) -> bool:
    """Whether an allow-list lets a request for `target` through; the addresses behind a name are judged apart."""
    return any(entry.covers(target) for entry in entries)


def permits_api(entries: Iterable[Entry]) -> bool:
    """Whether an allow-list opens `api.hive`: whoever may speak to the model's API may do so with the hive's key."""
    hosts = (Target(SETS["claude"][0], 443, None), Target(API_HOST, 80, None))
    return any(entry.covers(target) for entry in entries for target in hosts)


def listed_address(entries: Iterable[Entry], address: Address, port: int) -> bool:
    """Whether this address is listed with this port, so that it may be private or loopback."""
    return any(e.kind == "address" and e.host == str(address) and e.port == port for e in entries)


def permitted_address(address: Address) -> bool:
    """Whether an address is of the public internet: not loopback, private, link-local, shared, multicast, reserved,
    nor an IPv6 spelling of such an IPv4 address (mapped, 6to4, Teredo; NAT64 is judged by what is inside)."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _REFUSED_4)
    if address.scope_id is not None:
        return False
    if address in _NAT64:
        return permitted_address(IPv4Address(int(address) & 0xFFFFFFFF))
    return address in _PUBLIC_6 and not any(address in block for block in _REFUSED_6)


def _split(text: str) -> tuple[str, int | None]:
    """Host (an IPv6 address keeps its brackets, which `_one_spelling` takes off) and port, None when none is named."""
    if why := _why_not_authority(text):
        raise ValueError(why)
    if text.startswith("["):
        host, bracket, rest = text.partition("]")
        host, colon, port = host + bracket, rest[:1], rest[1:]
    else:
        host, colon, port = text.partition(":")
    if not colon:
        return host, None
    if colon != ":" or not _PORT.fullmatch(port) or int(port) > 65535:
        raise ValueError("after the host comes nothing, or : and a port from 1 to 65535")
    return host, int(port)


def _why_not_authority(text: str) -> str | None:
    if not text:
        return "it is empty"
    if len(text) > LONGEST:
        return "it is too long for a host name and a port"
    if not text.isprintable() or " " in text:
        return "it has blanks or control characters"
    if "@" in text:
        return "a user name does not belong before a host"
    if "/" in text:
        return "write the host alone, without http:// and path"
    if text.count(":") > 1 and not text.startswith("["):
        return "an IPv6 address is written [ADDRESS]:PORT"
    return None


def _one_spelling(host: str) -> tuple[str, Address | None]:
    """The one spelling of a name or address; ValueError when it is neither, or an odd spelling of an address."""
    if host.startswith("["):
        return _six(host)
    name = (host if host.isascii() else _idna(host)).lower()
    name = name.removesuffix(".")
    if _DOTTED.fullmatch(name) and all(int(part) < 256 for part in name.split(".")):
        return name, IPv4Address(name)
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        raise ValueError("an IPv4 address is written as four numbers from 0 to 255")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("not a host name")
    return name, None


def _six(host: str) -> tuple[str, IPv6Address]:
    if "%" in host:
        raise ValueError("a zone id means nothing outside its host")
    try:
        address = IPv6Address(host[1:-1])
    except ValueError:
        raise ValueError("not an IPv6 address") from None
    if not host.endswith("]") or address.ipv4_mapped:
        raise ValueError("an IPv4 address is written as four numbers, an IPv6 address in [ ]")
    return str(address), address


def _idna(host: str) -> str:
    """The ASCII form of a name in other letters, only where it can be read back: ß would silently become ss."""
    try:
        name = host.encode("idna").decode("ascii")
        same = name.encode("ascii").decode("idna") == host.lower()
    except UnicodeError:
        same = False
    if not same:
        raise ValueError("not a host name in these letters; write its xn-- form")
    return name
