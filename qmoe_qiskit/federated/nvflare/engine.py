"""The engine whose clients are processes of their own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from qmoe_qiskit.errors import FederationError
from qmoe_qiskit.federated.engine import Answers
from qmoe_qiskit.federated.nvflare.cells import (
    CHANNEL,
    HOST,
    SERVER,
    TO_SERVER,
    TO_SITE,
    quiet,
    send,
    server_cell,
    write_certificates,
)
from qmoe_qiskit.train.classifier import QMoEClassifier

if TYPE_CHECKING:
    from nvflare.fuel.f3.cellnet.core_cell import CoreCell

_LOG, _MODEL = "log.txt", "model.safetensors"
_LOOK_S = 0.1
# How long a site may take to end before it is killed.
_END_S = 10.0


class NVFlareEngine:
    """Clients in processes that live as long as the engine is entered.

    Certificates are made anew for every start, in a folder that is removed at its end.

    Args:
        sites: Folder of every site, see `write_site`, by its name.
        timeout_s: How long sites may take to start, and to answer, in seconds. A site that takes
            longer is ended.
    """

    def __init__(self, sites: Mapping[str, Path], *, timeout_s: float) -> None:
        self._sites, self._timeout_s = {k: v.resolve() for k, v in sites.items()}, timeout_s
        self._stack = ExitStack()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._cell: CoreCell
        self._arrived = threading.Condition()
        self._replies: dict[str, bytes] = {}
        self._ended: dict[str, str] = {}

    @property
    def process_ids(self) -> dict[str, int]:
        """Number of every site's process, by the name of the site."""
        return {name: process.pid for name, process in self._processes.items()}

    def __enter__(self) -> Self:
        """Start the sites.

        Raises:
            FederationError: If one of them does not start.
        """
        with ExitStack() as stack:
            certificates = Path(stack.enter_context(TemporaryDirectory(prefix="qmoe-")))
            stack.enter_context(quiet())
            port = _free_port()
            write_certificates(certificates, [SERVER, *self._sites])
            self._cell = stack.enter_context(server_cell(port, certificates))
            self._cell.register_request_cb(CHANNEL, TO_SERVER, self._receive)
            self._cell.start()
            stack.callback(self._end_sites)
            for name, folder in self._sites.items():
                self._processes[name] = _start(folder, port, certificates)
            self._wait_until_connected()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the sites, whatever they do, and stop listening."""
        self._stack.close()

    def ask(self, message: bytes, names: Sequence[str]) -> Answers:
        """See `Engine`."""
        with self._arrived:
            self._replies.clear()
        deadline = time.monotonic() + self._timeout_s
        for name in names:

            def is_over(name: str = name) -> bool:
                return self._is_ended(name) or time.monotonic() > deadline

            send(self._cell, TO_SITE, name, message, is_over)
        with self._arrived:
            while waiting := [n for n in names if n not in self._replies | self._ended]:
                if time.monotonic() > deadline:
                    for name in waiting:
                        self._give_up(name)
                    break
                for name in waiting:
                    self._is_ended(name)
                self._arrived.wait(_LOOK_S)
            replies = dict(self._replies)
        missing = {name: self._ended[name] for name in names if name not in replies}
        return Answers(replies=replies, missing=missing)

    def models(self) -> Mapping[str, QMoEClassifier]:
        """See `Engine`; sites that have ended before the others have none."""
        return {
            name: QMoEClassifier.load(folder / _MODEL)
            for name, folder in self._sites.items()
            if name not in self._ended
        }

    def _receive(self, message: Any) -> None:  # noqa: ANN401 - NVFlare's message
        from nvflare.fuel.f3.cellnet.defs import MessageHeaderKey

        with self._arrived:
            self._replies[message.get_header(MessageHeaderKey.ORIGIN)] = bytes(message.payload)
            self._arrived.notify_all()

    def _is_ended(self, name: str) -> bool:
        """Whether a site's process has ended; remember why."""
        code = self._processes[name].poll()
        if code is not None and name not in self._ended:
            self._ended[name] = f"its process ended with code {code}{self._last_words(name)}"
        return name in self._ended

    def _give_up(self, name: str) -> None:
        self._processes[name].kill()
        self._ended[name] = f"it did not answer within {self._timeout_s:g} s, and was ended"

    def _wait_until_connected(self) -> None:
        deadline = time.monotonic() + self._timeout_s
        while waiting := [n for n in self._sites if not self._cell.is_cell_connected(n)]:
            for name in waiting:
                if self._is_ended(name):
                    raise FederationError(f"{name} did not start: {self._ended[name]}")
            if time.monotonic() > deadline:
                raise FederationError(
                    f"{waiting[0]} did not connect within {self._timeout_s:g} s: give more time"
                )
            time.sleep(_LOOK_S)

    def _last_words(self, name: str) -> str:
        """Return the last line that a site wrote, which of a failure is the error."""
        try:
            text = (self._sites[name] / _LOG).read_text(errors="replace").strip()
        except OSError:
            return ""
        return f" ({text.splitlines()[-1][:200]})" if text else ""

    def _end_sites(self) -> None:
        for process in self._processes.values():
            assert process.stdin is not None
            process.stdin.close()
        deadline = time.monotonic() + _END_S
        for process in self._processes.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        port: int = one.getsockname()[1]
        return port


def _start(folder: Path, port: int, certificates: Path) -> subprocess.Popen[bytes]:
    """Start a site in a session of its own: Ctrl-C is the coordinator's, which ends the sites."""
    command = [sys.executable, "-m", "qmoe_qiskit.federated.nvflare.site"]
    with (folder / _LOG).open("wb") as log:
        return subprocess.Popen(  # noqa: S603 - this program
            [*command, str(folder), str(port), str(certificates)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={"OMP_NUM_THREADS": "1", **os.environ},
            start_new_session=True,
        )
