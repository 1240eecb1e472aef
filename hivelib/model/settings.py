"""The settings of a hive: one file, `hive.toml`, whose every field has a default.

Plain frozen dataclasses, because each short tool reads them and pydantic would cost it 83 ms;
`hive-check-config` validates the same classes strictly through pydantic's TypeAdapter.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Systemd:
    """Which manager runs the units: `user` (the login user's), `private` (one of this hive's own), `system`."""

    scope: str = "user"
    xdg_runtime_dir: str = ""


@dataclass(frozen=True)
class Claude:
    """The program that runs in the boxes: `path` is the real executable, `model` what agents use unless told."""

    path: str = ""
    model: str = "sonnet"
    max_retries: int = 4
    tool_search: bool = False
    demo: bool = False


@dataclass(frozen=True)
class Api:
    """The model's API. With a key file, boxes speak to `http://api.hive` and only hive-egress sees the key."""

    url: str = "https://api.anthropic.com"
    key_file: str = ""


@dataclass(frozen=True)
class Web:
    """The dashboard's port on 127.0.0.1."""

    port: int = 7000


@dataclass(frozen=True)
class Mail:
    """Limits of mail (SPEC section 2): bytes of a body, messages a minute between a pair, pauses in seconds."""

    body_limit: int = 4096
    pair_limit: int = 30
    pause_first: float = 5.0
    pause_most: float = 600.0
    deliveries_most: int = 5


@dataclass(frozen=True)
class Turns:
    """Brakes of turns: how many an agent may have in an hour, how many run at once (0: two for each core)."""

    per_hour: int = 60
    at_once: int = 0


@dataclass(frozen=True)
class Box:
    """Limits of a box: systemd's MemoryMax, CPUQuota and TasksMax, and bytes of disk."""

    memory: str = "4G"
    cpu: str = "200%"
    tasks: int = 4096
    disk_bytes: int = 10 * 1024**3
    free_bytes: int = 512 * 1024**2


@dataclass(frozen=True)
class Operator:
    """How agents speak of the operator."""

    name: str = "operator"
    pronouns: str = "she/her"


@dataclass(frozen=True)
class Idle:
    """After how many quiet seconds each on-demand service exits."""

    mcp_seconds: float = 600.0
    egress_seconds: float = 600.0
    door_seconds: float = 1.0


@dataclass(frozen=True)
class Settings:
    """The whole of hive.toml. Empty directories mean the XDG default (base/config.py)."""

    state_dir: str = ""
    runtime_dir: str = ""
    log_dir: str = ""
    systemd: Systemd = field(default_factory=Systemd)
    claude: Claude = field(default_factory=Claude)
    api: Api = field(default_factory=Api)
    web: Web = field(default_factory=Web)
    mail: Mail = field(default_factory=Mail)
    turns: Turns = field(default_factory=Turns)
    box: Box = field(default_factory=Box)
    operator: Operator = field(default_factory=Operator)
    idle: Idle = field(default_factory=Idle)
