"""hive-notify: tells the operator away from the screen, through whatever services the operator named (SPEC section 9).

Each address is on its own: how far it was told, how often in the last hour, how its service does. Nothing is queued
anywhere: what was not told yet is what follows the last event told, so a service that is down for a day gets one
notification afterwards. At least once: what was sent is remembered right after, and a kill in between repeats it.
"""

import threading
from contextlib import suppress

from hivelib.base import bell, clock, journal
from hivelib.base.errors import NotNow, Refused
from hivelib.base.text import shortened
from hivelib.flow import warning
from hivelib.flow.opening import Hive
from hivelib.host import apprising
from hivelib.host.apprising import Address, Outcome
from hivelib.model import notices, rules
from hivelib.model.events import Event
from hivelib.model.notices import Letter, Notice, Pile
from hivelib.store import approvals, events, mail, told, warnings
from hivelib.store.told import Told

SEND_SECONDS = 20.0
"""The longest that a service may take for one message."""
PAUSE_FIRST, PAUSE_MOST = 10.0, 900.0
"""Seconds until a failed service is tried again: doubling from the first."""
FAILURES = 3
"""So many in a row are a warning."""
FAILING, UNUSABLE = "notify", "notify:settings"
_MEND = "hive-notify --test"
_HOUR = 3600.0
_LOOK_SECONDS = 60.0
_QUOTED = 200
_BATCH = 500
_KEPT_EVERY = 1000
"""Events without anything to tell, after which it is remembered that they were read."""


class Stream:
    """What one address is to be told. `read_to` is the last event looked at, `pile` what of those waits to be sent."""

    def __init__(self, address: Address, known: Told) -> None:
        """Goes on after what it was told."""
        self.address = address
        self.told = known
        self.read_to = known.seq
        self.pile = Pile()
        self.found_at = 0.0  # monotonic, as all that is waited for
        self.failures = 0
        self.not_before = 0.0
        self.sending = False
        self.outcome: Outcome | None = None

    def add(self, one: Notice) -> None:
        """One more thing to tell; the first begins the group."""
        if not self.pile:
            self.found_at = clock.monotonic()
        self.pile.add(one)

    def recent(self, now: float) -> tuple[float, ...]:
        """When the last hour's notifications left; a clock that went back makes none of the future."""
        return tuple(at for at in self.told.sent if now - _HOUR < at <= now)

    def due_in(self, group_seconds: float, per_hour: int) -> float:
        """After how many seconds its pile may be sent; 0 or less: now."""
        now, wall = clock.monotonic(), clock.now()
        sent = self.recent(wall)
        full = sent[-per_hour] + _HOUR - wall if len(sent) >= per_hour else 0.0
        return max(self.found_at + group_seconds - now, self.not_before - now, full)


