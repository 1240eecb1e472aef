"""A browser that calls the application as wsgiref's validator thinks a server must; no server, no socket."""

import io
import json
from http.client import HTTPMessage
from typing import Any
from wsgiref.types import WSGIApplication
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from hivelib.base import clock
from hivelib.flow.opening import Hive
from hivelib.store import agents
from tests.support.page import Answer

PORT = 7000
HOST = f"127.0.0.1:{PORT}"
FORM = "application/x-www-form-urlencoded"


class Browser:
    """Calls the application as wsgiref's validator thinks a server must."""

    def __init__(self, app: WSGIApplication) -> None:
        self.bare, self.app = app, validator(app)
        self.cookie = ""

    def ask(
        self, method: str, path: str, body: Any = None, *, kind: str = FORM, **headers: str | None
    ) -> Answer:
        """One request; a dict goes as JSON, text as `kind`; a header None is left out."""
        raw = (
            json.dumps(body).encode() if isinstance(body, dict) else (body or "").encode("latin-1")
        )
        path, _, query = path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "HTTP_HOST": HOST,
            "wsgi.input": io.BytesIO(raw),
            "CONTENT_LENGTH": str(len(raw)),
            "CONTENT_TYPE": "application/json" if isinstance(body, dict) else kind,
            "HTTP_ORIGIN": f"http://{HOST}",
            "HTTP_COOKIE": self.cookie,
            "REMOTE_ADDR": "127.0.0.1",
        }
        for name, value in headers.items():
            environ[f"HTTP_{name.upper()}"] = value
        environ = {name: value for name, value in environ.items() if value is not None}
        setup_testing_defaults(environ)
        told: dict[str, Any] = {}

        def start(status: str, fields: list[tuple[str, str]], *_: Any) -> Any:
            told.update(status=int(status[:3]), fields=fields)
            return io.BytesIO().write

        blocks = self.app(environ, start)
        text = b"".join(blocks).decode()
        blocks.close()  # type: ignore[attr-defined]
        fields = HTTPMessage()
        for name, value in told["fields"]:
            fields[name] = value
        return Answer(told["status"], fields, text)


def add(hive: Hive, name: str, state: str = "running") -> None:
    """Adds an agent."""
    with hive.db.write() as db:
        agents.add(db, name, "agent", "bwrap", "{}", clock.now())
        agents.set_state(db, name, state, clock.now())
