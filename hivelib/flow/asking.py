"""Questions (SPEC section 4): asked, answered once, or taken back. flow/closing.py has how one ends.

An answer that comes after the deadline and before hive-broker has seen to it counts: a timeout is neither yes nor no.
"""

from collections.abc import Sequence

from hivelib.base import bell, clock
from hivelib.base.db import Database
from hivelib.base.errors import Misuse, NotNow, Refused
from hivelib.flow import closing, damping, mailing
from hivelib.flow.closing import end_for as end_for
from hivelib.flow.closing import expire as expire
from hivelib.flow.opening import Hive
from hivelib.model import rules
from hivelib.model.events import Dampened
from hivelib.model.names import EVERYBODY, MANAGER, OPERATOR
from hivelib.model.questions import asked_notice, cancelled, why_not_options, why_not_ttl
from hivelib.model.records import Broken, Caller, Question, Request
from hivelib.model.timely import QuestionAnswered, QuestionAsked, QuestionCancelled
from hivelib.store import agents, answers, events, questions

_LOOK_SECONDS = 60.0
_MINUTE = 60.0


def ask(
    hive: Hive,
    caller: Caller,
    question: str,
    *,
    options: Sequence[str] = (),
    multi: bool = False,
    ttl: float | None = None,
    to: str | None = None,
    request: Request | None = None,
) -> Question:
    """Asks the operator (`to` None), or an agent, whose inbox it goes to; returns once it is on the disk.

    `options` are advice; `ttl` is in seconds. The same `request` again asks nothing and gives the first question.
    Raises Refused or Misuse, with a reason and a way out.
    """
    limits = hive.settings.questions
    if wrong := (
        rules.why_not_body(question, hive.settings.mail.body_limit, "the question")
        or why_not_options(options)
        or (ttl is not None and why_not_ttl(ttl, limits.ttl_most))
    ):
        raise Refused(*wrong)
    target = OPERATOR if to is None else to
    now = clock.now()
    deadline = None if ttl is None else now + ttl
    with hive.db.write(durable=False) as db:
        if request and (first := answers.known(db, request)) is not None:
            return _readable(known(hive, first["id"]))
        mailing.refuse_stray_turn(hive, caller)
        asked = Question(
            id=0,
            asker=caller.name,
            asker_incarnation=_incarnation(db, caller.name),
            target=target,
            target_incarnation=_target(hive, caller, target),
            question=question,
            options=tuple(options),
            multi=multi,
            asked_at=now,
            deadline_at=deadline,
            state="open",
            answered_at=None,
            answer=None,
            answerer=None,
        )
        dampened = _too_much(hive, caller, asked)
        if dampened is None:
            asked = _add(hive, caller, asked, request)
    if dampened is not None:
        raise damping.refusal(hive, dampened)
    mailing.ring_inboxes(hive, [] if target == OPERATOR else [target])
    if deadline is not None:
        bell.ring(hive.paths.bell, "broker")  # its next deadline may be this one
    hive.db.sync()
    return asked


def answer(
    hive: Hive,
    caller: Caller,
    number: int,
    answer: str | Sequence[str],
    *,
    request: Request | None = None,
) -> Question:
    """Answers an open question, for good; who asked has it in its inbox. Several answers are joined with ", ".

    Only whom was asked may, and for a peer the operator. Raises Refused, also when it is over: saying who answered.
    The same `request` again changes nothing.
    """
    several = () if isinstance(answer, str) else tuple(answer)
    words = answer if isinstance(answer, str) else ", ".join(answer)
    if wrong := rules.why_not_body(words, hive.settings.mail.body_limit, "the answer"):
        raise Refused(*wrong)
    with hive.db.write(durable=False) as db:
        if request and (first := answers.known(db, request)) is not None:
            return _readable(known(hive, first["id"]))
        mailing.refuse_stray_turn(hive, caller)
        found = _readable(known(hive, number))
        if not _may_answer(db, caller, found):
            raise Refused(
                f"question {number} is not yours to answer", f"{found.target} was asked, not you"
            )
        if len(several) > 1 and not found.multi:
            raise Misuse(f"question {number} takes one answer", "choose one, or say it in words")
        told = QuestionAnswered(
            closing.subject(number),
            id=number,
            question=found.question,
            answer=words,
            answerer=caller.name,
        )
        _refuse_over(found)
        woken = closing.close(hive, found, "answered", words, caller.name, told)
        _remember(db, request, number)
    mailing.ring_inboxes(hive, woken)
    hive.db.sync()
    return _readable(known(hive, number))


def cancel(
    hive: Hive, caller: Caller, number: int, *, request: Request | None = None
) -> Question | Broken:
    """Takes an open question back: its asker's own, anybody's for the manager and the operator, who may also end one
    that cannot be decoded. Who asked reads `[cancelled]` or `[cancelled by X]`. Raises Refused."""
    with hive.db.write(durable=False) as db:
        if request and (first := answers.known(db, request)) is not None:
            return known(hive, first["id"])
        mailing.refuse_stray_turn(hive, caller)
        found = known(hive, number)
        if not _may_cancel(db, caller, found):
            raise Refused(
                f"question {number} is not yours", "who asked, the manager and the operator cancel"
            )
        _refuse_over(found)
        told = QuestionCancelled(closing.subject(number), id=number, by=caller.name)
        words = cancelled(caller.name)
        woken = closing.close(hive, found, "cancelled", words, caller.name, told)
        _remember(db, request, number)
    mailing.ring_inboxes(hive, woken)
    hive.db.sync()
    return known(hive, number)


