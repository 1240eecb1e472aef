"""`api.hive`: the model's API with the hive's key. Only hive-egress reads it; no box, log or event has it."""

import asyncio
import functools
import ssl
from typing import NamedTuple
from urllib.parse import urlsplit

from hivelib.face.egress.joining import SECONDS
from hivelib.model.settings import Api

CREDENTIALS = frozenset(("authorization", "x-api-key", "cookie"))
"""What a box may send along is dropped: the hive's key alone says who pays."""

_MOST_KEY = 4096


class Broken(Exception):
    """The operator's settings of the API do not work; the text says which, and never what the key is."""


class Upstream(NamedTuple):
    """Where `api.hive` leads; `shown` is the Host to send, `path` what goes before the request's own path."""

    host: str
    port: int
    secure: bool
    shown: str
    path: str


def upstream(api: Api) -> Upstream:
    """Where the settings say that the API is; Broken when they do not say it."""
    try:
        parts = urlsplit(api.url)
        port = parts.port
    except ValueError:
        raise Broken("[api] url in hive.toml is not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise Broken("[api] url in hive.toml must be http://HOST or https://HOST, without a user")
    secure = parts.scheme == "https"
    return Upstream(
        parts.hostname,
        port or (443 if secure else 80),
        secure,
        parts.netloc,
        parts.path.rstrip("/"),
    )


def read_key(api: Api) -> str:
    """The key, read anew for each request so that a new one counts at once; Broken when there is none."""
    try:
        with open(api.key_file, encoding="ascii") as file:
            key = file.read(_MOST_KEY).strip()
    except (OSError, UnicodeDecodeError):
        key = ""
    if not key or not key.isprintable() or " " in key:
        raise Broken("the file that [api] key_file in hive.toml names holds no readable key")
    return key


async def connect(to: Upstream, limit: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the API, TLS verified; the operator chose it, so it may be anywhere. OSError when it fails."""
    opening = asyncio.open_connection(
        to.host,
        to.port,
        limit=limit,
        ssl=_verifying() if to.secure else None,
        server_hostname=to.host if to.secure else None,
    )
    try:
        return await asyncio.wait_for(opening, 2 * SECONDS)
    except TimeoutError:
        raise OSError(f"no answer within {2 * SECONDS:.0f} s") from None


@functools.cache
def _verifying() -> ssl.SSLContext:
    """The system's certificates, read once (20 ms); the process exits when idle, so new ones come to count."""
    return ssl.create_default_context()
