"""The allow-list: one spelling for every host, nothing that two readers could read differently, no private address."""

import ipaddress
import socket

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from hivelib.model import egress

LABEL = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
NAME = st.lists(LABEL, min_size=1, max_size=4).map(".".join)


def allows(entries: list[str], target: str) -> bool:
    return egress.permits(egress.parse_entries(entries), egress.parse_authority(target, 443))


@pytest.mark.parametrize(
    ("entry", "target", "through"),
    [
        ("wiki.example", "wiki.example:443", True),
        ("wiki.example", "Wiki.Example.:80", True),
        ("wiki.example", "wiki.example:22", False),
        ("wiki.example", "www.wiki.example:443", False),
        ("wiki.example", "evilwiki.example:443", False),
        ("wiki.example", "wiki.example.evil.test:443", False),
        ("WIKI.EXAMPLE.", "wiki.example:443", True),
        ("*.example.org", "a.example.org:443", True),
        ("*.example.org", "a.b.example.org:80", True),
        ("*.example.org", "example.org:443", False),
        ("*.example.org", "badexample.org:443", False),
        ("*.example.org:8443", "a.example.org:8443", True),
        ("*.example.org:8443", "a.example.org:443", False),
        ("example.org:8443", "example.org:8443", True),
        ("example.org:8443", "example.org:443", False),
        ("127.0.0.1:8111", "127.0.0.1:8111", True),
        ("127.0.0.1:8111", "127.0.0.1:8112", False),
        ("127.0.0.1:8111", "127.0.0.2:8111", False),
        ("[::1]:8111", "[0:0::1]:8111", True),
        ("[::1]:8111", "[::2]:8111", False),
        ("8.8.8.8", "8.8.8.8:443", True),
        ("claude", "api.anthropic.com:443", True),
        ("claude", "console.anthropic.com:443", True),
        ("claude", "platform.claude.com:443", True),
        ("claude", "claude.com:443", False),
        ("claude", "anthropic.com:443", False),
        ("*", "whatever.test:443", True),
        ("*", "whatever.test:25", False),
        ("*:25", "whatever.test:25", True),
        ("bücher.example", "xn--bcher-kva.example:443", True),
        ("BÜCHER.example", "bücher.example:443", True),
    ],
)
def test_an_entry_lets_through_what_it_says_and_no_more(
    entry: str, target: str, through: bool
) -> None:
    assert allows([entry], target) is through


def test_an_empty_list_is_closed() -> None:
    assert not allows([], "api.anthropic.com:443")


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ("", "empty"),
        ("http://wiki.example", "alone"),
        ("wiki.example/simple", "alone"),
        ("user@wiki.example", "user name"),
        ("wiki.example:0", "port"),
        ("wiki.example:65536", "port"),
        ("wiki.example:http", "port"),
        ("wiki.example:", "port"),
        ("wiki .example", "blanks"),
        ("wiki.example\n", "blanks"),
        ("wiki.example\0.evil.test", "blanks"),
        ("*.", "host name"),
        ("*.*.org", "host name"),
        ("a*.example.org", "host name"),
        ("-a.example.org", "host name"),
        ("a..example.org", "host name"),
        ("*.127.0.0.1", "before a name"),
        ("127.0.0.1", "needs its port"),
        ("10.1.2.3", "needs its port"),
        ("[::1]", "needs its port"),
        ("::1", r"\[ADDRESS\]"),
        ("[::1", "IPv6"),
        ("[::1]8080", "after the host"),
        ("[fe80::1%eth0]:80", "zone"),
        ("[::ffff:127.0.0.1]:80", "four numbers"),
        ("0x7f.1:80", "four numbers"),
        ("2130706433:80", "four numbers"),
        ("127.1:80", "four numbers"),
        ("0177.0.0.1:80", "four numbers"),
        ("256.1.1.1:80", "four numbers"),
        ("faß.example", "xn--"),
        ("１２７.0.0.1:80", "xn--"),
        ("a" * 64 + ".org", "host name"),
        ("a." * 150 + "org", "too long"),
    ],
)
def test_a_bad_entry_is_refused_with_a_word_that_says_why(entry: str, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        egress.parse_entry(entry)


def test_an_entry_that_is_no_text_and_a_list_without_end_are_refused() -> None:
    with pytest.raises(ValueError, match="text"):
        egress.parse_entries([17])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="at most"):
        egress.parse_entries(["wiki.example"] * 201)


