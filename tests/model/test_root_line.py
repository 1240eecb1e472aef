"""Root's line: nothing but the grammar passes, and nothing of a line but two checked words reaches a command."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hivelib.model import names, root_line
from hivelib.model.root_line import LINE_MOST, PROGRAMS, VERBS, WITH_PATH, RootLine
from tests.support.root_lines import HASH, HOSTILE, PATH

# The grammar once more, written in another way than the code.
GRAMMAR = re.compile(
    rb"((start|stop|destroy) (?P<a>[a-z][-a-z0-9]{0,8})"
    rb"|(create|set-profile) (?P<b>[a-z][-a-z0-9]{0,8})"
    rb" /nix/store/[0-9abcdfghijklmnpqrsvwxyz]{32}-[-+.?=_0-9a-zA-Z]+)\n"
)
FIXED = {
    *(f"{PROGRAMS}/{name}" for name in ("nixos-container", "systemctl", "nix-env")),
    *("create", "destroy", "start", "stop", "reset-failed", "--quiet", "--system-path"),
    *("--profile", "--set"),
}

letters = some.text(alphabet="abcxyz019-", max_size=8).map(lambda rest: f"a{rest}")
agents = letters | some.just("manager")
paths = some.text(alphabet="abcXYZ019+._?=-", min_size=1, max_size=150).map(
    lambda name: f"/nix/store/{HASH}-{name}".replace("..", "._")
)
lines = some.builds(
    RootLine, some.sampled_from(["start", "stop", "destroy"]), agents, some.just("")
) | some.builds(RootLine, some.sampled_from(WITH_PATH), agents, paths)
# Bytes near a good line: a good one with a piece replaced.
near = some.builds(
    lambda line, at, cut, piece: (
        (data := root_line.spoken(line))[: at % len(data)] + piece + data[at % len(data) + cut :]
    ),
    lines,
    some.integers(0, LINE_MOST),
    some.integers(0, 3),
    some.binary(max_size=3),
)


def allowed(data: bytes) -> bool:
    found = GRAMMAR.fullmatch(data)
    name = found and (found["a"] or found["b"]).decode()
    return bool(name) and name not in names.RESERVED - {"manager"} and b".." not in data


@given(lines)
def test_what_was_meant_is_what_is_read(line: RootLine) -> None:
    assert root_line.read(root_line.spoken(line)) == line


@given(some.binary(max_size=300) | near)
def test_nothing_but_the_grammar_passes(data: bytes) -> None:
    found = root_line.read(data)
    assert isinstance(found, RootLine) is (allowed(data) and len(data) <= LINE_MOST)
    if isinstance(found, RootLine):
        assert root_line.spoken(found) == data
    else:
        assert found.isascii() and found.isprintable() and len(found) < 120


@given(near)
def test_a_command_has_only_fixed_words_and_checked_values(data: bytes) -> None:
    line = root_line.read(data)
    if isinstance(line, str):
        return
    values = {
        line.box,
        f"container@{line.box}.service",
        f"/nix/var/nix/profiles/per-container/{line.box}/system",
        line.path,
    }
    for step in root_line.steps(line):
        assert set(step.argv) <= FIXED | values and "" not in step.argv
        assert step.argv[0] in FIXED


@pytest.mark.parametrize(
    ("line", "argv"),
    [
        (("create", "alice", PATH), ["nixos-container create h-alice --system-path " + PATH]),
        (
            ("set-profile", "alice", PATH),
            ["nix-env --profile /nix/var/nix/profiles/per-container/h-alice/system --set " + PATH],
        ),
        (
            ("start", "manager"),
            [
                "systemctl --quiet reset-failed container@hm1nd.service",
                "systemctl --quiet start container@hm1nd.service",
            ],
        ),
        (("stop", "bob"), ["systemctl --quiet stop container@h-bob.service"]),
        (("destroy", "bob"), ["nixos-container destroy h-bob"]),
    ],
)
def test_each_verb_is_these_commands(line: tuple[str, ...], argv: list[str]) -> None:
    steps = root_line.steps(RootLine(*line), "/bin")
    assert [" ".join(step.argv) for step in steps] == [f"/bin/{words}" for words in argv]


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_line_is_refused_and_not_repeated(what: str) -> None:
    why = root_line.read(HOSTILE[what])
    assert isinstance(why, str) and why.isprintable() and len(why) < 120


@pytest.mark.parametrize("verb", VERBS)
def test_each_user_has_their_verbs_and_others_none(verb: str) -> None:
    line, hive, git = RootLine(verb, "alice", PATH if verb in WITH_PATH else ""), 11, 12
    said = {uid for uid in (0, 10, hive, git, 65534) if not root_line.why_not(line, uid, hive, git)}
    assert (
        said
        == {
            "create": {git},
            "set-profile": {git},
            "start": {hive, git},
            "stop": {hive, git},
            "destroy": {hive},
        }[verb]
    )


AT = root_line.Places("/s", "/r", "/d")


def test_a_box_gets_its_own_places_and_no_others() -> None:
    flags = (
        "--bind=/s/agents/alice/state:/state:rootidmap"
        " --bind=/s/agents/alice/claude:/root/.claude:rootidmap"
        " --bind=/s/shared:/shared:rootidmap --bind=/r/agents/alice/exec:/run/hive/exec:rootidmap"
        " --bind-ro=/r/agents/alice/mcp:/run/hive/mcp:rootidmap"
        " --bind-ro=/r/agents/alice/net:/run/hive/net:rootidmap"
    )
    expected = (
        f'PRIVATE_USERS=pick\nPRIVATE_NETWORK=1\nAUTO_START=0\nEXTRA_NSPAWN_FLAGS="{flags}"\n'
    )
    assert root_line.conf("alice", AT) == expected


def test_the_managers_box_reads_what_is_deployed_and_writes_what_is_proposed() -> None:
    text = root_line.conf("manager", AT)
    assert "--bind=/s/proposed:/proposed:rootidmap" in text
    for place in ("applied", "meta"):
        assert f"--bind-ro=/d/{place}:/{place}:rootidmap" in text


@pytest.mark.parametrize(
    "place", ["", "/", "s", "/a b", "/a:b", "/a/../b", '/a"', "/a\n", "/a/", "/$x"]
)
@pytest.mark.parametrize("which", ["state", "runtime", "deployed"])
def test_a_place_that_cannot_be_bound_is_refused(which: str, place: str) -> None:
    with pytest.raises(ValueError, match="no place to bind"):
        root_line.conf("alice", AT._replace(**{which: place}))
