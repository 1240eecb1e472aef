"""The wire of the model's API: HTTP on 127.0.0.1, answers as JSON or as a stream of events."""

import contextlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.script import NOTHING, Fail, Say, Seen

Answer = Callable[[Mapping[str, Any], Mapping[str, str]], tuple[Seen, Say | Fail]]
Event = dict[str, Any]

HELD_AT_MOST = 120.0  # seconds


class Server:
    """Serves `answer` on a port that the kernel picks, from `start` to `stop`."""

    def __init__(self, answer: Answer) -> None:
        handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
        self._http = _Http(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        """Accepts from now on; connections made before wait in the backlog."""
        self._thread.start()

    def stop(self) -> None:
        """Accepts no more; answers under way end with their threads."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is a killed turn, which tests do on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer: Answer

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self._json(200, {})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.partition("?")[0]
        if path.endswith("/count_tokens"):
            self._json(200, {"input_tokens": len(raw) // 4})
        elif path.endswith("/v1/messages"):
            self._answer(json.loads(raw))
        else:  # telemetry and the like: claude only wants a yes
            self._json(200, {})

    def _answer(self, body: Mapping[str, Any]) -> None:
        seen, reply = type(self).answer(body, dict(self.headers))
        mark = {"request-id": f"req_{seen.number:06d}"}
        if isinstance(reply, Fail):
            error = {"type": reply.kind, "message": reply.message}
            self._json(reply.status, {"type": "error", "error": error}, {**mark, **reply.headers})
        elif body.get("stream"):
            self._stream(seen, reply, mark)
        else:
            self._json(200, whole_message(seen, reply), mark)

    def _stream(self, seen: Seen, reply: Say, mark: Mapping[str, str]) -> None:
        self.close_connection = True
        self.send_response(200)
        for name, value in {
            "content-type": "text/event-stream",
            "connection": "close",
            **mark,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        pieces = 0
        for event in events(seen, reply):
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
            self.wfile.flush()
            pieces += event["type"] == "content_block_delta"
            if pieces == 1 and event["type"] == "content_block_delta":
                if reply.cut:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                if reply.gate and reply.midway:
                    reply.gate.pass_through(HELD_AT_MOST)

    def _json(self, status: int, content: Any, headers: Mapping[str, str] = NOTHING) -> None:
        raw = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(raw)


def content(seen: Seen, reply: Say) -> list[Event]:
    """The blocks of an answer."""
    text = [{"type": "text", "text": reply.text}] if reply.text is not None else []
    calls = [
        {
            "type": "tool_use",
            "id": f"toolu_{seen.number:06d}_{place}",
            "name": use.name,
            "input": dict(use.arguments),
        }
        for place, use in enumerate(reply.calls)
    ]
    return [*text, *calls]


def message(seen: Seen, reply: Say) -> Event:
    """An answer's envelope, still empty."""
    usage = {
        "input_tokens": 10,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 5,
        **reply.usage,
    }
    return {
        "id": f"msg_{seen.number:06d}",
        "type": "message",
        "role": "assistant",
        "model": seen.body.get("model"),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }


def stop_reason(reply: Say) -> str:
    """Why the model stopped: what the test says, else what follows from the answer."""
    return reply.stop or ("tool_use" if reply.calls else "end_turn")


def whole_message(seen: Seen, reply: Say) -> Event:
    """The answer in one piece."""
    ended = {"content": content(seen, reply), "stop_reason": stop_reason(reply)}
    return {**message(seen, reply), **ended}


def events(seen: Seen, reply: Say) -> Iterator[Event]:
    """The answer as the stream's events, text in pieces of forty characters."""
    start = message(seen, reply)
    yield {"type": "message_start", "message": start}
    for place, block in enumerate(content(seen, reply)):
        is_text = block["type"] == "text"
        empty = {**block, "text": ""} if is_text else {**block, "input": {}}
        yield {"type": "content_block_start", "index": place, "content_block": empty}
        if is_text:
            deltas = [
                {"type": "text_delta", "text": piece}
                for piece in re.findall(r".{1,40}", block["text"], re.DOTALL)
            ]
        else:
            deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
        for delta in deltas:
            yield {"type": "content_block_delta", "index": place, "delta": delta}
        yield {"type": "content_block_stop", "index": place}
    delta = {"stop_reason": stop_reason(reply), "stop_sequence": None}
    used = {"output_tokens": start["usage"]["output_tokens"]}
    yield {"type": "message_delta", "delta": delta, "usage": used}
    yield {"type": "message_stop"}
