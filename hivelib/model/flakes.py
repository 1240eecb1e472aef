"""The inputs of a flake.nix, read without evaluating anything, and what a flake.lock may hold.

`nix flake update` reads what an input names as whoever runs it: `path:` would copy a directory of the host into the
store that everybody reads (facts: measured, and no setting of nix stops it). So only what cannot name the host is let
through, and the text must be so plain that nix and this parser cannot read it differently.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from hivelib.model import sources

TEXT_MOST = 16 * 1024
"""Characters of a flake.nix: the time that the parser takes for what is no nix grows with their square (1 s here)."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_TOP = ("description", "inputs", "outputs")
_TWO_WAYS = {
    "''": "an indented string",
    "\\": "a backslash",
    "$$": "a double dollar",
    "${": "an interpolation",
}
"""Where readers of nix have differed, or what could be computed: none of it is needed in a module-only flake."""

Value = str | bool | dict[str, Any]


class Input(NamedTuple):
    """One input: where it comes from, or (`follows`) the input whose place it takes; `flake` false: plain files.

    `overrides` says which of the flake's own inputs follow one of ours (empty: are left out).
    """

    name: str
    url: str
    follows: str = ""
    flake: bool = True
    overrides: Mapping[str, str] = MappingProxyType({})


class Unplain(ValueError):
    """The text of a flake.nix is not plain enough; the message says where and what to do."""


def inputs_of(text: str) -> dict[str, Input]:
    """The inputs that a flake.nix declares, by name. Raises Unplain for everything that is not literal and allowed."""
    try:
        table = _table(text)
    except RecursionError:
        raise Unplain("its sets are nested without end; write them out") from None
    declared = table.get("inputs", {})
    if not isinstance(declared, dict):
        raise Unplain("inputs: must be a set { … }")
    found = {name: _input(name, value) for name, value in declared.items()}
    for name, one in found.items():
        for target in (one.follows, *one.overrides.values()):
            if target and target.split("/")[0] not in declared:
                raise Unplain(f"inputs.{name}: follows {target}, which is no input of this flake")
    return found


def _input(name: str, value: Value) -> Input:
    where = f"inputs.{name}"
    if not _NAME.fullmatch(name) or name == "self":
        raise Unplain(f"{where}: no name for an input; use letters, digits, - and _")
    if not isinstance(value, dict):
        raise Unplain(f"{where}: must be a set with a url; write {where}.url")
    for key in value:
        if key not in ("url", "follows", "flake", "inputs"):
            raise Unplain(f"{where}.{key}: not allowed; say all of it in the url")
    url, follows, flake = value.get("url", ""), value.get("follows", ""), value.get("flake", True)
    if not isinstance(url, str) or not isinstance(follows, str) or not isinstance(flake, bool):
        raise Unplain(f"{where}: url and follows are strings, flake is true or false")
    if bool(url) == bool(follows):
        raise Unplain(f"{where}: needs a url or follows, one of them; registry names are not used")
    if url and (why := sources.why_not_url(url)):
        raise Unplain(f"{where}.url: {why}")
    return Input(name, url, follows, flake, _overrides(where, value))


def _overrides(where: str, value: dict[str, Any]) -> dict[str, str]:
    inner = value.get("inputs", {})
    found = {}
    for name, one in inner.items() if isinstance(inner, dict) else [("", inner)]:
        follows = (
            one.get("follows") if isinstance(one, dict) and one.keys() == {"follows"} else None
        )
        if not isinstance(follows, str):
            raise Unplain(f"{where}.inputs: only NAME.follows is allowed there")
        found[name] = follows
    return found


def _table(text: str) -> dict[str, Value]:
    """The set that a flake.nix is, with `outputs` left out: it is evaluated by nix, in a sandbox of its own."""
    import tree_sitter_nix
    from tree_sitter import Language, Parser

    _look_plain(text)
    tree = Parser(Language(tree_sitter_nix.language())).parse(text.encode())
    root = tree.root_node
    if root.has_error:
        raise Unplain("it is no valid nix; `nix-instantiate --parse flake.nix` says where")
    parts = [node for node in root.named_children if node.type != "comment"]
    if len(parts) != 1 or parts[0].type != "attrset_expression":
        raise Unplain("it must be one plain set { … }, neither rec nor computed")
    table: dict[str, Value] = {}
    for path, node in _bindings(parts[0]):
        if path[0] not in _TOP:
            raise Unplain(f"{path[0]}: not allowed; a flake here has {', '.join(_TOP)}")
        if path[0] == "outputs":
            _put(table, path, "")
        else:
            _put(table, path, _literal(node, ".".join(path)))
    return table


def _look_plain(text: str) -> None:
    if len(text) > TEXT_MOST:
        raise Unplain(f"it has over {TEXT_MOST} characters; put what needs them into agent.nix")
    for number, line in enumerate(text.split("\n"), 1):
        if "\ufffd" in line or not line.replace("\t", "").isprintable():
            # A carriage return, for one, ends a comment for nix and for nobody else.
            raise Unplain(f"line {number}: has control or invisible characters; remove them")
        for part, name in _TWO_WAYS.items():
            if part in line:
                raise Unplain(f"line {number}: has {name}; put what needs it into agent.nix")
        if re.search(r"\S/\*", line):
            raise Unplain(
                f"line {number}: a comment right behind something else; put a blank before it"
            )


def _bindings(node: Any) -> Iterator[tuple[list[str], Any]]:
    """Each attribute path of a set with the node of its value."""
    for part in node.named_children:
        if part.type == "comment":
            continue
        if part.type != "binding_set":
            raise Unplain(f"line {_line(part)}: must be plain names and values")
        for binding in part.named_children:
            if binding.type == "comment":
                continue
            if binding.type != "binding":
                raise Unplain(f"line {_line(binding)}: {binding.type} is not allowed; write it out")
            path, *values = [one for one in binding.named_children if one.type != "comment"]
            yield [_word(one) for one in path.named_children if one.type != "comment"], values[0]


def _word(node: Any) -> str:
    if node.type == "identifier":
        return str(node.text.decode())
    if node.type == "string_expression":
        return _string(node)
    raise Unplain(f"line {_line(node)}: a computed name is not allowed; write it out")


def _string(node: Any) -> str:
    parts = node.named_children
    if any(one.type != "string_fragment" for one in parts):
        raise Unplain(f"line {_line(node)}: a computed string is not allowed; write it out")
    return "".join(one.text.decode() for one in parts)


def _literal(node: Any, where: str) -> Value:
    if node.type == "string_expression":
        return _string(node)
    if node.type == "variable_expression" and node.text in (b"true", b"false"):
        return bool(node.text == b"true")
    if node.type == "attrset_expression":
        table: dict[str, Value] = {}
        for path, value in _bindings(node):
            _put(table, path, _literal(value, f"{where}.{'.'.join(path)}"))
        return table
    raise Unplain(f'{where}: must be a literal "…", true, false or {{ … }}, nothing computed')


def _put(table: dict[str, Any], path: list[str], value: Value) -> None:
    """Puts a value at a path as nix does: sets written in parts are one; anything said twice is refused."""
    *above, last = path
    for name in above:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise Unplain(f"{'.'.join(path)}: said twice; say it once")
    if isinstance(value, dict) and isinstance(table.get(last), dict):
        for name, inner in value.items():
            _put(table[last], [name], inner)
    elif last in table:
        raise Unplain(f"{'.'.join(path)}: said twice; say it once")
    else:
        table[last] = value


def _line(node: Any) -> int:
    return int(node.start_point[0]) + 1
