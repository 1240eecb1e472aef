"""Where everything lies: pure names made from the settings, so that no other file spells a path."""

from typing import NamedTuple

from hivelib.model.settings import Settings


class Paths(NamedTuple):
    """The places of one hive (DESIGN.md, State)."""

    state: str
    runtime: str
    log: str
    deployed: str
    """Where decisions and what is deployed lie: the state directory too, unless the hive is several users."""

    @classmethod
    def of(cls, settings: Settings) -> "Paths":
        """The places that these settings name; `load_settings` has filled in the defaults."""
        deployed = settings.deployed_dir or settings.state_dir
        return cls(settings.state_dir, settings.runtime_dir, settings.log_dir, deployed)

    def place(self, name: str) -> str:
        """The directory of that name directly in the state directory, or among what is deployed."""
        apart = name in ("applied", "builds", "decisions", "meta")
        return f"{self.deployed if apart else self.state}/{name}"

    @property
    def database(self) -> str:
        """The one database of the hive."""
        return f"{self.state}/hive.sqlite"

    def transcript(self, name: str) -> str:
        """The database with an agent's stream of turns."""
        return f"{self.state}/transcripts/{name}.sqlite"

    def agent(self, name: str) -> str:
        """The directory of an agent on the host."""
        return f"{self.state}/agents/{name}"

    def agent_state(self, name: str) -> str:
        """What the box sees as /state; written by the box: never follow a link in it."""
        return f"{self.agent(name)}/state"

    def agent_claude(self, name: str) -> str:
        """What the box sees as /root/.claude: its login and sessions; written by the box."""
        return f"{self.agent(name)}/claude"

    def agent_config(self, name: str) -> str:
        """The deployed agent.json, which the box sees read-only as /etc/hyperhive/agent.json."""
        return f"{self.agent(name)}/agent.json"

    def proposed(self, name: str) -> str:
        """The config repository that the manager edits; written by its box: never follow a link in it."""
        return f"{self.state}/proposed/{name}"

    def applied(self, name: str) -> str:
        """The bare config repository that is deployed; its tags are the audit trail, only hive-git writes it."""
        return f"{self.deployed}/applied/{name}"

    @property
    def meta(self) -> str:
        """The repository of the one flake that declares every agent; only hive-git writes it."""
        return f"{self.deployed}/meta"

    @property
    def candidates(self) -> str:
        """The directory of what meta would be, by approval, and of the lock of whoever changes meta; hive-git's too."""
        return f"{self.deployed}/builds/.meta"

    def decision(self, approval: int) -> str:
        """What the operator said about an approval: a file whose owner decided."""
        return f"{self.deployed}/decisions/{approval}"

    def build(self, name: str, commit: str) -> str:
        """What was built of an agent's commit: a directory, complete once it has this name."""
        return f"{self.deployed}/builds/{name}/{commit}"

    def build_log(self, approval: int) -> str:
        """What was written while an approval was built."""
        return f"{self.deployed}/builds/.logs/{approval}.log"

    @property
    def fetch(self) -> str:
        """Where the sandbox listens that looks at proposed repositories."""
        return f"{self.runtime}/fetch.sock"

    @property
    def shared(self) -> str:
        """Scratch space that all boxes share as /shared."""
        return f"{self.state}/shared"

    def socket(self, name: str, kind: str) -> str:
        """An agent's socket; `kind` is mcp, net or exec."""
        return f"{self.runtime}/agents/{name}/{kind}/{kind}.sock"

    @property
    def bell(self) -> str:
        """The directory of bell topics."""
        return f"{self.runtime}/bell"

    @property
    def crashed(self) -> str:
        """The directory of what systemd said of boxes that ended badly, until the crash watch has seen it."""
        return f"{self.runtime}/crashed"

    @property
    def slots(self) -> str:
        """The directory of lock files that bound how many turns run at once."""
        return f"{self.runtime}/slots"

    def handoff(self, kind: str) -> str:
        """Where a door hands connections over; `kind` is mcp or egress."""
        return f"{self.runtime}/{kind}.handoff"

    def unit_log(self, unit: str) -> str:
        """The log file of a unit without suffix, where no journal is (private manager)."""
        return f"{self.log}/{unit}.log"
