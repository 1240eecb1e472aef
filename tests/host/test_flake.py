"""The flake that declares the agents, its lock, and what nix is asked to do: by a nix that only looks at its argv."""

import json
from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_nix

from hivelib.base.errors import HiveError
from hivelib.host import flake
from hivelib.model.settings import Settings

SETTINGS = Settings(state_dir="/srv/hive")
A, B = "a" * 40, "b" * 40


def parses(text: str) -> bool:
    """Whether a text is Nix."""
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_nix.language()))
    return not parser.parse(text.encode()).root_node.has_error


@pytest.mark.parametrize("hyperhive", ["", "github:owner/hyperhive", 'path:/a"b${c}\\'])
@pytest.mark.parametrize("names", [[], ["manager"], ["bob", "manager", "a-1"]])
def test_the_flake_is_nix_and_says_the_same_whatever_the_order(
    names: list[str], hyperhive: str
) -> None:
    text = flake.text(SETTINGS, names, hyperhive)
    assert parses(text), text
    assert flake.text(SETTINGS, names[::-1], hyperhive) == text
    for name in names:
        wanted = f'agent-{name}.url = "git+file:///srv/hive/applied/{name}?ref=main";'
        assert wanted in text
    assert not parses(text[:-3])


def test_each_agent_is_a_system_that_is_handed_its_inputs() -> None:
    text = flake.text(SETTINGS, ["bob", "manager"], "github:owner/hyperhive")
    assert 'bob = agent "bob" "agent";' in text
    assert 'manager = agent "manager" "manager";' in text
    assert "specialArgs.flakeInputs = config.inputs;" in text


def test_a_lock_is_the_same_by_whatever_way_it_came_about() -> None:
    one = flake.locked(SETTINGS, flake.locked(SETTINGS, "", "alice", A), "bob", B)
    other = flake.locked(SETTINGS, "", "bob", A)
    other = flake.locked(SETTINGS, flake.locked(SETTINGS, other, "alice", A), "bob", B)
    assert one == other
    assert flake.agents_of(one) == {"alice": A, "bob": B}
    assert flake.unlocked(one, "bob") == flake.locked(SETTINGS, "", "alice", A)
    assert flake.unlocked(one, "carol") == one


def test_the_lock_has_nixs_own_form() -> None:
    lock = json.loads(flake.locked(SETTINGS, "", "alice", A))
    plain = {"type": "git", "ref": "main", "url": "file:///srv/hive/applied/alice"}
    assert lock == {
        "nodes": {
            "agent-alice": {"locked": {**plain, "rev": A}, "original": plain},
            "root": {"inputs": {"agent-alice": "agent-alice"}},
        },
        "root": "root",
        "version": 7,
    }
    empty = flake.unlocked(json.dumps(lock), "alice")
    assert json.loads(empty)["nodes"] == {"root": {"inputs": {}}}
    assert flake.agents_of(empty) == {}


def test_what_only_a_removed_agent_needed_goes_with_it() -> None:
    lock = json.loads(flake.locked(SETTINGS, flake.locked(SETTINGS, "", "alice", A), "bob", B))
    nodes = lock["nodes"]
    nodes["agent-alice"]["inputs"] = {"mine": "mine", "ours": "ours", "like": ["agent-bob", "ours"]}
    nodes["agent-bob"]["inputs"] = {"ours": "ours"}
    nodes |= {"mine": {}, "ours": {"inputs": {"mine": "deep"}}, "deep": {}}
    left = json.loads(flake.unlocked(json.dumps(lock), "alice"))["nodes"]
    assert left.keys() == {"root", "agent-bob", "ours", "deep"}
    assert left["agent-bob"] == nodes["agent-bob"]


@pytest.mark.parametrize("text", ["x", "[]", "{}", '{"nodes": {}, "root": "root"}', "null"])
def test_what_is_no_lock_is_said(text: str) -> None:
    with pytest.raises(HiveError, match=r"flake\.lock cannot be read"):
        flake.agents_of(text)


CHECKS = """#!/usr/bin/python3 -IS
import json, sys
words = sys.argv[1:]
careful = ["--extra-experimental-features", "nix-command flakes",
    "--option", "allow-import-from-derivation", "false", "--option", "accept-flake-config", "false"]
assert words[:8] == careful, words
place = "{place}"
if words[8] == "flake":
    proposal = "git+file:///srv/hive/applied/bob?rev={commit}&allRefs=1"
    assert words[9:] == ["update", "agent-bob", "--flake", "path:" + place, "--override-input", "agent-bob",
        proposal, "--output-lock-file", place + "/nix.lock"], words
    node = {{"rev": "{commit}", "narHash": "sha256-x", "type": "git", "url": "file:///srv/hive/applied/bob"}}
    nodes = {{"x": {{"locked": dict(node), "original": node}}, "root": {{"inputs": {{"agent-bob": "x"}}}}}}
    json.dump({{"nodes": nodes, "root": "root", "version": 7}}, open(words[-1], "w"))
else:
    assert words[8:] == ["build", "--no-link", "--print-out-paths", "--reference-lock-file", place + "/flake.lock",
        "--no-write-lock-file", "path:" + place + "#nixosConfigurations.bob.config.system.build.toplevel"], words
    print("/nix/store/0-system")
"""


@pytest.fixture
def nix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a flake; the first program on PATH is a nix that fails when it is not called as it should be."""
    place = tmp_path / "candidate"
    place.mkdir()
    (tmp_path / "nix").write_text(CHECKS.format(place=place, commit=A))
    (tmp_path / "nix").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return place


def test_nix_locks_a_proposal_into_a_file_beside(nix: Path) -> None:
    lock = json.loads(flake.update(SETTINGS, str(nix), "bob", A))
    node = lock["nodes"]["x"]
    assert node["locked"]["ref"] == node["original"]["ref"] == "main"
    assert node["locked"]["rev"] == A and node["locked"]["narHash"] == "sha256-x"
    assert "rev" not in node["original"]
    assert flake.agents_of(json.dumps(lock)) == {"bob": A}
    assert list(nix.iterdir()) == []


def test_nix_builds_what_the_candidate_says(nix: Path) -> None:
    assert flake.build(str(nix), "bob") == "/nix/store/0-system"


def test_what_nix_says_is_the_reason(nix: Path) -> None:
    with pytest.raises(HiveError, match="AssertionError"):
        flake.build(str(nix), "alice")
