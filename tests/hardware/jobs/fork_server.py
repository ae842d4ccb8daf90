"""A fork server: it imports everything once, and its forks carry out the orders that it reads.

Orders and replies are lines of JSON. The import inserts a call before each statement of the package
`hardware`; an order can tell a process to die at such a call.
"""

from __future__ import annotations

import ast
import builtins
import gc
import json
import os
import selectors
import signal
import ssl
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from typing import Any, ClassVar

# A statement: file, line and the number of the visit, from 1.
Place = tuple[str, int, int]

PACKAGE = "qmoe_qiskit.hardware."
# Modules that a command needs, imported once.
PRELOADED = (
    "filelock",
    "qmoe_qiskit.hardware.jobs.cancel",
    "qmoe_qiskit.hardware.devices.ibm",
    "qmoe_qiskit.noise_profiles.capture.snapshot",
    "qiskit_ibm_runtime",
)


class Steps:
    """Counts the executed statements of the package `hardware`, and acts at one of them.

    After `Steps.install`, every statement has a call before it: the same as tracing, ten times as
    fast.
    """

    place: ClassVar[Place | None] = None
    act: ClassVar[Callable[[], None]] = staticmethod(lambda: None)
    visits: ClassVar[Counter[tuple[str, int]]] = Counter()
    story: ClassVar[list[Place]] = []

    @classmethod
    def reach(cls, name: str, line: int) -> None:
        """Note that a statement is reached, and act if it is the chosen one."""
        cls.visits[name, line] += 1
        visit = (name, line, cls.visits[name, line])
        cls.story.append(visit)
        if visit == cls.place:
            cls.act()

    @classmethod
    def install(cls) -> None:
        """Let later imports of the package insert calls of `reach`."""
        sys.meta_path.insert(0, _Finder())
        builtins.reach_step = cls.reach  # type: ignore[attr-defined]