@pytest.mark.parametrize(
    "target",
    [
        *("0x7f.1:80", "0x7f000001:80", "2130706433:80", "127.1:80", "0177.0.0.1:80", "127.0.0.01:80"),
        *("0:80", "127.0.0.1.:99999", "[::ffff:127.0.0.1]:80", "[::ffff:7f00:1]:80", "[::1%lo]:80"),
        *("[::1%25lo]:80", "user@127.0.0.1:80", "a:b@wiki.example:80", "wiki.example\0.evil.test:80"),
        *("wiki.example\r\nhost: evil:80", "%6c%6f%63alhost:80", "wiki.example:80:80", ":80", "wiki.example", "[]:80"),
        *("①②⑦.⓪.⓪.①:80", "127。0。0。1:80", "wiki.example:８０", "wiki.example:+80", "wiki.example: 80"),
        "[127.0.0.1]:80",
    ],
)  # fmt: skip
def test_a_target_that_could_be_read_in_two_ways_is_refused(target: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 the word differs, the refusal is the promise
        egress.parse_authority(target)


def test_a_url_is_split_and_only_plain_http_is_taken() -> None:
    target, path = egress.parse_url("HTTP://Example.ORG/a?b=c")
    assert (str(target), path) == ("example.org:80", "/a?b=c")
    assert egress.parse_url("http://[2001:DB8::1]:81?x")[0].host == "2001:db8::1"
    assert egress.parse_url("http://example.org?x")[1] == "/?x"
    for wrong in (
        "https://a.b/",
        "ftp://a.b/",
        "/a",
        "http:///a",
        "http://a.b/ c",
        "http://a.b/#c",
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            egress.parse_url(wrong)
    for sly in ("http://good.test@127.0.0.1/", "http://good.test\\@evil.test/", "http:// a/"):
        with pytest.raises(ValueError):  # noqa: PT011
            egress.parse_url(sly)


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255"),
        *("192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.192", "192.0.2.2"),
        *("198.18.0.1", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
        *("168.63.129.16", "::", "::1", "::127.0.0.1", "::ffff:8.8.8.8", "::ffff:127.0.0.1", "fe80::1"),
        *("fe80::1%lo", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "2002:7f00:1::"),
        *("2002:808:808::1", "2001:0:7f00:1::1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1"),
        *("64:ff9b:1::808:808", "100::1", "5f00::1", "3fff::1", "4000::1"),
    ],
)  # fmt: skip
def test_an_address_that_is_not_of_the_public_internet_is_refused(address: str) -> None:
    assert not egress.permitted_address(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "160.79.104.10", "2606:4700::1111", "2a00:1450::1", "64:ff9b::8.8.8.8"],
)
def test_a_public_address_is_permitted(address: str) -> None:
    assert egress.permitted_address(ipaddress.ip_address(address))


@given(st.ip_addresses())
@example(ipaddress.ip_address("100.64.0.0"))
def test_no_address_that_python_calls_private_is_permitted(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if egress.permitted_address(address) and address not in ipaddress.ip_network("64:ff9b::/96"):
        assert address.is_global
        bad = ("private", "loopback", "link_local", "multicast", "reserved", "unspecified")
        assert [name for name in bad if getattr(address, f"is_{name}")] == []


@given(NAME, st.integers(1, 65535))
def test_a_name_has_one_spelling_whatever_its_case_and_last_dot(name: str, port: int) -> None:
    assume(not name.split(".")[-1].isdigit())
    target = egress.parse_authority(f"{name}:{port}")
    assert egress.parse_authority(f"{name.upper()}.:{port}") == target
    assert egress.parse_authority(str(target)) == target
    assert allows([f"{name}:{port}"], str(target))
    assert not allows([f"*.{name}:{port}"], str(target))
    assert allows([f"*.{name}:{port}"], f"x.{target}")
    assert not allows([f"{name}:{port}"], f"x{target}")


@given(st.text(max_size=40))
@example("1.1.1.0x1")
@example("0x7f.0.0.1")
def test_whatever_is_taken_as_a_name_is_no_address_to_the_resolver(text: str) -> None:
    try:
        target = egress.parse_authority(text, 80)
    except ValueError:
        return
    assert target.host == target.host.lower()
    assert target.host.isascii()
    if target.address is None:
        with pytest.raises(OSError, match="illegal IP address"):
            socket.inet_aton(
                target.host
            )  # takes every odd spelling that the C library's resolver takes
    assert egress.parse_authority(str(target)) == target


@given(st.integers(0, 2**32 - 1))
def test_only_the_dotted_spelling_of_an_address_is_taken(number: int) -> None:
    address = ipaddress.IPv4Address(number)
    assert egress.parse_authority(f"{address}:80").address == address
    parts = str(address).split(".")
    odd = [str(number), hex(number), f"{parts[0]}.{number & 0xFFFFFF}", "0" + str(address)]
    odd += [f"[::ffff:{address}]", ".".join(hex(int(part)) for part in parts)]
    for spelling in odd:
        with pytest.raises(ValueError):  # noqa: PT011
            egress.parse_authority(f"{spelling}:80")


def test_the_api_is_open_to_whom_claude_is_open() -> None:
    def opens(*entries: str) -> bool:
        return egress.permits_api(egress.parse_entries(entries))

    assert opens("claude")
    assert opens("*")
    assert opens("wiki.example", "api.hive")
    assert not opens()
    assert not opens("wiki.example", "platform.claude.com")


def test_a_private_address_is_open_only_with_its_own_port() -> None:
    entries = egress.parse_entries(["127.0.0.1:8111", "*", "8.8.8.8"])
    assert egress.listed_address(entries, ipaddress.ip_address("127.0.0.1"), 8111)
    assert not egress.listed_address(entries, ipaddress.ip_address("127.0.0.1"), 443)
    assert not egress.listed_address(entries, ipaddress.ip_address("127.0.0.2"), 8111)
