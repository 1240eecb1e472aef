"""hive-broker: keeps the promises of mail over time, and once a minute finds due work that nobody does.

It sleeps to the next deadline (a postponed message, the end of a parking, of an approval's or a question's time) or to
its bell, at most a minute. The minute is the safety net for a ring that was lost, e.g. a sender killed between commit
and ring.
"""

from contextlib import suppress

from hivelib.base import bell, clock
from hivelib.base.alarm import NEVER, Alarm
from hivelib.base.errors import HiveError, NotNow
from hivelib.base.sd import notify
from hivelib.flow import asking, jobs, mailing, reloading, resolving, settling, warning
from hivelib.flow.opening import Hive
from hivelib.store import (
    agents,
    approvals,
    events,
    mail,
    questions,
    reminders,
    search,
    turns,
    warnings,
)

LOOK_SECONDS = 60.0


def watch(hive: Hive) -> None:
    """Runs until it is stopped."""
    with bell.Listener(hive.paths.bell, "broker") as listener, Alarm(listener) as alarm:
        rung_to = 0.0
        look_at = clock.monotonic()
        notify("READY=1")
        while True:
            hive.db.still_there()  # else it would keep the promises of a database that nobody sees
            try:
                rung_to = keep_promises(hive, rung_to)
                deadline = next_deadline(hive)
            except NotNow:  # a full disk: the next look tries again
                deadline = NEVER
            if clock.monotonic() >= look_at:
                look_around(hive)
                look_at = clock.monotonic() + LOOK_SECONDS
            what = "the next look" if deadline == NEVER else f"{clock.iso(deadline)}"
            notify(f"STATUS=waits for {what}")
            # The wall clock may jump while we sleep: the deadline is read anew after every wake.
            alarm.wait(deadline, look_at - clock.monotonic())


def next_deadline(hive: Hive) -> float:
    """When the next promise falls due: UTC seconds, infinity when there is none."""
    now = clock.now()
    times = (
        mail.next_due(hive.db, now),
        agents.next_unpark(hive.db),
        approvals.next_expiry(hive.db),
        questions.next_deadline(hive.db),
    )
    return min((time for time in times if time is not None), default=NEVER)


def keep_promises(hive: Hive, rung_to: float) -> float:
    """Rings for postponed mail that fell due since `rung_to`, ends parkings and what nobody decided or answered in
    time; gives back the time it looked at."""
    now = clock.now()
    if now < rung_to:  # the clock went back
        rung_to = 0.0
    due = mail.became_due(hive.db, rung_to, now)
    if due:
        mailing.ring_inboxes(hive, due)
    for agent in agents.parked_until(hive.db, now):
        settling.unpark(hive, agent.name, "time")
    resolving.expire(hive, now)
    asking.expire(hive, now)
    return now


def look_around(hive: Hive) -> None:
    """The once-a-minute look: due mail, reminders and jobs that nobody does, decisions that no worker has heard of,
    failed units, the search index, old warnings."""
    now = clock.now()
    busy = {turn.agent for turn in turns.running(hive.db)}
    for name in mail.waiting_inboxes(hive.db, now):
        agent = agents.get(hive.db, name)
        if agent and agent.state == "running" and not agent.parked and name not in busy:
            bell.ring(hive.paths.bell, f"turn.{name}")
    for name in busy:  # its process may have died with nobody to say so: a ring makes the unit look
        bell.ring(hive.paths.bell, f"turn.{name}")
    for lane in {
        job.lane for job in jobs.unfinished(hive)
    }:  # its worker may have died, its ring be lost
        bell.ring(hive.paths.bell, jobs.topic(lane))
    if reminders.due(hive.db, now, 1):
        bell.ring(hive.paths.bell, "reminder")
    _ring_for_decisions(hive, now)
    with suppress(HiveError):  # a full disk must not end the watch
        search.catch_up(hive.db)
        _clear_old_warnings(hive, now)
        _mend_units(hive)
        _give_settings(hive)


def _ring_for_decisions(hive: Hive, now: float) -> None:
    """Wakes the worker for decisions whose decider died before the row knew of them."""
    if approvals.next_expiry(hive.db) is None:
        return
    from hivelib.flow import deciding  # git and all that: only while something waits

    stands = {name for name, _ in _standing(hive, resolving.refusal(""))}
    unheard = [one for one in deciding.undone(hive) if resolving.refusal(one) not in stands]
    # Where this user may not list the decisions, it still sees that one was made a moment ago.
    if unheard or deciding.newest_at(hive) > now - 2 * LOOK_SECONDS:
        bell.ring(hive.paths.bell, jobs.topic("approvals"))


def _clear_old_warnings(hive: Hive, now: float) -> None:
    standing = _standing(hive, "dampened:")
    old = [name for name, at in standing if not isinstance(at, float) or at < now - LOOK_SECONDS]
    _clear(hive, {name: name for name in old})


def _standing(hive: Hive, prefix: str) -> list[tuple[str, float]]:
    """The names of standing warnings that begin so, and since when they stand."""
    standing = [(name, at) for name, at, *_ in warnings.standing(hive.db) if isinstance(name, str)]
    return [(name, at) for name, at in standing if name.startswith(prefix)]


def _clear(hive: Hive, subjects: dict[str, str]) -> None:
    for name, subject in subjects.items():
        with hive.db.write(durable=False) as db:
            events.record(db, *warning.cleared(db, subject, name))
    if subjects:
        bell.ring(hive.paths.bell, "events")


def _give_settings(hive: Hive) -> None:
    """Starts hive-settings for an edit that systemd has not seen, for it was made while the one before was given."""
    if reloading.unseen(hive):
        from hivelib.host.systemd import systemctl

        systemctl(hive.settings, "start", "--no-block", "hive-settings.service", check=False)


def _mend_units(hive: Hive) -> None:
    """Sockets and services of ours that failed are started again, and the operator is told once while that lasts."""
    from hivelib.host.systemd import failed_units, systemctl

    # A box that died is the crash watch's to tell, and is made anew by whoever calls it.
    ours = ("hive-exec@", ".service")
    failed = [
        unit
        for unit in failed_units(hive.settings)
        if unit.startswith("hive-") and not (unit.startswith(ours[0]) and unit.endswith(ours[1]))
    ]
    for unit in failed:
        systemctl(hive.settings, "reset-failed", unit, check=False)
        if unit.endswith(".socket"):
            # A socket refuses to start while its service runs (facts/systemd-nix.md B).
            systemctl(hive.settings, "stop", unit, unit.replace(".socket", ".service"), check=False)
        systemctl(hive.settings, "start", "--no-block", unit, check=False)
        why = f"{unit} had failed and was started again"
        with hive.db.write(durable=False) as db:
            events.record(db, *warning.raised(db, unit, f"failed:{unit}", why, f"hive-logs {unit}"))
    if failed:
        bell.ring(hive.paths.bell, "events")
    stand = {name: name.removeprefix("failed:") for name, _ in _standing(hive, "failed:")}
    _clear(hive, {name: unit for name, unit in stand.items() if unit not in failed})
