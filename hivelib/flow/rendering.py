"""Puts the units of systemd/ where the hive's manager finds them, with the few drop-ins that are this hive's own."""

import functools
import hashlib
import json
import os
from typing import Any, NamedTuple

import hivelib
from hivelib.base import bootstrap, users
from hivelib.base.paths import Paths
from hivelib.flow import placing
from hivelib.flow.placing import Place
from hivelib.model.settings import Settings

DEPLOYED = ("agents", "applied", "builds", "decisions", "meta", "proposed")
"""Places that only the lanes' workers, boxes and the operator's tools write."""

MAY_WRITE = {"hive-dashboard.service": "decisions", "hive-reminder.service": "agents"}
"""The one of these that a service needs all the same: the page decides, a reminder may be a file in a /state."""
_MEND = ("hive-broker.service", "hive-crash-watch.service")
_PROGRAM = ("bin", "hivelib")

ASKS_NOTHING = (
    "hive-mcp.service",
    "hive-turn@.service",
    "hive-egress.service",
    "hive-door@.service",
    "hive-notify.service",
    "hive-reminder.service",
)
"""Services that take bytes of others and have no business with systemd. hive-broker mends units, so it has."""


class Change(NamedTuple):
    """What an upgrade changed: names of unit files (drop-ins by their unit), and whether the program did."""

    units: set[str]
    program: bool


def rendered(bindir: str, config: str, settings: Settings) -> dict[str, str]:
    """Every unit file and drop-in of a hive: relative name → text. Reads systemd/ beside `bindir`, changes nothing."""
    source = f"{os.path.dirname(bindir)}/systemd"
    paths = Paths.of(settings)
    texts = {}
    for name in sorted(bootstrap.walked(source)):
        if name.startswith("system/"):
            continue  # users, and what a user manager refuses: for the system's manager alone
        if name.endswith((".service", ".socket", ".target", ".timer", ".path", ".conf")):
            with open(f"{source}/{name}", encoding="utf-8") as file:
                texts[name] = file.read().replace("@bindir@", bindir)
    texts["hive-.service.d/05-confined.conf"] += f"ReadWritePaths={paths.state} {paths.runtime}\n"
    common = ["[Service]", f"Environment=HIVE_CONFIG={config}"]
    if paths.log:  # no journal is there
        common.append(f"StandardError=append:{paths.log}/%N.log")
    texts["hive-.service.d/10-hive.conf"] = "\n".join(common) + "\n"
    limits = ["[Service]", f"MemoryMax={settings.box.memory}", f"CPUQuota={settings.box.cpu}"]
    limits.append(f"TasksMax={settings.box.tasks}")
    texts["hive-exec@.service.d/20-limits.conf"] = "\n".join(limits) + "\n"
    port = ["[Socket]", "ListenStream=", f"ListenStream=127.0.0.1:{settings.web.port}"]
    if settings.web.proxy.socket:
        port += [f"ListenStream={settings.web.proxy.socket}", "SocketMode=0660"]
    texts["hive-dashboard.socket.d/20-port.conf"] = "\n".join(port) + "\n"
    texts["hive-notify.service.d/20-urls.conf"] = _told_where(settings.notify.urls_file)
    texts["hive-fetch@.service.d/20-sandbox.conf"] = _sandbox(bindir, settings)
    texts["hive-settings.path.d/20-config.conf"] = f"[Path]\nPathChanged=\nPathChanged={config}\n"
    place = placing.of_settings(settings, config, users.current())
    written = f"-{os.path.dirname(config)} -{place.root} -{place.units}"
    texts["hive-settings.service.d/20-places.conf"] = f"[Service]\nReadWritePaths={written}\n"
    for unit in (*ASKS_NOTHING, *_MEND, "hive-dashboard.service"):
        texts[f"{unit}.d/20-undecided.conf"] = _undecided(paths, unit)
    return texts


def _told_where(urls_file: str) -> str:
    """That hive-notify runs only where its file of addresses is; without one that is never so."""
    path = urls_file.replace("%", "%%") if urls_file.startswith("/") else "!/"
    return f"[Unit]\nConditionPathExists={path}\n"


