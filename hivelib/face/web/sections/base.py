"""What a part of a page is. It is drawn by the same template for the first load and for every change after it."""

from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple, Protocol, TypeVar

from hivelib.face.web.views import render
from hivelib.flow.opening import Hive
from hivelib.flow.spending import Spending
from hivelib.model import soundness
from hivelib.model.records import EventRow

Row = TypeVar("Row")
Patch = dict[str, str | None]
"""`id` of the element and its new `html` (null: remove it); with `into` it is put there when missing, ordered by its
`data-n`; with `once` it is left alone when it is there."""


class Drawer(NamedTuple):
    """What a section is drawn from. `subject` is whom the page is about (an agent, an approval), empty: the hive."""

    hive: Hive
    spending: Spending
    subject: str = ""


class Section(Protocol):
    """A part of a page, with what it shows of it found in its template by `name`."""

    @property
    def name(self) -> str:
        """Its name in the page's template, and the id of its element."""

    def touched(self, row: EventRow, payload: dict[str, Any]) -> Iterable[Any]:
        """The things of it that an event may have changed, each by a key that can be hashed."""

    def patches(self, drawer: Drawer, keys: Collection[Any]) -> Iterable[tuple[Any, Patch]]:
        """The changes that bring these things up to date, each with its key; inside the caller's snapshot."""

    def draw(self, drawer: Drawer) -> str:
        """All of it as HTML; inside the caller's snapshot."""


class Whole(NamedTuple):
    """A section that is small: any event of its `kinds` draws all of it anew. `make` draws one element, whose id is
    `name`; what stands as it stood is left alone by the browser, with whatever was typed there."""

    name: str
    kinds: frozenset[str]
    make: Callable[[Drawer], str]

    def touched(self, row: EventRow, payload: dict[str, Any]) -> Iterable[Any]:
        """One thing, when the event is of its kinds."""
        return ("",) if row.kind in self.kinds else ()

    def patches(self, drawer: Drawer, keys: Collection[Any]) -> Iterable[tuple[Any, Patch]]:
        """The whole of it."""
        return [(key, patch(self.name, self.make(drawer))) for key in keys]

    def draw(self, drawer: Drawer) -> str:
        """The whole of it."""
        return self.make(drawer)


def each(draw: Callable[[Row], str], row: Row, name: str) -> str:
    """A row as `draw` has it; one that cannot be read as it is, in an element of the list that is called the same."""
    why = soundness.why_not(row)
    if not why:
        return draw(row)
    return render("row_broken", name=name, one=soundness.unsound(row, why))


def patch(name: str, html: str | None, into: str = "") -> Patch:
    """One change: the element `name` becomes `html`, or goes."""
    return {"id": name, "html": html, **({"into": into} if into else {})}


def numbers(payload: dict[str, Any], name: str) -> tuple[int, ...]:
    """The number or numbers that an event has under that name; what is none is left out."""
    value = payload.get(name)
    found = value if isinstance(value, list) else [value]
    return tuple(one for one in found if type(one) is int and 0 <= one < 2**63)
