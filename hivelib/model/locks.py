"""What a flake.lock may hold: every node pinned, from where an input may come, and as flake.nix says."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from hivelib.model.flakes import Input
from hivelib.model.sources import original_of, why_not_https

NODES_MOST = 300

_VERSION = 7
_FORGES = ("github", "gitlab", "sourcehut")
_HASH = re.compile(r"sha256-[A-Za-z0-9+/]{43}=")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_WORD = re.compile(r"[A-Za-z0-9_~][A-Za-z0-9._~+/-]*")
_FIELDS = {
    **{forge: {"type", "owner", "repo", "ref", "rev", "dir"} for forge in _FORGES},
    "git": {"type", "url", "ref", "rev", "dir"},
    "tarball": {"type", "url", "rev"},
}
_LOCKED = {"narHash", "lastModified", "revCount"}


def lock_hash(text: str) -> str:
    """What a decision names a flake.lock by: the SHA-256 of its text in hex; empty for none."""
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def faults_of_lock(text: str, inputs: Mapping[str, Input]) -> list[str]:
    """Why a flake.lock (empty: there is none) may not stand beside a flake.nix with these inputs, a line each."""
    if not text:
        return ["flake.lock is missing; `nix flake lock` writes it"] if inputs else []
    try:
        data = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        return [f"flake.lock: this is no JSON: {error}"]
    if (
        not isinstance(data, dict)
        or data.get("version") != _VERSION
        or data.keys() != {"nodes", "root", "version"}
    ):
        return [
            f"flake.lock: must have nodes, root and version {_VERSION}; write it anew with `nix flake lock`"
        ]
    nodes, root = data["nodes"], data["root"]
    if (
        not isinstance(nodes, dict)
        or not isinstance(root, str)
        or not isinstance(nodes.get(root), dict)
    ):
        return ["flake.lock: has no root node; write it anew with `nix flake lock`"]
    if len(nodes) > NODES_MOST:
        return [
            f"flake.lock: has {len(nodes)} nodes, {NODES_MOST} are allowed; let inputs follow each other"
        ]
    found = [
        f"flake.lock: {fault}"
        for name, node in nodes.items()
        for fault in _of_node(name, node, nodes, root)
    ]
    return found or [f"flake.lock: {fault}" for fault in _mismatches(nodes, root, inputs)]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key stands there twice")
    return table


def _of_node(name: str, node: Any, nodes: Mapping[str, Any], root: str) -> Iterator[str]:
    where = f"node {name[:60]!r}"
    if not isinstance(node, dict):
        yield f"{where} is no object"
        return
    allowed = {"inputs"} if name == root else {"inputs", "locked", "original", "flake"}
    for key in sorted(node.keys() - allowed):
        yield f"{where}: {key[:40]!r} is not allowed; such an input names files of this machine or is unknown"
    yield from _of_inputs(where, node.get("inputs", {}), nodes, root)
    if name == root:
        return
    if not isinstance(node.get("flake", True), bool):
        yield f"{where}: flake must be true or false"
    for part in ("original", "locked"):
        if why := _why_not_source(node.get(part), pinned=part == "locked"):
            yield f"{where}: {part} {why}"
            return
    if why := _why_not_pair(node["original"], node["locked"]):
        yield f"{where}: {why}"


def _of_inputs(where: str, inputs: Any, nodes: Mapping[str, Any], root: str) -> Iterator[str]:
    if not isinstance(inputs, dict):
        yield f"{where}: inputs is no object"
        return
    for name, target in inputs.items():
        by_path = isinstance(target, list) and all(isinstance(one, str) for one in target)
        by_name = isinstance(target, str) and target in nodes and target != root
        if not by_name and not by_path:
            yield f"{where}: its input {name[:60]!r} leads nowhere"


def _why_not_source(source: Any, *, pinned: bool) -> str | None:
    if not isinstance(source, dict):
        return "is missing"
    kind = source.get("type")
    if kind not in _FIELDS:
        return f"has type {str(kind)[:20]!r}, which may name what it likes; allowed: {', '.join(_FIELDS)}"
    for key, value in source.items():
        if key not in _FIELDS[kind] and not (pinned and key in _LOCKED):
            return f"has {key[:40]!r}, which is not allowed for {kind}"
        if not _has_form(key, value):
            return f"has a {key} of the wrong form"
    return _why_not_place(kind, source) or (_why_not_pin(kind, source) if pinned else None)


def _has_form(key: str, value: Any) -> bool:
    if key in ("lastModified", "revCount"):
        return type(value) is int
    return isinstance(value, str) and bool(value) and ".." not in value


def _why_not_place(kind: str, source: Mapping[str, Any]) -> str | None:
    if kind in _FORGES:
        if not all(_WORD.fullmatch(source.get(one, "")) for one in ("owner", "repo")):
            return "names no owner and repo"
    elif why := why_not_https(source.get("url", "")):
        return f"url: {why}"
    return None


def _why_not_pin(kind: str, source: Mapping[str, Any]) -> str | None:
    if not _HASH.fullmatch(source.get("narHash", "")):
        return "has no narHash, so it pins nothing"
    if kind != "tarball" and not _COMMIT.fullmatch(source.get("rev", "")):
        return "has no rev, so it pins nothing"
    return None


def _why_not_pair(original: Mapping[str, str], locked: Mapping[str, str]) -> str | None:
    """Why a pin may not stand for what it is to pin. An archive may have been redirected, a repository not."""
    for key in ("type", "owner", "repo", *(("url",) if original["type"] == "git" else ())):
        if str(original.get(key)).lower() != str(locked.get(key)).lower():
            return f"is locked to another {key} than it names"
    if original.get("rev", locked.get("rev")) != locked.get("rev"):
        return "is locked to another rev than it names"
    return None


def _mismatches(nodes: Mapping[str, Any], root: str, inputs: Mapping[str, Input]) -> Iterator[str]:
    locked = nodes[root].get("inputs", {})
    anew = "`nix flake lock` brings it up to date"
    for name in sorted(inputs.keys() ^ locked.keys()):
        where = "flake.nix" if name in locked else "flake.lock"
        yield f"the input {name[:60]!r} is not in {where}; {anew}"
    for name in sorted(inputs.keys() & locked.keys()):
        wanted, target = inputs[name], locked[name]
        if wanted.follows:
            if target != wanted.follows.split("/"):
                yield f"the input {name} does not follow {wanted.follows} there; {anew}"
        elif isinstance(target, list):
            yield f"the input {name} follows something there, but not in flake.nix; {anew}"
        elif nodes[target]["original"] != original_of(wanted.url):
            yield f"the input {name} is not from {wanted.url} there; {anew}"
        elif nodes[target].get("flake", True) != wanted.flake:
            yield f"the input {name} is a flake in one and none in the other; {anew}"
        else:
            there = nodes[target].get("inputs", {})
            for inner, follows in wanted.overrides.items():
                if there.get(inner) != (follows.split("/") if follows else []):
                    yield f"the input {name}/{inner} does not follow {follows!r} there; {anew}"
