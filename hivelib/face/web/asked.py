"""What a request asks for: the fields of its body, each one checked before a verb gets it."""

import json
from typing import Any

import bottle

from hivelib.base.errors import Misuse
from hivelib.face.exchange import BODY_MOST


def is_form() -> bool:
    """Whether a form of the page was sent, rather than JSON."""
    kind: str = bottle.request.content_type
    return kind.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"


def fields() -> dict[str, Any]:
    """The fields of a JSON object or of a form, a list where one is given more than once; raises Misuse."""
    body = bottle.request.body.read(BODY_MOST)
    if is_form():
        forms = bottle.request.forms.decode()
        given = {name: forms.getall(name) for name in forms}
        return {name: values if len(values) > 1 else values[0] for name, values in given.items()}
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise Misuse("the body is not JSON", "send an object") from None
    if not isinstance(given, dict):
        raise Misuse("the body is not an object", 'send {"name": …}')
    return given


def text(given: dict[str, Any], name: str) -> str:
    """A field that must be text without NUL; raises Misuse."""
    value = given.get(name)
    if not isinstance(value, str) or "\0" in value:
        raise Misuse(f"`{name}` must be text", "see docs/web-ui.md")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Misuse(f"`{name}` is not valid Unicode", "see docs/web-ui.md") from None
    return value


def optional(given: dict[str, Any], name: str) -> str:
    """A field that may be missing, as text; empty when it is. Raises Misuse."""
    return text(given, name) if given.get(name) not in (None, "") else ""


def texts(given: dict[str, Any], name: str) -> list[str]:
    """A field that is text, or a list of it; empty when it is missing. Raises Misuse."""
    value = given.get(name)
    values = value if isinstance(value, list) else [] if value in (None, "") else [value]
    return [text({name: one}, name) for one in values]


def number(given: dict[str, Any], name: str) -> int | None:
    """A field that is a number from 1 on, as JSON or as digits; None when it is missing or empty. Raises Misuse."""
    value = given.get(name)
    if value in (None, ""):
        return None
    try:
        plain = isinstance(value, int | str) and not isinstance(value, bool)
        found = int(value) if plain else 0
    except ValueError:
        found = 0
    if not 0 < found < 2**63:
        raise Misuse(f"`{name}` must be a number", "see docs/web-ui.md")
    return found
