"""Trees and objects that a proposal may not have: each real, each refused in words."""

import io
import json
import os

import pytest

from hivelib.flow import inspecting
from tests.support import proposing
from tests.support.proposing import Repository, holds, refused

BAD_NAMES = {
    b"esc\x1b[2Jape": "control, bidirectional or invisible",
    b"line\nbreak": "control, bidirectional or invisible",
    "gpj.\u202eexe".encode(): "control, bidirectional or invisible",
    "zero\u200bwidth": "control, bidirectional or invisible",
    b"no\xff\xfeutf8": "not valid UTF-8",
    b"blank ": "begins or ends with a blank",
}


@pytest.mark.parametrize("name", BAD_NAMES, ids=repr)
def test_a_name_that_deceives_is_refused_and_made_visible(
    repository: Repository, name: bytes | str
) -> None:
    why, data = BAD_NAMES[name], name.encode() if isinstance(name, str) else name
    blob = repository.object("blob", b"text").encode()
    repository.commit_of_tree(b"100644 blob " + blob + b"\t" + data + b"\0")
    refused(repository, why, "rename it")


@pytest.mark.parametrize("name", [b"..", b".", b".git", b".GIT", b"a/b", b"git~1"])
def test_a_name_that_leads_elsewhere_does_not_pass_the_checks(
    repository: Repository, name: bytes
) -> None:
    blob = bytes.fromhex(repository.object("blob", b"text"))
    tree = repository.object("tree", b"100644 " + name + b"\0" + blob)
    who = b"a <a@b> 1700000000 +0000"
    data = b"tree " + tree.encode() + b"\nauthor " + who + b"\ncommitter " + who + b"\n\nx\n"
    refused(
        repository, "its objects do not pass git's checks", ref=repository.object("commit", data)
    )


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("out", "../secret"),
        ("out", "/etc/passwd"),
        ("deep/out", "../../secret"),
        ("out", "deep/../../secret"),
        ("out", "deep/link/../../secret"),
        ("out", ".git/config"),
    ],
)
def test_a_link_that_leaves_the_tree_is_refused(
    repository: Repository, path: str, target: str
) -> None:
    (repository.tree / path).parent.mkdir(exist_ok=True)
    (repository.tree / path).symlink_to(target)
    repository.commit()
    refused(repository, f"{path}: a link")


def test_a_link_within_the_tree_is_fine(repository: Repository) -> None:
    (repository.tree / "deep").mkdir()
    (repository.tree / "deep/agent.json").symlink_to("../agent.json")
    commit = repository.commit()
    assert repository.look().answer["commit"] == commit


@pytest.mark.parametrize("name", ["flake.nix", "agent.json", "flake.lock"])
def test_what_the_hive_reads_is_a_plain_file(repository: Repository, name: str) -> None:
    repository.write({"other": "{}"})
    (repository.tree / name).unlink(missing_ok=True)
    (repository.tree / name).symlink_to("other")
    repository.commit()
    refused(repository, f"{name}: must be a plain file")


def test_submodules_are_refused(repository: Repository) -> None:
    other = proposing.repository(repository.above / "elsewhere")
    row = f"160000 commit {other.run('rev-parse', 'HEAD')}\tmodule\0".encode()
    repository.commit_of_tree(row)
    refused(repository, "module: a submodule, which is not fetched")
    repository.run("reset", "--quiet", "--hard", "HEAD~1")
    repository.commit({".gitmodules": f'[submodule "m"]\n\tpath = m\n\turl = {other.tree}\n'})
    refused(repository, ".gitmodules: submodules are not fetched")


# --- too much


def test_more_than_is_allowed_is_refused(repository: Repository) -> None:
    repository.commit({"large": os.urandom(300_000).hex()})
    refused(repository, "over 200000 bytes", most=200_000)
    repository.run("gc", "--quiet", "--prune=now")
    refused(repository, "over 200000 bytes", most=200_000)
    repository.commit({"large": "", **{f"many/{number}": "" for number in range(120)}})
    refused(repository, "over 100 files", files=100)


