"""A proposed config repository, made with real git, and hive-fetch looking at it as a process."""

import io
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from hivelib.base.errors import Refused
from hivelib.flow import inspecting
from hivelib.host import git, templates
from tests.support.source import ROOT

BYTES, FILES = 8 << 20, 200
SECRET = "kept-from-everybody-0123456789"


class Looked(NamedTuple):
    """What hive-fetch answered, the pack behind it, and what it said on stderr."""

    answer: dict[str, Any]
    pack: bytes
    err: str

    @classmethod
    def of(cls, said: bytes, err: str) -> Self:
        """What these bytes on its stdout say."""
        line, _, pack = said.partition(b"\n")
        return cls(json.loads(line), pack, err)

    @property
    def refusal(self) -> str:
        """The refusal as the manager reads it; AssertionError when it is none in one line of words."""
        assert self.answer.keys() == {"refused", "hint"}, self
        words = str(Refused(self.answer["refused"], self.answer["hint"]))
        assert words.isprintable() and len(words) < 1000 and not self.pack and not self.err, self
        return words


class Repository(NamedTuple):
    """The repository of alice below `above`/proposed."""

    above: Path

    @property
    def tree(self) -> Path:
        """Its work tree."""
        return self.above / "proposed" / "alice"

    @property
    def git(self) -> Path:
        """Its .git."""
        return self.tree / ".git"

    def run(self, *words: str, stdin: bytes = b"", check: bool = True) -> str:
        """Runs git in it, as the manager would, but by our rules; gives back what it printed."""
        argv = ["git", "-C", str(self.tree), *words]
        environment = git.environment(1.7e9)
        done = subprocess.run(
            argv, env=environment, input=stdin, capture_output=True, check=check, timeout=60
        )
        return done.stdout.decode(errors="surrogateescape").strip()

    def write(self, files: Mapping[str, str]) -> None:
        """Writes files into the work tree."""
        for name, text in files.items():
            path = self.tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def commit(self, files: Mapping[str, str] | None = None) -> str:
        """Commits the work tree, with these files written before; gives back the commit."""
        self.write(files or {})
        self.run("add", "--all", "--force")
        self.run("commit", "--quiet", "--allow-empty", "--message=work")
        return self.run("rev-parse", "HEAD")

    def object(self, kind: str, data: bytes) -> str:
        """Writes an object that git itself might not make, and gives back its name."""
        return self.run("hash-object", "-t", kind, "-w", "--literally", "--stdin", stdin=data)

    def commit_of_tree(self, rows: bytes) -> str:
        """Commits the template's files and these rows of `git mktree -z` on main; gives back the commit."""
        rows = self.run("ls-tree", "-z", "HEAD").encode() + rows
        tree = self.run("mktree", "-z", "--missing", stdin=rows)
        commit = self.run("commit-tree", tree, "-p", "HEAD", "-m", "made by hand")
        self.run("update-ref", "refs/heads/main", commit)
        return commit

    def look(self, ref: str = "main", *, most: int = BYTES, files: int = FILES) -> Looked:
        """Has hive-fetch look at a ref; what it leaves in its scratch directory is a failure."""
        scratch, answer = self._scratch(), io.BytesIO()
        inspecting.serve(
            str(self.above / "proposed"), str(scratch), _asked(ref, most, files), answer
        )
        assert os.listdir(scratch) == []
        return Looked.of(answer.getvalue(), "")

    def look_as_a_process(self, ref: str = "main") -> Looked:
        """The same by bin/hive-fetch."""
        scratch = self._scratch()
        argv = [ROOT / "bin/hive-fetch", self.above / "proposed", scratch]
        asked = _asked(ref, BYTES, FILES).getvalue()
        done = subprocess.run(argv, input=asked, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0 and os.listdir(scratch) == [], done
        return Looked.of(done.stdout, done.stderr.decode())

    def _scratch(self) -> Path:
        place = self.above / "scratch"
        place.mkdir(exist_ok=True)
        return place


def _asked(ref: str, most: int, files: int) -> io.BytesIO:
    look = {"agent": "alice", "ref": ref, "bytes": most, "files": files}
    return io.BytesIO(json.dumps(look).encode() + b"\n")


def repository(above: Path) -> Repository:
    """A repository with the template's files committed on main."""
    made = Repository(above)
    made.tree.mkdir(parents=True)
    made.run("init", "--quiet")
    made.commit(templates.files("alice", "agent"))
    return made


def refused(repository: Repository, *parts: str, ref: str = "main", **limits: int) -> None:
    """Looks, and holds that it was refused in words that have all `parts`, and that no secret is in them."""
    words = repository.look(ref, **limits).refusal
    assert all(part in words for part in parts), words
    assert SECRET not in words


def holds(repository: Repository, pack: bytes, commit: str) -> set[str]:
    """What is in a pack that was handed on, once an empty repository has taken it as the worker does."""
    place, file = f"{repository.above}/taken", repository.above / "a.pack"
    git.init(place)
    file.write_bytes(pack)
    Path(f"{place}/objects/pack/a.pack").unlink(missing_ok=True)
    git.git(place, "index-pack", "--strict", "-o", f"{place}/objects/pack/a.idx", str(file))
    os.link(file, f"{place}/objects/pack/a.pack")
    assert git.git(place, "fsck", "--strict", commit).err == ""
    return set(git.git(place, "rev-list", "--objects", "--no-object-names", commit).out.split())
