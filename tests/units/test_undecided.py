"""What services that take bytes of others may not do though all of a hive is one user: decide, deploy, ask systemd.
The page decides, and does no more of it.

Each unit runs a probe in the place of its program; everything else of it is as hive-up has written it.
"""

import json

from hivelib.flow.rendering import ASKS_NOTHING, DEPLOYED, MAY_WRITE
from tests.support.raising import Upped
from tests.support.waiting import until

PROBE = """
import json, os, socket, sys
state, runtime, out = sys.argv[1:]
def attempt(what, *words):
    try:
        what(*words)
    except OSError as error:
        return type(error).__name__
    return "done"
def replace(place):
    os.rename(place, place + ".old")
    os.mkdir(place)
def speak(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(path)
found = {"state": attempt(open, f"{state}/probe", "w")}
for place in json.loads(PLACES):
    found[place] = attempt(open, f"{state}/{place}/probe", "w")
    if found[place] != "done":
        found[f"another {place}"] = attempt(replace, f"{state}/{place}")
found["systemd"] = attempt(speak, f"{runtime}/systemd/private")
found["a link"] = attempt(open, f"/proc/{os.getppid()}/root{state}/decisions/probe", "w")
with open(out + ".new", "w") as file:
    json.dump(found, file)
os.rename(out + ".new", out)
"""
MAY = ("hive-approvals.service", "hive-submissions.service", "hive-lifecycle.service")


def probed(hive: Upped, unit: str) -> dict[str, str]:
    """What came of each attempt from inside a unit."""
    unit = unit.replace("@", "@probe")
    script, out = hive.directory / "probe.py", hive.directory / f"state/{unit}.json"
    script.write_text(f"PLACES = {json.dumps(DEPLOYED)!r}\n{PROBE}")
    script.chmod(0o644)
    words = f"{hive.directory}/state {hive.directory}/run {out}"
    drop_in = hive.directory / f"config/systemd/user/{unit}.d/99-probe.conf"
    drop_in.parent.mkdir(exist_ok=True)
    drop_in.write_text(
        "[Unit]\nConditionPathExists=\n"
        "[Service]\nType=exec\nRestart=no\nExecStart=\n"
        f"ExecStart=/usr/bin/python3 {script} {words}\n"
    )
    hive.systemctl("daemon-reload")
    hive.systemctl("stop", unit)
    hive.systemctl("start", unit)
    until(out.exists, f"{unit} has tried")
    found = dict(json.loads(out.read_text()))
    for place in (".", *DEPLOYED):
        (hive.directory / "state" / place / "probe").unlink(missing_ok=True)
    return found


def test_who_takes_bytes_of_others_decides_and_deploys_nothing(hive: Upped) -> None:
    for unit in (*ASKS_NOTHING, "hive-broker.service"):
        found = probed(hive, unit)
        assert found.pop("state") == "done", "it does write what is its own"
        assert found.pop("a link") != "done"
        spoke = found.pop("systemd")
        assert spoke == ("FileNotFoundError" if unit in ASKS_NOTHING else "done"), unit
        kept = [place for place in DEPLOYED if place != MAY_WRITE.get(unit)]
        mine = {MAY_WRITE[unit]: "done"} if unit in MAY_WRITE else {}
        assert found == mine | {
            **dict.fromkeys(kept, "OSError"),
            **dict.fromkeys((f"another {place}" for place in kept), "OSError"),
        }, unit
    found = probed(hive, "hive-dashboard.service")
    assert {place for place in DEPLOYED if found[place] == "done"} == {"decisions"}
    for unit in MAY:
        found = probed(hive, unit)
        assert [found[place] for place in DEPLOYED] == ["done"] * len(DEPLOYED)
        assert found["systemd"] == "done"
