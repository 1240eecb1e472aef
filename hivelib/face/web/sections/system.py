"""What keeps the hive going: its health, the workers' jobs, what destroyed agents left, what units wrote, who is in."""

from hivelib.face.web.sections.base import Drawer, Whole
from hivelib.face.web.views import render
from hivelib.flow import admitting, surveying
from hivelib.model.soundness import parted

PAST = 50
"""Jobs that are over and still shown."""


def _health(drawer: Drawer) -> str:
    return render("health", health=surveying.health(drawer.hive))


def _jobs(drawer: Drawer) -> str:
    rows, broken = parted(surveying.jobs_shown(drawer.hive, PAST))
    return render("jobs", rows=rows, broken=broken)


def _tombstones(drawer: Drawer) -> str:
    rows, broken = parted(surveying.tombstones(drawer.hive))
    return render("tombstones", rows=rows, broken=broken)


def _logs(drawer: Drawer) -> str:
    return render("logs", units=surveying.units())


def _sessions(drawer: Drawer) -> str:
    rows, broken = parted(admitting.sessions(drawer.hive))
    return render("sessions", rows=rows, broken=broken)


HEALTH = Whole(
    "health",
    frozenset({"turn_started", "turn_ended", "warning_raised", "warning_cleared"}),
    _health,
)
JOBS = Whole("jobs", frozenset({"job_queued", "job_started", "job_ended"}), _jobs)
TOMBSTONES = Whole(
    "tombstones", frozenset({"tombstones_changed", "agent_removed", "destroyed"}), _tombstones
)
LOGS = Whole("logs", frozenset(), _logs)
SESSIONS = Whole("sessions", frozenset({"operator_logged_in", "session_ended"}), _sessions)
