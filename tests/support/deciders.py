"""Two operators who decide the same approval at once: one at a shell, one with the page, each a process of its own."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hivelib.flow import working
from hivelib.host import decisions
from hivelib.store import jobs
from tests.support.deploy_rig import DeployRig
from tests.support.source import ROOT
from tests.support.undecided import kinds

AT_A_SHELL = """
import sys
from hivelib.base.errors import Refused
from hivelib.flow import deciding, mailing, opening
hive = opening.open_hive()
print("ready", flush=True)
for line in sys.stdin:
    number, verdict, sha = line.split()
    try:
        if verdict == "approve":
            done = deciding.approve(hive, mailing.SHELL, int(number), sha=sha)
        else:
            done = deciding.deny(hive, mailing.SHELL, int(number), "no")
        print("done" if done else "already", flush=True)
    except Refused as refused:
        print(refused, flush=True)
"""
ON_THE_PAGE = """
import sys
from urllib.parse import urlencode
from hivelib.face.web.app import make_app
from hivelib.face.web.hub import Hub
from hivelib.flow import admitting, opening
from tests.support.browser import PORT, Browser
browser = Browser(make_app(opening.open_hive, Hub(opening.open_hive), PORT))
token = admitting.invite(opening.open_hive())
answer = browser.ask("POST", "/login", urlencode({"token": token}))
browser.cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]
print("ready", flush=True)
for line in sys.stdin:
    number, verdict, sha = line.split()
    given = {"sha": sha} if verdict == "approve" else {"note": "no"}
    answer = browser.ask("POST", f"/api/approvals/{number}/{verdict}", given)
    if answer.status == 200:
        print("already" if answer.json["already"] else "done", flush=True)
    else:
        print(answer.json["error"], flush=True)
"""
SIDES = {"shell": AT_A_SHELL, "web": ON_THE_PAGE}
SAYING = [
    words.split()
    for words in ("approve approve", "approve deny", "deny deny", "deny approve", "deny deny")
]
"""What they say, race by race; of five races about two end in a deploy, which is the dear part."""


@contextmanager
def at_once() -> Iterator[dict[str, "subprocess.Popen[str]"]]:
    """Both, ready to be told; they are gone afterwards, and ended well."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    people = {
        side: subprocess.Popen(
            [sys.executable, "-c", script],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for side, script in SIDES.items()
    }
    try:
        for person in people.values():
            assert person.stdout and person.stdout.readline() == "ready\n"
        yield people
        for person in people.values():
            assert person.stdin
            person.stdin.close()
            assert person.wait(30) == 0
    finally:
        for person in people.values():
            person.kill()
            person.wait()


def race(rig: DeployRig, count: int) -> Counter[str]:
    """So many races about alice's next config, each carried out by the worker; gives how often which side won.

    AssertionError unless each of them is one decision, one job, and one deploy or none.
    """
    won: Counter[str] = Counter()
    with at_once() as people:
        for turn in range(count):
            number = rig.propose("alice", f'{{"model": "m{turn}"}}\n')
            said = dict(zip(SIDES, SAYING[turn % len(SAYING)], strict=True))
            sha, starts = rig.approval(number).fetched_sha, _starts(rig)
            for side, person in people.items():
                assert person.stdin
                person.stdin.write(f"{number} {said[side]} {sha}\n")
                person.stdin.flush()
            told = {
                side: str(person.stdout and person.stdout.readline().strip())
                for side, person in people.items()
            }
            winner = _one_decision(rig, number, said, told)
            won[winner] += 1
            working.run(rig.hive, "approvals")
            _one_deploy(rig, number, said[winner], _starts(rig) - starts)
            if said[winner] == "approve" and turn % 5 == 0:
                assert rig.agrees(number) == "deployed"
    return won


def _one_decision(rig: DeployRig, number: int, said: dict[str, str], told: dict[str, str]) -> str:
    assert sorted(told.values()).count("done") == 1, told
    winner = next(side for side, words in told.items() if words == "done")
    other = next(side for side in told if side != winner)
    if said[other] == said[winner]:
        assert told[other] == "already", told
    else:
        assert (
            f"approval {number} was {'approved' if said[winner] == 'approve' else 'denied'} by"
            in told[other]
        )
    made = decisions.read(rig.hive.paths, number)
    assert made and (made[0].verdict, made[0].surface) == (said[winner], winner)
    return winner


def _one_deploy(rig: DeployRig, number: int, verdict: str, starts: int) -> None:
    left = os.listdir(os.path.dirname(rig.hive.paths.decision(0)))
    assert left.count(str(number)) == 1 and not [name for name in left if name.startswith(".")]
    mine = [job.kind for job in jobs.latest(rig.hive.db, 50) if job.approval == number]
    assert mine == ["deploy" if verdict == "approve" else "deny"]
    deployed = int(verdict == "approve")
    happened = Counter(kinds(rig.hive, number))
    assert happened["approval_decided"] == happened["approval_resolved"] == 1
    assert (happened["deploy_started"], happened["deploy_ended"], starts) == (deployed,) * 3
    assert rig.approval(number).status == ("deployed" if deployed else "denied")


def _starts(rig: DeployRig) -> int:
    """How often alice's box was started."""
    return Path(rig.world, "asked").read_text().count("start hive-agent@alice.target")
