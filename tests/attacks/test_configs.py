"""What boxes see of what is deployed and proposed, and where a link in a config repository leads the host: nowhere."""

import os
import subprocess
from typing import Any

from tests.attacks.intruder import Box
from tests.attacks.rig import Attacked
from tests.support.hive import KEY


def look(box: Box, paths: list[str]) -> Any:
    """How it is to look at each of these."""
    return {path: box.tried(os.lstat, path) for path in paths}


def test_an_agents_box_has_no_place_of_deploys(attacked: Attacked) -> None:
    places = ["/applied", "/meta", "/agents", "/agents/alice/config", "/applied/alice/config"]
    told = attacked.attack("alice", look, paths=places)
    assert told == dict.fromkeys(places, "FileNotFoundError")


def write_about(box: Box) -> Any:
    """Writes, moves and removes all over what the manager sees of others' configs."""
    found = {}
    for place in ("/applied", "/applied/alice", "/applied/alice/refs/tags", "/meta", "/meta/.git"):
        found[f"in {place}"] = box.tried(os.mkdir, f"{place}/mine")
        found[f"moves {place}"] = box.tried(os.rename, place, f"{place}.mine")
    found["main"] = box.tried(os.truncate, "/meta/flake.lock", 0)
    found["removes"] = box.tried(os.unlink, "/applied/alice/HEAD")
    found["the config moved"] = box.tried(os.rename, "/agents/alice/config", "/agents/alice/x")
    config = {
        "writes": box.tried(os.mkdir, "/agents/alice/config/mine"),
        "removes": box.tried(os.rmdir, "/agents/alice/config/mine"),
    }
    names = {name: os.listdir(f"/agents/{name}") for name in sorted(os.listdir("/agents"))}
    above = ["/agents/alice/state", "/agents/alice/config/../state", "/agents/alice/claude"]
    seen = {path: box.tried(os.lstat, path) for path in above}
    return {"found": found, "config": config, "names": names, "look": seen}


def test_the_managers_box_edits_configs_and_no_more(attacked: Attacked) -> None:
    told = attacked.attack("manager", write_about)
    assert set(told["found"].values()) <= {"OSError", "PermissionError"}, told["found"]
    assert told["config"] == {"writes": "ok", "removes": "ok"}
    assert set(told["names"]) >= {"alice", "bob", "manager"}
    assert all(names == ["config"] for names in told["names"].values())
    assert set(told["look"].values()) == {"FileNotFoundError"}


def plant(box: Box, secret: str, directory: str) -> Any:
    """Puts links where the host could follow them: into the work tree, a commit, and git's own files."""
    top = "/agents/carol/config"
    git = ["git", "-C", top, "-c", "user.name=x", "-c", "user.email=x@x"]
    os.symlink(directory, f"{top}/place")
    subprocess.run([*git, "checkout", "-q", "-b", "linked"], check=True)
    os.unlink(f"{top}/agent.json")
    os.symlink(secret, f"{top}/agent.json")
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "links"], check=True)
    os.symlink(secret, f"{top}/.git/refs/heads/secret")
    free = (f"{top}/.git/objects/{number:02x}" for number in range(256))
    os.symlink(directory, next(name for name in free if not os.path.lexists(name)))
    os.symlink(directory, f"{top}/.git/refs/heads/place")
    return sorted(os.listdir(top))


def test_no_link_in_a_config_is_followed_by_the_host(attacked: Attacked) -> None:
    hive, paths = attacked.hive, attacked.hive.hive.paths
    attacked.spawn("carol")
    diary = attacked.state("bob") / "diary"
    diary.write_text("bob's own words")
    secret = f"{paths.state}/api-key"
    told = attacked.attack("manager", plant, secret=secret, directory=str(diary.parent))
    assert "place" in told
    for ref in ("linked", "secret", "place/diary"):
        done = hive.tool("hive-request-apply-commit", "carol", ref, check=False)
        sql = "SELECT status, note FROM approvals WHERE agent = 'carol' ORDER BY id DESC LIMIT 1"
        hive.until_value(
            "SELECT count(*) = 0 FROM approvals WHERE agent = 'carol' AND status = 'submitting'"
        )
        status, note = hive.db.all(sql)[0]
        assert status == "failed", (ref, done)
        assert KEY not in note + done.stdout + done.stderr and "bob's own" not in note
    hive.tool("hive-destroy", "carol")
    hive.tool("hive-purge", "carol")
    assert diary.read_text() == "bob's own words"
    with open(secret, encoding="utf-8") as file:
        assert KEY in file.read()
