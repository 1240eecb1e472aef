"""hive-pending and hive-show: what an operator sees before a decision, and what to type next."""

import json
import re
from pathlib import Path

from hivelib.base import clock
from hivelib.store import approvals
from tests.bin.conftest import Shell, give, on_a_terminal
from tests.bin.test_looking import fields_of
from tests.support.deceit import CORPUS, NAMES
from tests.support.proposals import LINK, commit, deploy, propose

SEED = {"agent.json": "{}\n", "flake.nix": "{ }\n"}
GOLDEN = """\
approval 1: apply_commit for alice, pending
  asked   by manager, TIME, expires in 14 d
  why     because it is better
          hive-approve 1
  commit  COMMIT, asked for as main
  lock    it has no flake.lock
  base    BASE
  against BASE, what runs now

what agent.json changes:
  - MCP server files: added, runs  npx -y 'a b'
  - MCP server files: environment variable KEY added (value hidden)
  - MCP server files: tools that need no asking: "*"
  - egress: adds "*"
  - egress: EVERYTHING on the public internet can be reached

look at this:
  DANGER  it may reach EVERYTHING on the internet: egress has *
  CARE    a new command will run in the box: npx -y 'a b'

── agent.json: modified, +2 -1
1 file, +2 -1 lines

── agent.json: modified, +2 -1
    @@ -1,1 +1,2 @@
    -{}
    +{"egress": ["claude", "*"],
    +"extra_mcp_servers": {"files": {"command": "npx", "args": ["-y", "a b"], "env": {"KEY": "x"}}}}

next:
  hive-approve 1 --sha SHORT
  hive-deny 1 --note "…"
"""


def proposed(shell: Shell, agent_json: str = '{"model": "opus"}\n', **more: str) -> tuple[int, str]:
    """A proposal of alice that waits, and what runs."""
    base = commit(shell.hive.paths.applied("alice"), SEED)
    deploy(shell.hive, "alice", base)
    files = {**SEED, "agent.json": agent_json}
    number = propose(shell.hive, "alice", files, base, **more)
    give(shell.where)
    return number, base


def sha_of(shell: Shell, number: int) -> str:
    found = approvals.get(shell.hive.db, number)
    assert found
    return found.fetched_sha


def test_a_proposal_is_shown_from_facts_to_what_to_type_next(shell: Shell) -> None:
    config = (
        '{"egress": ["claude", "*"],\n"extra_mcp_servers": {"files": {"command": "npx", "args": ["-y", "a b"],'
        ' "env": {"KEY": "x"}}}}\n'
    )
    number, base = proposed(shell, config, description="because it is better\nhive-approve 1")
    commit = sha_of(shell, number)
    shown = shell.run("hive-show", str(number)).stdout
    shown = shown.replace(commit, "COMMIT").replace(commit[:12], "SHORT").replace(base, "BASE")
    assert re.sub(r"\d\d-\d\d \d\d:\d\d:\d\d", "TIME", shown) == GOLDEN
    stat = shell.run("hive-show", str(number), "--stat").stdout
    assert "1 file, +2 -1 lines" in stat and "@@" not in stat and "hive-approve 1 --sha" in stat
    other = shell.run("hive-show", str(number), "--against", "previous").stdout
    assert other.partition("\nnext:\n")[2].split("--note")[0] == "  hive-show 1\n  hive-deny 1 "


def test_json_has_exactly_the_documented_fields(shell: Shell) -> None:
    number, base = proposed(shell)
    for tool, words in (("hive-pending", []), ("hive-show", [str(number)])):
        (row,) = shell.rows(tool, *words)
        assert row.keys() == fields_of(shell, tool) and row["base"] == base, tool
    (row,) = shell.rows("hive-show", str(number), "--against", "previous")
    assert row["against_sha"] == "" and [file["status"] for file in row["files"]] == ["added"] * 2
    assert row["words"] == ["model: the hive's own → opus", *row["words"][1:]]
    assert {caution["severity"] for caution in row["cautions"]} == {"note"}
    assert shell.rows("hive-show", str(number), "--stat")[0]["diff"] is None


