"""Carries a turn out: what claude is given, run in the agent's box, once more where that helps, and what came of it."""

import os
from typing import Any

from hivelib.base import clock
from hivelib.base.db import Database
from hivelib.base.errors import HiveError
from hivelib.flow.beginning import Begun, reset_session
from hivelib.flow.concluding import NOT_RUN, conclude, starved
from hivelib.flow.opening import Hive, open_transcript
from hivelib.flow.settling import Outcome
from hivelib.flow.streaming import Ended, Wakers, run_claude
from hivelib.host import claude, crash_notes
from hivelib.host.claude import Session
from hivelib.host.execution import wake
from hivelib.model.roles import system_prompt
from hivelib.model.wording import wake_prompt


def carry_out(hive: Hive, begun: Begun, wakers: Wakers) -> Outcome:
    """Runs claude for a turn; whatever happens, gives back an outcome."""
    if why := claude.missing(
        hive.settings
    ):  # no box comes up then, and waiting for one says nothing
        return Outcome("failed", why, unseen=True)
    wake(hive.paths.handoff("mcp"))  # its import takes as long as claude's start
    session = Session(begun.session, begun.known)
    try:
        transcript = open_transcript(hive, begun.turn.agent, create=True)
        assert transcript is not None
        with transcript:
            ended, session = _run_twice(hive, begun, transcript, session, wakers)
    except HiveError as error:  # a full disk, a damaged transcript
        return Outcome("failed", error.message)
    outcome = conclude(hive, begun.turn, ended)
    if outcome.kind == "lost" and starved(ended):  # its unit ends well, so systemd says nothing
        key = f"turn-{begun.turn.id}"
        crash_notes.leave(hive.paths, begun.agent.name, key, "killed", "KILL", ended.starved)
    return outcome._replace(figures={**outcome.figures, "session_id": session.id})


def _run_twice(
    hive: Hive, begun: Begun, transcript: Database, session: Session, wakers: Wakers
) -> tuple[Ended, Session]:
    """Runs claude, and once more when it did not begin for a reason that is gone the second time.

    That is: claude does not know its session (then a new one is begun), or its own settings were damaged (it has put
    them aside and made new ones; facts, claude-cli, section 3).
    """
    prompt = _prompt(begun)
    ended = run_claude(hive, begun.turn, transcript, _request(hive, begun, session), prompt, wakers)
    if ended.stop or not ended.exit or ended.exit < 0 or ended.exit == NOT_RUN:
        return ended, session
    if ended.reading.session_gone():
        session = Session(reset_session(hive, begun.agent.name), False)
    elif not ended.reading.mute():
        return ended, session
    request = _request(hive, begun, session)
    return run_claude(hive, begun.turn, transcript, request, prompt, wakers), session


def _request(hive: Hive, begun: Begun, session: Session) -> dict[str, Any]:
    settings, agent = hive.settings, begun.agent
    role = system_prompt(agent.name, agent.role, settings.operator, settings.mail.body_limit)
    return {
        "args": claude.arguments(begun.turn.model or settings.claude.model, session),
        "files": claude.files(begun.turn.id, role),
        "env": claude.environment(settings),
    }


def _prompt(begun: Begun) -> str:
    return wake_prompt(
        begun.message,
        sent=clock.iso(begun.message.sent_at),
        now=clock.iso(clock.now()),
        waiting=begun.waiting,
        marker=os.urandom(8).hex(),
    )