def test_what_is_small_packed_and_endless_unpacked_is_refused(repository: Repository) -> None:
    repository.commit({"zeros": "0" * 3_000_000})
    refused(repository, "the files have", "1000000 are allowed", most=1_000_000)


def test_a_tree_that_stands_for_a_billion_files_is_refused_at_once(repository: Repository) -> None:
    rows = "".join(f"100644 blob {repository.object('blob', b'x')}\t{n}\0" for n in range(10))
    for _ in range(9):
        tree = repository.run("mktree", "-z", stdin=rows.encode())
        rows = "".join(f"040000 tree {tree}\t{n}\0" for n in range(10))
    repository.commit_of_tree(f"040000 tree {tree}\tbomb\0".encode())
    refused(repository, "the tree has over")


# --- broken and moving


def test_a_broken_object_is_refused(repository: Repository) -> None:
    blob = repository.run("rev-parse", "main:agent.nix")
    other = repository.object("blob", b"another text")
    place = repository.git / "objects" / blob[:2] / blob[2:]
    place.chmod(0o644)
    place.write_bytes((repository.git / "objects" / other[:2] / other[2:]).read_bytes())
    refused(repository, "git fsck")
    place.write_bytes(b"no object at all")
    refused(repository, "git fsck")


def test_a_pack_that_is_none_is_refused(repository: Repository) -> None:
    (repository.git / f"objects/pack/pack-{'e' * 40}.pack").write_bytes(
        b"PACK\0\0\0\2\0\0\0\1nonsense" * 9
    )
    refused(repository, "a pack of its repository is broken")


def test_an_object_that_does_not_pass_fsck_is_refused(repository: Repository) -> None:
    tree = repository.run("rev-parse", "HEAD^{tree}")
    commit = repository.object(
        "commit", f"tree {tree}\nauthor nobody\ncommitter nobody\n\nx\n".encode()
    )
    refused(repository, "do not pass git's checks", "git fsck --strict", ref=commit)
    blob = repository.run("rev-parse", "main:agent.nix")
    refused(repository, "no commit", ref=blob)


def test_a_ref_that_moves_meanwhile_gives_one_commit_whole(repository: Repository) -> None:
    """The branch goes to and fro between a good and a bad commit as fast as it can."""
    good = repository.run("rev-parse", "HEAD")
    bad = repository.commit({".gitattributes": "* filter=run\n"})
    place, following = repository.git / "refs/heads/main", repository.above / "next"
    child = os.fork()
    while child == 0:
        for commit in (good, bad):
            following.write_text(f"{commit}\n")
            following.rename(place)
    try:
        for _ in range(4):
            looked = repository.look()
            if "commit" in looked.answer:
                assert looked.answer["commit"] == good
                holds(repository, looked.pack, good)
            else:
                assert ".gitattributes: git would" in looked.refusal
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (
            {"flake.nix": '{ inputs.a.url = "path:/root"; outputs = _: { }; }'},
            "files of this machine",
        ),
        ({"flake.nix": '{ inputs.a.url = "../bob"; outputs = _: { }; }'}, "files of this machine"),
        (
            {"flake.nix": '{ inputs.a.url = "github:a/b"; outputs = _: { }; }'},
            "flake.lock is missing",
        ),
        (
            {
                "flake.lock": '{"nodes": {"root": {"inputs": {"a": ["b"]}}}, "root": "root", "version": 7}'
            },
            "not in flake.nix",
        ),
        ({"agent.json": '{"egres": []}'}, "agent.json: egres: unknown; did you mean egress"),
    ],
)
def test_what_nix_and_the_hive_would_read_is_vetted(
    repository: Repository, files: dict[str, str], why: str
) -> None:
    repository.commit(files)
    refused(repository, why)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"x",
        b"[]",
        b'{"agent": "../x", "ref": "main", "bytes": 1, "files": 1}',
        b"[" * 5000,
        b'{"agent": 1}',
    ],
)
def test_a_look_that_is_asked_for_wrongly_is_refused(repository: Repository, line: bytes) -> None:
    answer = io.BytesIO()
    inspecting.serve(
        f"{repository.above}/proposed", str(repository.above), io.BytesIO(line), answer
    )
    assert "asked for wrongly" in json.loads(answer.getvalue())["refused"]
