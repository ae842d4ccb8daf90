"""HTTP/1.1 on 127.0.0.1: reads requests, passes them to the routes, applies faults."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ibm_service.faults import Fault, Faults
from ibm_service.messages import Answer, RefusalError, Request

# Prefix of the API. The client does not rewrite addresses that contain this word.
PREFIX = "/experimental"
_SECRET = frozenset({"authorization", "cookie"})


class Server(ThreadingHTTPServer):
    """A server on a port of 127.0.0.1.

    Args:
        port: The port; 0 for a free one.
        respond: A function that answers a request.
        faults: The armed faults.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, respond: Callable[[Request], Answer], faults: Faults) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.respond = respond
        self.faults = faults
        self.stopping = threading.Event()
        self.log: list[dict[str, Any]] = []
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def start(self) -> None:
        """Serve in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        self._thread.join()
        for connection in list(self._open):
            _cut(connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect; show every other error."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # header and body leave together

    def _handle(self) -> None:
        arrived = time.time()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=url.path.removeprefix(PREFIX) or "/",
            query=parse_qs(url.query),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )
        self._entry: dict[str, Any] = {}
        if request.path.startswith("/_admin"):
            self._send(self._answer(request))
            return
        fault = self.server.faults.of_request(request.method, request.path)
        self._entry = {
            "time": arrived,
            "method": request.method,
            "path": request.path,
            "target": self.path,
            "size": len(body),
            "headers": {k: v for k, v in request.headers.items() if k not in _SECRET},
            "fault": fault and f"{fault.kind} {fault.when}",
            "status": None,
        }
        self.server.log.append(self._entry)
        self._obey(fault, request)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

    def _obey(self, fault: Fault | None, request: Request) -> None:
        """Answer a request, or apply a fault to it."""
        if fault is None:
            self._send(self._answer(request))
        elif fault.when == "after":
            answer = self._answer(request)
            if fault.change is not None:
                self._send(fault.change(request, answer))
            else:
                self._spoil(fault, answer)
        elif fault.kind == "hold":
            self.server.stopping.wait(fault.seconds)
            self._send(self._answer(request))
        else:
            self._spoil(fault, Answer())

    def _spoil(self, fault: Fault, answer: Answer) -> None:
        if fault.kind == "drop":
            self.close_connection = True
            _cut(self.connection)
        elif fault.kind == "truncate":
            self.close_connection = True
            self._send(answer, share=0.5)
        elif fault.kind == "answer":
            wait = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
            self._send(RefusalError(fault.status or 500, 9999, fault.reason, wait).answer())
        else:
            self.server.stopping.wait(fault.seconds)
            self._send(answer)

    def _answer(self, request: Request) -> Answer:
        try:
            return self.server.respond(request)
        except RefusalError as refusal:
            return refusal.answer()

    def _send(self, answer: Answer, share: float = 1.0) -> None:
        self._entry["status"] = answer.status  # before the client can see the answer
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[: int(share * len(answer.body))])
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """The log is `Server.log`."""


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the client may have closed it before
        connection.shutdown(socket.SHUT_RDWR)