class _Finder(PathFinder):
    @classmethod
    def find_spec(cls, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if not fullname.startswith(PACKAGE):
            return None
        spec = super().find_spec(fullname, path, target)
        if spec is not None:
            assert spec.origin is not None
            spec.loader = _Loader(fullname, spec.origin)
        return spec


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> Any:  # noqa: ARG002
        tree = _Reaching(Path(self.path)).visit(ast.parse(Path(self.path).read_text()))
        return compile(ast.fix_missing_locations(tree), self.path, "exec")


class _Reaching(ast.NodeTransformer):
    """Inserts a call before every statement within a function."""

    def __init__(self, path: Path) -> None:
        self._name, self._depth = f"{path.parent.name}/{path.name}", 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if self._depth and isinstance(statements, list):
                setattr(node, field, [n for s in statements for n in (self._call(s), s)])
        return node

    def _call(self, statement: ast.stmt) -> ast.stmt:
        call = ast.parse(f"reach_step({self._name!r}, {statement.lineno})").body[0]
        return ast.copy_location(call, statement)


def kill_myself() -> None:
    """End without any clean-up."""
    os.kill(os.getpid(), signal.SIGKILL)


def interrupt() -> None:
    """Do what Ctrl-C does."""
    raise KeyboardInterrupt


def child(order: dict[str, Any]) -> dict[str, Any]:
    """Open the device and carry out an order, as a user's command does.

    Keys of an order:
        ledger: Path of the command's ledger.
        environment: Environment variables that point the client to the service.
        template: Path of a ledger that holds only the work.
        key: The key under which the command submits it.
        more_keys: Further keys under which the command submits the work on the same device.
        options: Changes of the work's options.
        timeouts: Settings of `Timeouts`.
        budget_s: See `IBMDevice`.
        limits: Changes of the plan's limits.
        action: "execute" (by default), "submit", "collect" or "cancel".
        place: The statement before which the process is killed: file, line, number of the visit. If
            `interrupted` is true, it is interrupted instead, and repeats the action with the same
            objects.
        told: Whether the reply lists the executed statements.
    """
    from qmoe_qiskit.errors import QMoEError
    from qmoe_qiskit.hardware.devices.ibm import IBMDevice
    from qmoe_qiskit.hardware.jobs.cancel import cancel_work
    from qmoe_qiskit.hardware.jobs.collect import collect_work
    from qmoe_qiskit.hardware.jobs.timeouts import Timeouts
    from qmoe_qiskit.hardware.jobs.work_records import load_work
    from qmoe_qiskit.hardware.ledger.store import Ledger
    from qmoe_qiskit.hardware.options import runtime_options
    from qmoe_qiskit.hardware.service.client import Client

    os.environ.update(order["environment"])
    with Ledger(order["template"]) as templates:
        (summary,) = templates.works()
        record = templates.work(summary.key)
    assert record is not None
    template = load_work(record)
    settings = {**template.options.model_dump(exclude_unset=True), **order.get("options", {})}
    works = [
        replace(template, key=key, options=runtime_options(settings))
        for key in (order["key"], *order.get("more_keys", ()))
    ]
    timeouts = Timeouts(**order["timeouts"])
    said: list[str] = []
    devices: list[Any] = []

    def command() -> None:
        action = order.get("action", "execute")
        if action in {"cancel", "collect"}:
            with Ledger(order["ledger"]) as ledger:
                if action == "cancel":
                    cancel_work(order["key"], Client.connect, ledger, timeouts=timeouts)
                else:
                    client = Client.connect(
                        read_timeout_s=timeouts.read_timeout_s, backoff_s=timeouts.backoff_s
                    )
                    collect_work(order["key"], client, ledger, timeouts=timeouts)
            return
        if not devices:
            devices.append(
                IBMDevice(
                    record.device,
                    ledger=order["ledger"],
                    budget_s=order.get("budget_s"),
                    timeouts=timeouts,
                    report=said.append,
                )
            )
        (device,) = devices
        device.limits = replace(device.limits, **order.get("limits", {}))
        for work in works:
            getattr(device, action)(work)

    reply: dict[str, Any] = {"error": None, "said": said}
    Steps.visits.clear()
    Steps.story.clear()
    Steps.place = tuple(order["place"]) if order.get("place") else None
    Steps.act = interrupt if order.get("interrupted") else kill_myself
    try:
        try:
            command()
        except KeyboardInterrupt:
            command()
    except QMoEError as error:
        reply |= {"error": str(error), "kind": type(error).__name__}
    if order.get("told"):
        reply["story"] = Steps.story
    return reply


class _Worker:
    """A process that carries out orders, one after another, until it is killed.

    A fork takes as long as what most orders ask for. None gets two orders for one ledger: for its
    ledger, each command is a process of its own.
    """

    def __init__(self) -> None:
        orders, self.orders = os.pipe()
        replies, writing = os.pipe()
        self.ledgers: set[str] = set()
        self.order: dict[str, Any] = {}
        self.pid = os.fork()
        if self.pid == 0:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.close(replies)
            os.close(self.orders)
            _work(orders, writing)
        os.close(orders)
        os.close(writing)
        self.replies = os.fdopen(replies)

    def start(self, order: dict[str, Any]) -> None:
        """Begin a command."""
        self.begun = time.monotonic()
        self.order = order
        self.ledgers.add(order["ledger"])
        os.write(self.orders, json.dumps(order).encode() + b"\n")
        _tell({"number": order["number"], "what": "started", "pid": self.pid})

    def end(self) -> bool:
        """Report how a command ended; returns whether the process is there for another one."""
        line = self.replies.readline()
        status = 0
        reply: dict[str, Any] = {}
        if line.endswith("\n"):
            reply = json.loads(line)
        else:
            self.close()
            status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        told = {"number": self.order["number"], "what": "ended", "status": status}
        _tell({**told, "seconds": time.monotonic() - self.begun, **reply})
        return bool(reply)

    def close(self) -> None:
        """Let the process end."""
        os.close(self.orders)
        self.replies.close()


def _work(orders: int, replies: int) -> None:
    status = 1
    try:
        with os.fdopen(orders) as lines, os.fdopen(replies, "w") as said:
            for line in lines:
                said.write(json.dumps(child(json.loads(line))) + "\n")
                said.flush()
        status = 0
    finally:
        if status:
            traceback.print_exc()
        os._exit(status)


def main() -> None:
    """Let a process carry out each order, and report how it ended."""
    Steps.install()
    for name in PRELOADED:
        __import__(name)
    # Nobody speaks TLS here, and to read all certificates is half of what a command takes.
    ssl.SSLContext.load_verify_locations = lambda *_, **__: None  # type: ignore[method-assign]
    gc.freeze()  # else each collection of a child copies the pages of all that was imported
    idle: list[_Worker] = []
    readable = selectors.DefaultSelector()
    readable.register(0, selectors.EVENT_READ)
    unread = b""
    while readable.get_map():
        for key, _ in readable.select():
            worker: _Worker | None = key.data
            if worker is not None:
                readable.unregister(worker.replies)
                if worker.end():
                    idle.append(worker)
                continue
            read = os.read(0, 2**16)
            if not read:
                readable.unregister(0)
            *orders, unread = (unread + read).split(b"\n")
            for order in map(json.loads, orders):
                new = (other for other in idle if order["ledger"] not in other.ledgers)
                worker = next(new, None) or _Worker()
                if worker in idle:
                    idle.remove(worker)
                readable.register(worker.replies, selectors.EVENT_READ, worker)
                worker.start(order)
    for worker in idle:
        worker.close()
    for worker in idle:  # each holds the pipes of those before it
        os.waitpid(worker.pid, 0)


def _tell(reply: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