def _undecided(paths: Paths, unit: str) -> str:
    """What keeps a service, though it runs as the hive's one user, from deploying, from changing what was deployed, and
    from deciding, unless it is the page; one that asks nothing also from having systemd do it."""
    kept = [name for name in DEPLOYED if name != MAY_WRITE.get(unit)]
    lines = ["[Service]", *(f"ReadOnlyPaths={paths.place(name)}" for name in kept)]
    if (
        unit in ASKS_NOTHING
    ):  # whoever speaks to the user's manager may start a program outside all this
        # Its socket and the bus lie in %t, of which these see the hive's part only. InaccessiblePaths= fails (226) in a
        # private manager: systemd 252 looks in /run/user/UID, wherever its own runtime directory is, for what it covers
        # things with; in a user's own manager, that is what the last line is for.
        lines += ["TemporaryFileSystem=%t:ro", f"BindPaths={paths.runtime}"]
        lines.append("BindReadOnlyPaths=-%t/systemd/inaccessible")
        # Where one says that it is ready and lives; systemd believes there what a unit says of itself, and no more.
        lines.append("BindReadOnlyPaths=-%t/systemd/notify")
    return "\n".join(lines) + "\n"


def _sandbox(bindir: str, settings: Settings) -> str:
    """What hive-fetch sees and may use: in the place of state and runtime directories an empty tmpfs, with `proposed`
    in it to read. A look makes three copies of what it may have at most: as it was, packed, checked."""
    paths, limits = Paths.of(settings), settings.approvals
    room = 4 * limits.fetch_bytes + (16 << 20)
    lines = [
        "[Service]",
        "ExecStart=",
        f"ExecStart={bindir}/hive-fetch {paths.state}/proposed {paths.state}",
        "ReadWritePaths=",
        f"TemporaryFileSystem={paths.state}:size={room},nr_inodes=200k,mode=0700,nosuid,nodev,noexec",
        f"BindReadOnlyPaths={paths.state}/proposed",
        f"TemporaryFileSystem={paths.runtime}:ro",  # InaccessiblePaths= fails in a private manager
        f"MemoryMax={room + (512 << 20)}",
        f"LimitFSIZE={2 * limits.fetch_bytes + (1 << 20)}",
        f"LimitAS={room + (1 << 30)}",
        f"RuntimeMaxSec={limits.fetch_seconds + 5:g}",
    ]
    key = settings.api.key_file
    if not key.startswith(f"{paths.state}/") and os.path.exists(key):
        lines.append(f"BindReadOnlyPaths=/dev/null:{key}")
    if paths.log:  # %N would make a file for each look
        lines.append(f"StandardError=append:{paths.log}/hive-fetch.log")
    return "\n".join(lines) + "\n"


def install(place: Place, texts: dict[str, str]) -> Change:
    """Writes what differs, removes what an older version had; gives back what changed since the last time."""
    before = _read_record(place)
    units, program = before.get("units", {}), before.get("program", "")
    changed = set(units) - set(texts)
    for name in changed:
        if os.path.lexists(f"{place.units}/{name}"):
            os.unlink(f"{place.units}/{name}")
    for name, text in texts.items():
        path = f"{place.units}/{name}"
        if units.get(name) != _digest(text) or not os.path.exists(path):
            _write(path, text)
            changed.add(name)
    return Change({name.split(".d/")[0] for name in changed}, program != program_digest())


def rewrite(place: Place, texts: dict[str, str]) -> None:
    """Writes these few drop-ins, which are what other settings make of them, in a hive that runs."""
    record = _read_record(place)
    for name, text in texts.items():
        _write(f"{place.units}/{name}", text)
    if record:
        record["units"] = {**record.get("units", {}), **{n: _digest(t) for n, t in texts.items()}}
        _keep_record(place, record)


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(f"{path}.new", path)


def remember(place: Place, texts: dict[str, str]) -> None:
    """Notes what is installed and running now; call it when everything runs."""
    units = {name: _digest(text) for name, text in texts.items()}
    _keep_record(place, {"units": units, "program": program_digest()})


@functools.cache
def program_digest() -> str:
    """A digest of the program itself: every file of bin/ and hivelib/, and the pinned packages."""
    digest, root = hashlib.sha256(), bootstrap.ROOT
    parts = [f"{part}/{name}" for part in _PROGRAM for name in bootstrap.walked(f"{root}/{part}")]
    for name in sorted([*parts, "constraints.txt"]):
        with open(f"{root}/{name}", "rb") as file:
            digest.update(name.encode() + b"\0" + hashlib.sha256(file.read()).digest())
    return digest.hexdigest()


@functools.cache
def revision() -> str:
    """Names this program: its version and what it is made of. What another one built is stale."""
    return f"{hivelib.__version__}+{program_digest()[:12]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _record(place: Place) -> str:
    return f"{place.root}/raised.json"


def _keep_record(place: Place, record: dict[str, Any]) -> None:
    _write(_record(place), json.dumps(record, indent=1))


def _read_record(place: Place) -> dict[str, Any]:
    try:
        with open(_record(place), encoding="utf-8") as file:
            record = json.load(file)
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
