"""What a flake.lock may hold: pinned, from the internet, as flake.nix says, all the way down."""

import copy
import hashlib
import json
from typing import Any

import pytest

from hivelib.model.flakes import Input
from hivelib.model.locks import faults_of_lock, lock_hash

PIN = {"lastModified": 1700000000, "narHash": "sha256-" + "A" * 43 + "=", "rev": "a" * 40}
INPUTS = {
    "lib": Input("lib", "github:owner/repo/main", overrides={"pkgs": "pkgs"}),
    "pkgs": Input("pkgs", "git+https://example.org/pkgs?ref=stable", flake=False),
    "same": Input("same", "", "lib/deep"),
}
LOCK: dict[str, Any] = {
    "nodes": {
        "lib": {
            "inputs": {"pkgs": ["pkgs"], "deep": "deep"},
            "original": {"type": "github", "owner": "owner", "repo": "repo", "ref": "main"},
            "locked": {"type": "github", "owner": "owner", "repo": "repo", **PIN},
        },
        "deep": {
            "original": {"type": "tarball", "url": "https://example.org/deep.tar.gz"},
            "locked": {"type": "tarball", "url": "https://cdn.example.org/deep-1.tar.gz", **PIN},
        },
        "pkgs": {
            "flake": False,
            "original": {"type": "git", "url": "https://example.org/pkgs", "ref": "stable"},
            "locked": {
                "type": "git",
                "url": "https://example.org/pkgs",
                "ref": "stable",
                "revCount": 7,
                **PIN,
            },
        },
        "root": {"inputs": {"lib": "lib", "pkgs": "pkgs", "same": ["lib", "deep"]}},
    },
    "root": "root",
    "version": 7,
}


def changed(path: str, value: object) -> str:
    """The good lock with one place changed, or removed (None)."""
    lock = copy.deepcopy(LOCK)
    *above, last = path.split("/")
    place = lock
    for name in above:
        place = place[name]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return json.dumps(lock)


def test_a_good_lock_is_fine_and_has_a_name() -> None:
    text = json.dumps(LOCK)
    assert faults_of_lock(text, INPUTS) == []
    assert lock_hash(text) == hashlib.sha256(text.encode()).hexdigest()


def test_without_inputs_there_need_be_no_lock() -> None:
    assert faults_of_lock("", {}) == [] and lock_hash("") == ""
    assert faults_of_lock('{"nodes": {"root": {}}, "root": "root", "version": 7}', {}) == []
    (fault,) = faults_of_lock("", INPUTS)
    assert "flake.lock is missing" in fault


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("version", 6, "version 7"),
        ("more", 1, "version 7"),
        ("root", "nobody", "no root node"),
        ("nodes", [], "no root node"),
        ("nodes/deep", [], "is no object"),
        ("nodes/deep/parent", [], "'parent' is not allowed"),
        ("nodes/root/locked", {}, "'locked' is not allowed"),
        ("nodes/deep/flake", 1, "true or false"),
        ("nodes/deep/locked/type", "path", "type 'path'"),
        ("nodes/deep/original/type", "path", "type 'path'"),
        ("nodes/deep/original/type", "indirect", "type 'indirect'"),
        ("nodes/deep/original/type", "file", "type 'file'"),
        ("nodes/deep/original/path", "/root", "'path', which is not allowed"),
        ("nodes/deep/locked", None, "locked is missing"),
        ("nodes/deep/original", None, "original is missing"),
        ("nodes/deep/locked/url", "file:///root/secret.tar.gz", "must be https"),
        ("nodes/deep/locked/url", "https://127.0.0.1/secret.tar.gz", "no public name"),
        ("nodes/deep/locked/narHash", None, "no narHash"),
        ("nodes/deep/locked/narHash", 5, "wrong form"),
        ("nodes/lib/locked/rev", None, "no rev"),
        ("nodes/lib/locked/rev", "main", "no rev"),
        ("nodes/lib/locked/lastModified", True, "wrong form"),
        ("nodes/lib/locked/host", "localhost", "'host', which is not allowed"),
        ("nodes/lib/locked/dir", "../x", "wrong form"),
        ("nodes/lib/locked/owner", "mallory", "another owner"),
        ("nodes/lib/locked/type", "gitlab", "another type"),
        ("nodes/lib/original/rev", "b" * 40, "another rev"),
        ("nodes/pkgs/locked/url", "https://example.org/other", "another url"),
        ("nodes/pkgs/locked/submodules", True, "'submodules', which is not allowed"),
        ("nodes/pkgs/original/url", "file:///var/lib/hyperhive/applied/bob", "must be https"),
        ("nodes/lib/inputs/deep", "nobody", "leads nowhere"),
        ("nodes/lib/inputs/deep", 5, "leads nowhere"),
        ("nodes/lib/inputs/deep", "root", "leads nowhere"),
        ("nodes/lib/inputs", [], "inputs is no object"),
        ("nodes/root/inputs/lib", None, "'lib' is not in flake.lock"),
        ("nodes/root/inputs/more", "deep", "'more' is not in flake.nix"),
        ("nodes/root/inputs/lib", "deep", "lib is not from github:owner/repo/main"),
        ("nodes/root/inputs/lib", ["pkgs"], "follows something there"),
        ("nodes/root/inputs/same", "deep", "does not follow lib/deep"),
        ("nodes/lib/original/ref", "other", "lib is not from github:owner/repo/main"),
        ("nodes/pkgs/flake", True, "a flake in one"),
        ("nodes/lib/inputs/pkgs", "deep", "lib/pkgs does not follow 'pkgs'"),
    ],
)
def test_a_lock_that_pins_nothing_or_something_else_is_refused(
    path: str, value: object, why: str
) -> None:
    found = faults_of_lock(changed(path, value), INPUTS)
    assert found and why in found[0], found


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"nodes": {}, "nodes": {}}', "[" * 100_000])
def test_what_is_no_lock_is_refused(text: str) -> None:
    assert faults_of_lock(text, INPUTS)


def test_a_lock_without_end_is_refused() -> None:
    lock = copy.deepcopy(LOCK)
    lock["nodes"] |= {f"n{number}": LOCK["nodes"]["deep"] for number in range(400)}
    (fault,) = faults_of_lock(json.dumps(lock), INPUTS)
    assert "300 are allowed" in fault
