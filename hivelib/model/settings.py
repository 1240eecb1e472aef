"""The settings of a hive: one file, `hive.toml`, whose every field has a default.

NamedTuples, because each short tool reads them: dataclasses would cost it 4 ms, pydantic 83 ms.
`hive-check-config` validates the same classes strictly through pydantic's TypeAdapter.
"""

from typing import NamedTuple


class Systemd(NamedTuple):
    """Which manager runs the units: `user` (the login user's), `private` (one of this hive's own), `system`."""

    scope: str = "user"
    xdg_runtime_dir: str = ""


class Claude(NamedTuple):
    """The program that runs in the boxes: `path` is the real executable, `model` what agents use unless told."""

    path: str = ""
    model: str = "sonnet"
    max_retries: int = 4
    tool_search: bool = False
    demo: bool = False


class Api(NamedTuple):
    """The model's API. With a key file, boxes speak to `http://api.hive` and only hive-egress sees the key."""

    url: str = "https://api.anthropic.com"
    key_file: str = ""


class Proxy(NamedTuple):
    """A reverse proxy that may let people in: the unix socket that it alone can reach, the host name that browsers have
    for it (with https), and the header in which it says whom it let in. All three, or none."""

    socket: str = ""
    host: str = ""
    header: str = ""


class Web(NamedTuple):
    """The dashboard's port on 127.0.0.1, and a proxy before it."""

    port: int = 7000
    proxy: Proxy = Proxy()


class Mail(NamedTuple):
    """Limits of mail (SPEC section 2): bytes of a body, messages a minute between a pair, pauses in seconds,
    wakes a minute of one agent by its own programs."""

    body_limit: int = 4096
    pair_limit: int = 30
    pause_first: float = 5.0
    pause_most: float = 600.0
    deliveries_most: int = 5
    wake_limit: int = 30


class Turns(NamedTuple):
    """Brakes of turns: how many an agent may have in an hour, how many run at once (0: two for each core)."""

    per_hour: int = 60
    at_once: int = 0


class Box(NamedTuple):
    """Limits of a box: systemd's MemoryMax, CPUQuota and TasksMax, and bytes of disk."""

    memory: str = "4G"
    cpu: str = "200%"
    tasks: int = 4096
    disk_bytes: int = 10 * 1024**3
    free_bytes: int = 512 * 1024**2


class Operator(NamedTuple):
    """How agents speak of the operator, and who may decide: members of `group` and the page's user. With an empty group
    that is the hive's own user: then all of the hive is one user anyway."""

    name: str = "operator"
    pronouns: str = "she/her"
    group: str = ""
    web_user: str = ""


class Approvals(NamedTuple):
    """What a proposal may cost: open ones of an agent, seconds until it expires; and of looking at its repository the
    seconds, the bytes of its objects, and the files of its tree."""

    pending_most: int = 5
    expire_seconds: float = 14 * 86400.0
    fetch_seconds: float = 60.0
    fetch_bytes: int = 64 * 1024**2
    files_most: int = 2000


class Questions(NamedTuple):
    """Limits of questions (SPEC section 4): open ones of an asker, the longest time to live in seconds."""

    open_most: int = 20
    ttl_most: float = 6 * 3600.0


class Reminders(NamedTuple):
    """Limits of reminders (SPEC section 5): pending ones of an agent, bytes of one that is spilled to a file, the
    shortest period of a recurring one, and how often and after which pause a failed one is tried again."""

    pending_most: int = 50
    body_limit: int = 65536
    every_least: float = 60.0
    attempts_most: int = 5
    pause_first: float = 60.0


class Crashes(NamedTuple):
    """A box that crashes this often within so many seconds is parked until the operator says so."""

    loop_count: int = 3
    loop_seconds: float = 600.0


class Retention(NamedTuple):
    """For how many days what is over is kept (SPEC section 11), an hour at least: acked mail, events, a transcript's
    lines, turns."""

    acked_days: float = 30.0
    events_days: float = 90.0
    lines_days: float = 14.0
    turns_days: float = 365.0


class Notify(NamedTuple):
    """Where the operator is told when away: `urls_file` (0600) has an apprise URL on each line; empty: nowhere.

    What comes within `group_seconds` is one notification, at most `per_hour` are sent; `bodies`: with their words.
    """

    urls_file: str = ""
    bodies: bool = False
    group_seconds: float = 10.0
    per_hour: int = 20


class Root(NamedTuple):
    """Where hive-root listens, and as whom the two that may ask it something run (system manager only)."""

    socket: str = "/run/hive-root/root.sock"
    user: str = "hive"
    git_user: str = "hive-git"


class Idle(NamedTuple):
    """After how many quiet seconds each on-demand service exits."""

    mcp_seconds: float = 600.0
    egress_seconds: float = 600.0


class Settings(NamedTuple):
    """The whole of hive.toml. Empty directories mean the XDG default (base/config.py). `deployed_dir` (empty: the state
    directory) holds decisions and what is deployed; where operators have a group it must not be the hive's own."""

    state_dir: str = ""
    deployed_dir: str = ""
    runtime_dir: str = ""
    log_dir: str = ""
    systemd: Systemd = Systemd()
    claude: Claude = Claude()
    api: Api = Api()
    web: Web = Web()
    mail: Mail = Mail()
    turns: Turns = Turns()
    box: Box = Box()
    operator: Operator = Operator()
    approvals: Approvals = Approvals()
    questions: Questions = Questions()
    reminders: Reminders = Reminders()
    crashes: Crashes = Crashes()
    retention: Retention = Retention()
    notify: Notify = Notify()
    root: Root = Root()
    idle: Idle = Idle()