class Teller:
    """Reads what happens and tells each address of it."""

    def __init__(self, hive: Hive, listener: bell.Listener) -> None:
        """Raises Refused when nobody can be told."""
        self.hive = hive
        self.listener = listener
        self.streams: dict[str, Stream] = {}
        apprising.refuse_missing()
        self.meet(apprising.addresses(hive.settings))

    def meet(self, addresses: list[Address]) -> None:
        """Goes on with these addresses and no others; a new one is told what happens from now on."""
        db = self.hive.db
        last = events.last_seq(db)
        before, self.streams = self.streams, {}
        for address in addresses:
            known = told.read(db, address.key)
            start = known._replace(seq=min(known.seq, last)) if known else Told(last)
            stream = before.get(address.key) or Stream(address, start)
            self.streams[address.key] = stream
            if known is None:
                self._keep(stream, start)
        for key in told.keys(db) - self.streams.keys():
            with suppress(NotNow), db.write(durable=False):
                told.forget(db, key)
        self._calm()

    def look(self) -> None:
        """Reads what happened since the last look."""
        streams = [stream for stream in self.streams.values() if not stream.sending]
        if not streams:
            return
        upto = events.last_seq(self.hive.db)
        seq = min(stream.read_to for stream in streams)
        rows = events.of_kinds(self.hive.db, notices.KINDS, seq, upto, _BATCH)
        while rows:
            for row in rows:
                one = None
                with suppress(
                    ValueError, KeyError, TypeError, AttributeError
                ):  # one bad row hides no other
                    one = notices.notice(row)
                for stream in streams:
                    if one and row.seq > stream.read_to:
                        stream.add(one._replace(line=shortened(one.line, 120)))
            rows = events.of_kinds(self.hive.db, notices.KINDS, rows[-1].seq, upto, _BATCH)
        for stream in streams:
            stream.read_to = max(upto, stream.read_to)
            if not stream.pile and upto - stream.told.seq >= _KEPT_EVERY:
                self._keep(stream, stream.told._replace(seq=upto), durable=False)

    def tell(self) -> None:
        """Takes in what came of what was sent, and sends what is due."""
        for stream in self.streams.values():
            if stream.outcome:
                self._settle(stream, stream.outcome)
        if not any(map(self._is_due, self.streams.values())):
            return
        try:  # the file may be another by now, or somebody is just writing it
            self.meet(apprising.addresses(self.hive.settings))
        except Refused as error:
            _unusable(self.hive, error)
            for stream in self.streams.values():
                stream.not_before = max(stream.not_before, clock.monotonic() + _LOOK_SECONDS)
            return
        _clear(self.hive, UNUSABLE)
        for stream in filter(self._is_due, self.streams.values()):
            stream.sending = True
            work = (stream, self.letter(stream.pile))
            threading.Thread(target=self._send, args=work, daemon=True).start()

    def letter(self, pile: Pile) -> Letter:
        """The notification of a pile: no token is in its link, and others' words only with `[notify] bodies`."""
        page = f"http://127.0.0.1:{self.hive.settings.web.port}"
        return notices.letter(pile, page, self._quoted)

    def pause(self) -> float:
        """Seconds until there is something to do, if nothing happens before."""
        limits = self.hive.settings.notify
        waits = [
            stream.due_in(limits.group_seconds, limits.per_hour)
            for stream in self.streams.values()
            if stream.pile and not stream.sending
        ]
        return max(0.0, min([_LOOK_SECONDS, *waits]))

    def _is_due(self, stream: Stream) -> bool:
        limits = self.hive.settings.notify
        waits = stream.pile and not stream.sending
        return bool(waits) and stream.due_in(limits.group_seconds, limits.per_hour) <= 0

    def _send(self, stream: Stream, letter: Letter) -> None:
        outcome = Outcome(f"line {stream.address.line}", False, "a bug: the log says more")
        try:
            outcome = apprising.deliver(stream.address, letter, SEND_SECONDS)
        finally:
            stream.outcome = outcome
            self.listener.nudge()

    def _settle(self, stream: Stream, outcome: Outcome) -> None:
        stream.sending, stream.outcome = False, None
        if outcome.worked:
            now = clock.now()
            stream.pile, stream.failures = Pile(), 0
            self._keep(stream, Told(stream.read_to, (*stream.recent(now), now)))
            self._calm()
            return
        stream.failures += 1
        pause = rules.pause(stream.failures, PAUSE_FIRST, PAUSE_MOST)
        stream.not_before = clock.monotonic() + pause
        what = f"{outcome.name}: {outcome.why}"
        journal.note("hive-notify", f"{what}; tried again in {pause:g} s")
        if stream.failures >= FAILURES:
            _raise(self.hive, FAILING, f"the operator cannot be told through {what}", _MEND)

    def _calm(self) -> None:
        if not any(stream.failures for stream in self.streams.values()):
            _clear(self.hive, FAILING)

    def _keep(self, stream: Stream, known: Told, *, durable: bool = True) -> None:
        stream.told = known
        with suppress(NotNow), self.hive.db.write(durable=durable) as db:  # a full disk repeats it
            told.keep(db, stream.address.key, known)

    def _quoted(self, one: Notice) -> str:
        if not self.hive.settings.notify.bodies:
            return ""
        words = one.quote
        if isinstance(words, int) and words >= 2**63:  # no row has it
            words = ""
        elif isinstance(words, int) and one.sort == "approval":
            approval = approvals.get(self.hive.db, words)
            words = approval.description if approval else ""
        elif isinstance(words, int):
            message = mail.get(self.hive.db, words)
            words = message.body if message else ""
        return shortened(str(words), _QUOTED)


def serve(hive: Hive) -> None:
    """Tells until it is stopped. Raises Refused, and leaves a warning, when nobody can be told."""
    with bell.Listener(hive.paths.bell, "events") as listener:
        try:
            teller = Teller(hive, listener)
        except Refused as error:
            _unusable(hive, error)
            raise
        _clear(hive, UNUSABLE)
        while True:
            teller.look()
            teller.tell()
            listener.wait(teller.pause())


def test(hive: Hive) -> list[Outcome]:
    """Sends one message to every address, one after the other, and gives back what came of each. Raises Refused when
    there is none."""
    apprising.refuse_missing()
    page = f"http://127.0.0.1:{hive.settings.web.port}/"
    letter = Letter("hyperhive: a test", f"If you read this, the hive can tell you.\n{page}")
    addresses = apprising.addresses(hive.settings)
    return [apprising.deliver(address, letter, SEND_SECONDS) for address in addresses]


def stand_down(hive: Hive) -> None:
    """Ends the warnings about telling, when nobody is to be told any more."""
    for name in (FAILING, UNUSABLE):
        _clear(hive, name)


def _unusable(hive: Hive, error: Refused) -> None:
    _raise(hive, UNUSABLE, f"the operator is not told: {error.message}", error.hint)


def _raise(hive: Hive, name: str, why: str, mend: str) -> None:
    with suppress(NotNow), hive.db.write(durable=False) as db:
        _record(hive, warning.raised(db, name, name, why, mend))


def _clear(hive: Hive, name: str) -> None:
    if any(name == standing for standing, *_ in warnings.standing(hive.db)):
        with suppress(NotNow), hive.db.write(durable=False) as db:
            _record(hive, warning.cleared(db, name, name))


def _record(hive: Hive, changed: list[Event]) -> None:
    events.record(hive.db, *changed)
    if changed:
        bell.ring(hive.paths.bell, "events")
