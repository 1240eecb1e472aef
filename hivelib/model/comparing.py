"""What a change of agent.json means, in words, and what of a proposal nobody should overlook.

The words are made of what an agent wrote: whoever shows them makes them safe. Values of environment variables are not
among them, for there may be keys.
"""

import json
import shlex
from typing import Any, NamedTuple

from hivelib.model import egress

DANGER, CARE, NOTE = "danger", "care", "note"
"""How much a caution matters: it opens a wall, it needs a look, it is good to know."""

_STEERING = frozenset(
    (
        *(
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "LD_AUDIT",
            "PATH",
            "BASH_ENV",
            "ENV",
            "GIT_SSH_COMMAND",
        ),
        *(
            "NODE_OPTIONS",
            "NODE_EXTRA_CA_CERTS",
            "PYTHONPATH",
            "PYTHONSTARTUP",
            "PERL5OPT",
            "RUBYOPT",
        ),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "ANTHROPIC_BASE_URL"),
    )
)
"""Environment variables that make a program run, load or reach something else than its command says."""


class Caution(NamedTuple):
    """Something that must not be overlooked; `severity` is danger, care or note."""

    severity: str
    words: str


class Meaning(NamedTuple):
    """What a change means: a line for each thing that changes, and the cautions."""

    words: tuple[str, ...]
    cautions: tuple[Caution, ...]


def meaning(old: str | None, new: str | None) -> Meaning:
    """What the change from one text of agent.json to another means; None: there is no such file, all is default."""
    before, faults = _read(old)
    words, cautions = [], []
    if faults:
        words.append(f"agent.json as it was is not valid ({'; '.join(faults)}): compared with none")
        before = {}
    after, faults = _read(new)
    if faults:
        words += [f"agent.json is not valid: {fault}" for fault in faults]
        cautions.append(Caution(DANGER, "agent.json is not valid: what it means is not said here"))
        return Meaning(tuple(words), tuple(cautions))
    if new is None:
        words.append("there is no agent.json: everything is as the hive has it by default")
    first = old is None
    for part in (_model, _servers, _recipients, _shell, _way_out, _numbers):
        more, warned = part(before, after, first)
        words += more
        cautions += warned
    if not words:
        words.append("agent.json means the same as before")
    return Meaning(tuple(words), tuple(cautions))


_Told = tuple[list[str], list[Caution]]