def known(hive: Hive, number: int) -> Question | Broken:
    """The question of that number, over or not. Raises Refused when there is none."""
    found = questions.get(hive.db, number)
    if found is None:
        raise Refused(f"there is no question {number}", "hive-questions and loose_ends list them")
    return found


def open_questions(hive: Hive) -> list[Question | Broken]:
    """All that are open, oldest first."""
    return questions.unsettled(hive.db)


def recent(hive: Hive, limit: int) -> list[Question | Broken]:
    """The newest, open or over, oldest of them first."""
    return questions.latest(hive.db, limit)


def is_so(hive: Hive, number: int, state: str, answer: str | None = None) -> bool:
    """Whether a question has ended like that before, by the operator's own `answer` when one is given."""
    found = known(hive, number)
    ended, by, words = (closing.text_of(found, name) for name in ("state", "answerer", "answer"))
    return ended == state and (answer is None or (by, words) == (OPERATOR, answer))


def wait(hive: Hive, number: int, seconds: float) -> Question:
    """The question once it is over. Raises NotNow when that takes longer; it stays open then."""
    until = clock.monotonic() + seconds
    with bell.Listener(hive.paths.bell, "events") as listener:
        while True:
            found = _readable(known(hive, number))
            left = until - clock.monotonic()
            if found.state != "open":
                return found
            if left <= 0:
                raise NotNow(
                    f"question {number} has no answer yet", "it stays open: hive-recv brings it"
                )
            listener.wait(min(left, _LOOK_SECONDS))


def _add(hive: Hive, caller: Caller, asked: Question, request: Request | None) -> Question:
    db, most = hive.db, hive.settings.questions.open_most
    if questions.count_open(db, caller.name) >= most:
        raise Refused(f"{most} of your questions are open", "wait for an answer, or cancel one")
    asked = asked._replace(id=questions.add(db, asked))
    told = QuestionAsked(
        closing.subject(asked.id),
        **{name: getattr(asked, name) for name in QuestionAsked.fields},
    )
    events.record(db, told, at=asked.asked_at)
    if asked.target != OPERATOR:
        urgent = caller.role == "operator"
        mailing.notify(hive, asked.target, asked_notice(asked), urgent=urgent)
    _remember(db, request, asked.id)
    return asked


def _target(hive: Hive, caller: Caller, to: str) -> int | None:
    """The incarnation of whom is asked. Raises Refused when nobody can be, or not by this caller."""
    if to == caller.name:
        raise Refused("that is yourself", "ask another agent, or the operator")
    if to == EVERYBODY:
        raise Refused("a question goes to one", "ask each of them, or `send` to all")
    mailing.recipients_of(hive, caller, to)
    return _incarnation(hive.db, to)


def _incarnation(db: Database, name: str) -> int | None:
    """Which agent of that name lives now; None for the operator. Raises Refused when none does."""
    if name == OPERATOR:
        return None
    agent = agents.live(db, name)
    if agent is None:
        raise Refused(f"{mailing.names_shown(name)} does not exist any more", "end now")
    return agent.incarnation


def _too_much(hive: Hive, caller: Caller, asked: Question) -> Dampened | None:
    """A question is a message to the loop damper: two agents could ask each other without end."""
    if not rules.is_agent_pair(asked.asker, asked.target):
        return None
    now = asked.asked_at
    times = questions.asked_between(hive.db, asked.asker, asked.target, now - _MINUTE, now)
    return damping.too_much(hive, caller, asked.target, now, also=times)


def _may_answer(db: Database, caller: Caller, found: Question) -> bool:
    if caller.role == "operator":
        return True
    return found.target == caller.name and found.target_incarnation == _incarnation(db, caller.name)


def _may_cancel(db: Database, caller: Caller, found: Question | Broken) -> bool:
    if caller.role in ("operator", MANAGER):
        return True
    return (
        isinstance(found, Question)
        and found.asker == caller.name
        and found.asker_incarnation == _incarnation(db, caller.name)
    )


def _readable(found: Question | Broken) -> Question:
    if isinstance(found, Broken):
        raise Refused(
            f"question {found.id} cannot be read: {found.why}",
            f"the operator can end it: hive-cancel question {found.id}",
        )
    return found


def _refuse_over(found: Question | Broken) -> None:
    """Raises Refused when a question is over, with what became of it."""
    state, by = closing.text_of(found, "state"), closing.text_of(found, "answerer")
    if state == "open":
        return
    became = "expired" if state == "expired" else f"was {state} by {mailing.names_shown(by)}"
    raise Refused(f"question {found.id} {became}", "a question ends once; ask another")


def _remember(db: Database, request: Request | None, number: int) -> None:
    if request:
        answers.fill(db, answers.reserve(db, request, clock.now()), {"id": number})