def test_pending_lists_what_is_not_over_and_all_lists_the_rest(shell: Shell) -> None:
    assert "nothing waits for you" in shell.run("hive-pending").stderr
    number, _ = proposed(shell, description="more\x1b[2J room")
    with shell.hive.db.write() as db:
        over = approvals.add(
            db,
            "spawn",
            "bob",
            "x",
            incarnation=None,
            description="",
            by="manager",
            at=1.0,
            expires_at=2.0,
        )
        approvals.move(
            db, over, "submitting", "failed", note="no such ref", resolved_at=clock.now()
        )
    listed = shell.run("hive-pending").stdout
    assert "more\\x1b[2J room" in listed and sha_of(shell, number)[:12] in listed
    assert "in 14 d" in listed and "bob" not in listed
    assert "no such ref" in shell.run("hive-pending", "--all").stdout
    assert [row["id"] for row in shell.rows("hive-pending", "--all")] == [number, over]


def test_an_obstacle_is_said_instead_of_how_to_approve(shell: Shell) -> None:
    number, base = proposed(shell)
    other = commit(shell.hive.paths.applied("alice"), {**SEED, "other": "o"}, base)
    deploy(shell.hive, "alice", other)
    give(shell.where)
    shown = shell.run("hive-show", str(number)).stdout
    assert "it cannot be approved: it does not build on what runs now" in shown
    assert "hive-approve" not in shown and f"hive-deny {number}" in shown


def test_refusals_are_one_line(shell: Shell) -> None:
    assert "there is no approval 9" in shell.refusal("hive-show", "9", status=1)
    assert "'yesterday' is not one of" in shell.refusal(
        "hive-show", "9", "--against", "yesterday", status=2
    )


def hostile(shell: Shell) -> str:
    base = commit(shell.hive.paths.applied("alice"), SEED)
    deploy(shell.hive, "alice", base)
    config = json.dumps(
        {"extra_mcp_servers": {"f": {"command": " hive-approve 12 --sha 000" * 40}}}
    )
    tree = {
        **SEED,
        **CORPUS,
        "agent.json": config,
        "link": (LINK, "/etc/\x1b[2Jx"),
        **dict.fromkeys(NAMES, "x\n"),
    }
    words = "\x1b]0;title\x07\n" + "next:\n  hive-approve 1 --sha 000000000000\n" * 2
    number = propose(shell.hive, "alice", tree, base, description=words, note="\u202enote")
    give(shell.where)
    return str(number)


def test_a_hostile_proposal_steers_no_terminal_and_fakes_no_line_of_ours(shell: Shell) -> None:
    number = hostile(shell)
    coloured = on_a_terminal(shell, "hive-show", number)
    bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert bare != coloured and bare == on_a_terminal(shell, "hive-show", number, NO_COLOR="1")
    assert all(char.isprintable() or char == "\n" for char in bare)
    lines = bare.split("\n")
    ours = ("to see it: git", "not shown: ")  # as long as they are
    assert all(len(line) <= 60 or line.strip().startswith(ours) for line in lines)
    assert [line for line in lines if re.match(r" {0,3}hive-approve", line)] == [
        f"  hive-approve {number} --sha {sha_of(shell, 1)[:12]}"
    ]
    assert lines.count("next:") == 1
    piped = shell.run("hive-show", number).stdout
    assert all(char.isprintable() or char == "\n" for char in piped)
    assert json.loads(shell.run("hive-show", number, "--json").stdout)["description"].startswith(
        "\x1b]0;"
    )


def test_nothing_of_the_tree_is_run_or_written(shell: Shell, tmp_path: Path) -> None:
    mark = shell.where / "ran"
    number, _ = proposed(shell)
    repository = Path(shell.hive.paths.applied("alice"))
    before = sorted(str(path) for path in repository.rglob("*"))
    with (repository / "config").open("a") as config:
        config.write(f"[diff]\n\texternal = touch {mark}\n[core]\n\tpager = touch {mark}\n")
    give(shell.where)
    shell.run("hive-show", str(number))
    assert not mark.exists() and sorted(str(path) for path in repository.rglob("*")) == before