def _read(text: str | None) -> tuple[dict[str, Any], list[str]]:
    """The settings in a text, and what is wrong with it."""
    if text is None:
        return {}, []
    if any("\ud800" <= char <= "\udfff" for char in text):
        return {}, ["it is not valid UTF-8"]
    from hivelib.model.checking import faults_of_agent  # pydantic: only who compares pays it

    if faults := faults_of_agent(text):
        return {}, faults
    twice: list[str] = []

    def paired(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice.extend(sorted({name for name in names if names.count(name) > 1}))
        return dict(pairs)

    found = json.loads(text, object_pairs_hook=paired)
    return found, [f"{name} is there twice: two readers may read two things" for name in twice]


def _model(before: dict[str, Any], after: dict[str, Any], _: bool) -> _Told:
    old, new = (one.get("model") or "the hive's own" for one in (before, after))
    return ([f"model: {old} → {new}"] if old != new else []), []


def _servers(before: dict[str, Any], after: dict[str, Any], _: bool) -> _Told:
    old, new = (one.get("extra_mcp_servers", {}) for one in (before, after))
    words: list[str] = []
    cautions: list[Caution] = []
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            words.append(f"MCP server {name}: removed")
            continue
        told, warned = _server(name, old.get(name), new[name])
        words += told
        cautions += warned
    return words, cautions


def _server(name: str, old: dict[str, Any] | None, new: dict[str, Any]) -> _Told:
    """What is said of one MCP server that is there afterwards."""
    words: list[str] = []
    cautions: list[Caution] = []
    was = old or {}
    if _command(was) != _command(new):
        words.append(f"MCP server {name}: {'runs' if old else 'added, runs'}  {_command(new)}")
        if old:
            words.append(f"MCP server {name}: ran  {_command(old)}")
        cautions.append(Caution(CARE, f"a new command will run in the box: {_command(new)}"))
    names, had = new.get("env", {}), was.get("env", {})
    for variable in sorted(names.keys() | had.keys()):
        change = _environment(variable, had, names)
        if change:
            words.append(f"MCP server {name}: environment variable {change}")
        if change and variable in names and variable.upper() in _STEERING:
            cautions.append(
                Caution(
                    CARE,
                    f"MCP server {name} sets {variable}, which changes what else runs or is reached",
                )
            )
    tools, could = (one.get("allowedTools", ["*"]) for one in (new, was))
    if old is None or tools != could:
        words.append(f"MCP server {name}: tools that need no asking: {_listed(tools) or 'none'}")
    return words, cautions


def _command(server: dict[str, Any]) -> str:
    return shlex.join([server["command"], *server.get("args", [])]) if server.get("command") else ""


def _environment(name: str, old: dict[str, str], new: dict[str, str]) -> str:
    if name not in old:
        return f"{name} added (value hidden)"
    if name not in new:
        return f"{name} removed"
    return f"{name}: value changed (hidden)" if old[name] != new[name] else ""


def _recipients(before: dict[str, Any], after: dict[str, Any], first: bool) -> _Told:
    old, new = (one.get("allowed_recipients", []) for one in (before, after))
    words = _changed("recipients", old, new)
    if new or not (old or first):
        return words, []
    severity = DANGER if old else NOTE
    return [*words, "recipients: EVERYBODY, there is no list"], [
        Caution(severity, "it may write to EVERYBODY: the list of recipients is empty")
    ]


def _shell(before: dict[str, Any], after: dict[str, Any], first: bool) -> _Told:
    old, new = (one.get("bash_patterns", []) for one in (before, after))
    words = _changed("shell patterns", old, new)
    was_open, is_open = _all_of_bash(old), _all_of_bash(new)
    if not is_open or (was_open and not first):
        return words, []
    why = "the list of shell patterns is empty" if not new else "a shell pattern fits everything"
    severity = NOTE if first else DANGER
    return [*words, f"shell: ALL of Bash is allowed, {why}"], [
        Caution(severity, f"ALL of Bash is allowed without asking: {why}")
    ]


def _all_of_bash(patterns: list[str]) -> bool:
    return not patterns or any(not pattern.strip(" :*") for pattern in patterns)


def _way_out(before: dict[str, Any], after: dict[str, Any], _: bool) -> _Told:
    old, new = (one.get("egress", list(egress.DEFAULT)) for one in (before, after))
    words = _changed("egress", old, new)
    cautions: list[Caution] = []
    if not new and old:
        words.append("egress: closed, nothing can be reached, not even the model's API")
    for entry in egress.parse_entries(entry for entry in new if entry not in old):
        if entry.kind == "all":
            words.append("egress: EVERYTHING on the public internet can be reached")
            cautions.append(
                Caution(DANGER, "it may reach EVERYTHING on the internet: egress has *")
            )
        elif entry.kind == "address":
            cautions.append(
                Caution(CARE, f"egress to the address {entry.host}, which may be a private one")
            )
        elif entry.kind == "below":
            cautions.append(Caution(CARE, f"egress to every host below {entry.host}"))
    return words, cautions


def _numbers(before: dict[str, Any], after: dict[str, Any], _: bool) -> _Told:
    words = []
    for part in ("limits", "budgets"):
        old, new = before.get(part, {}), after.get(part, {})
        for name in sorted(old.keys() | new.keys()):
            was, now = (json.dumps(one[name]) if name in one else "none" for one in (old, new))
            if was != now:
                words.append(f"{part}: {name}: {was} → {now}")
    gone = sorted(before.get("budgets", {}).keys() - after.get("budgets", {}).keys())
    return words, [Caution(CARE, f"the budget {name} is gone") for name in gone]


def _changed(what: str, old: list[str], new: list[str]) -> list[str]:
    """Which entries a list gained and lost, a line each."""
    gained = [entry for entry in new if entry not in old]
    lost = [entry for entry in old if entry not in new]
    words = [f"{what}: adds {_listed(gained)}"] if gained else []
    return [*words, f"{what}: drops {_listed(lost)}"] if lost else words


def _listed(entries: list[str]) -> str:
    return ", ".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
