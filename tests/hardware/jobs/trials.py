"""A service, and commands in separate processes that can be killed at any statement."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pytest
from ibm_service import IBMService
from leak_check import API_KEY

from qmoe_qiskit import hardware
from qmoe_qiskit.hardware.jobs.work_records import new_records
from qmoe_qiskit.hardware.ledger.store import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hardware.jobs.fork_server import Place
    from ibm_service.store import Job

    from qmoe_qiskit.hardware.ledger.records import JobRecord

DEVICE = "ibmq_manila"
TIMEOUTS = {"settle_s": 0.4, "poll_s": 0.05, "read_timeout_s": 10.0, "backoff_s": 0.01}
PROGRAM = Path(__file__).parent / "fork_server.py"

# A trial yields the number of a command, and is sent the command's reply.
Trial = Generator[int, dict[str, Any], None]


class ForkServer:
    """Starts commands; see `child` in fork_server.py for the keys of an order."""

    def __init__(self) -> None:
        settings = dict.fromkeys(("OMP_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
        # Otherwise every request of the client reads the source of all its callers.
        settings["USAGE_DATA_OPT_OUT"] = "True"
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM)],
            env={**os.environ, **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._replies: dict[tuple[int, str], dict[str, Any]] = {}
        self._count = 0

    def end(self) -> None:
        """Wait for the commands that still run."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def start(self, **order: Any) -> int:
        """Start a command; returns its number."""
        self._count += 1
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({**order, "number": self._count}) + "\n")
        self._process.stdin.flush()
        return self._count

    def pid(self, number: int) -> int:
        """The process of a command that was started."""
        return int(self._reply(number, "started")["pid"])

    def wait(self, number: int) -> dict[str, Any]:
        """Wait for a command; returns its exit status, and its messages unless it was killed."""
        return self._reply(number, "ended")

    def run(self, **order: Any) -> dict[str, Any]:
        """Start a command and wait for it."""
        return self.wait(self.start(**order))

    def next_end(self) -> tuple[int, dict[str, Any]]:
        """Wait for any command; returns its number and how it ended."""
        while True:
            for number, what in self._replies:
                if what == "ended":
                    return number, self._replies.pop((number, what))
            self._read()

    def _read(self) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the fork server has ended"
        reply = json.loads(line)
        self._replies[reply["number"], reply["what"]] = reply

    def _reply(self, number: int, what: str) -> dict[str, Any]:
        while (number, what) not in self._replies:
            self._read()
        return self._replies.pop((number, what))


def at(file: str, statement: str, visit: int = 1) -> Place:
    """The step before a statement, which is given by its first characters."""
    lines = (Path(hardware.__path__[0]) / file).read_text().splitlines()
    (number,) = [n for n, line in enumerate(lines, 1) if line.strip().startswith(statement)]
    return file, number, visit


@dataclass(frozen=True, kw_only=True)
class Undisturbed:
    """An undisturbed execution: its steps and its results."""

    story: list[Place]
    results: list[bytes]

    def steps(self, rng: np.random.Generator, count: int, *files: str) -> list[Place]:
        """Choose steps of some files; first visits of a statement come first."""
        own = [step for step in self.story if not files or step[0] in files]
        ranked = sorted(rng.permutation(len(own)), key=lambda i: min(own[i][2], 2))
        return [own[i] for i in ranked[:count]]


class Stage:
    """Services with a five-qubit device each, a fork server, and work for them.

    Args:
        folder: Folder for the ledgers.
        fork_server: The fork server.
        count: Number of services, and of trials at a time: each trial has its own service.
        settings: Settings of the services.
    """

    _templates: ClassVar[dict[str, Path]] = {}

    def __init__(
        self, folder: Path, fork_server: ForkServer, *, count: int = 3, **settings: Any
    ) -> None:
        self.folder, self.fork_server = folder, fork_server
        settings = {"plan": "premium", "api_key": API_KEY} | settings
        self.services = [IBMService((DEVICE,), **settings) for _ in range(count)]

    def __enter__(self) -> Self:
        self._exits = ExitStack()
        for ibm in self.services:
            self._exits.enter_context(ibm)
        variables = self._exits.enter_context(pytest.MonkeyPatch.context())
        for name, value in self.services[0].environment().items():
            variables.setenv(name, value)
        return self

    def __exit__(self, *exception: object) -> None:
        self._exits.__exit__(*exception)

    def conduct(self, trials: Iterable[Callable[[IBMService], Trial]]) -> None:
        """Conduct trials at the same time: while one waits for its service, others work."""
        remaining, free = iter(trials), list(self.services)
        waiting: dict[int, tuple[Trial, IBMService]] = {}

        def advance(trial: Trial, ibm: IBMService, reply: dict[str, Any] | None) -> None:
            try:
                waiting[trial.send(reply)] = (trial, ibm)  # type: ignore[arg-type] # None starts it
            except StopIteration:
                ibm.faults.clear()
                free.append(ibm)

        while True:
            while free and (start := next(remaining, None)) is not None:
                ibm = free.pop()
                advance(start(ibm), ibm, None)
            if not waiting:
                return
            number, reply = self.fork_server.next_end()
            advance(*waiting.pop(number), reply)

    def template(self, *, n_points: int = 2, shots: int = 64, **options: Any) -> str:
        """Record work; returns the path of a ledger that holds nothing else.

        All stages share the works: none depends on the services, and none is sent by its own key.
        """
        from qmoe_qiskit import angle_router, open_backend

        asked = json.dumps([n_points, shots, options])
        if asked in self._templates:
            return str(self._templates[asked])
        path = self._templates[asked] = self.folder / f"template-{len(self._templates)}.sqlite"
        backend = open_backend(
            f"runtime:{DEVICE}",
            shots=shots,
            seed=0,
            options={"resilience_level": 0, **options},
            ledger=str(path),
        )
        compiled = backend.compile(angle_router(n_features=2, n_layers=1))
        rng = np.random.default_rng(0)
        x_BF = rng.uniform(-1, 1, (n_points, 2))
        work = compiled.work(x_BF, rng.uniform(-3, 3, compiled.router.n_weights))
        device = backend.device
        record, jobs = new_records(
            work, device.estimate(work), instance="loopback", at=datetime.now(UTC)
        )
        device.ledger.record(record, jobs)
        device.ledger.close()
        return str(path)

    def order(
        self, template: str, name: str, ibm: IBMService | None = None, **changes: Any
    ) -> dict[str, Any]:
        """Return an order for the work with its own key and its own ledger."""
        return {
            "template": template,
            "environment": (ibm or self.services[0]).environment(),
            "ledger": str(self.folder / f"{name}.sqlite"),
            "key": hashlib.sha256(name.encode()).hexdigest(),
            "timeouts": TIMEOUTS,
            # test_rate_limits.py tests the limits of a plan.
            "limits": {"creations_per_minute": 1000},
            **changes,
        }

    def undisturbed(self, template: str, **changes: Any) -> Undisturbed:
        """Execute work without disturbances."""
        order = self.order(template, f"undisturbed-{Path(template).stem}", **changes)
        reply = self.fork_server.run(**order, told=True)
        assert (reply["status"], reply["error"]) == (0, None), reply
        story = [(name, line, visit) for name, line, visit in reply["story"]]
        return Undisturbed(story=story, results=self.results(order))

    def records(self, order: dict[str, Any]) -> list[JobRecord]:
        """The jobs of an order's work in its ledger."""
        with Ledger(order["ledger"]) as book:
            return book.jobs(order["key"])

    def done(self, order: dict[str, Any]) -> list[bytes]:
        """Carry out an order, which must succeed; returns the results."""
        reply = self.fork_server.run(**order)
        assert (reply["status"], reply["error"]) == (0, None), reply
        return self.results(order)

    def posted(self, ibm: IBMService) -> list[int | None]:
        """The service's answers to the requests to create a job."""
        return [r["status"] for r in ibm.requests if (r["method"], r["path"]) == ("POST", "/jobs")]

    def created(self, tag: str) -> list[Job]:
        """The jobs of all services with this tag."""
        return [job for ibm in self.services for job in ibm.jobs if tag in job.tags]

    def check_tags(self) -> None:
        """Wait for late requests, then check that no tag has two jobs."""
        time.sleep(1.0)
        tags = Counter(tag for ibm in self.services for job in ibm.jobs for tag in job.tags)
        assert set(tags.values()) <= {1}, tags.most_common(3)

    def results(self, order: dict[str, Any], *, calibrated: bool = True) -> list[bytes]:
        """The results of an order's work, after a check that each of its jobs was created once."""
        results = []
        with Ledger(order["ledger"]) as book:
            assert book._connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            for job in book.jobs(order["key"]):
                (created,) = self.created(job.tag)
                assert (job.state, job.job_id) == ("done", created.id)
                assert job.charged_seconds == created.charge
                assert (job.calibration_hash is not None) == calibrated
                if job.calibration_hash is not None:
                    assert job.calibration_hash in book.calibration(job.calibration_hash)
                results += [array.tobytes() for array in book.results(job.tag)]
        assert results
        return results


def refused(reply: dict[str, Any]) -> str:
    """The sentence with which a command ended."""
    assert reply["status"] == 0
    assert reply["error"] is not None
    check_sentence(reply["error"])
    return str(reply["error"])


def check_sentence(error: str) -> None:
    """Check that an error is one sentence that says what to do and holds no secret."""
    assert "\n" not in error
    assert len(error) < 700
    assert API_KEY not in error
    assert "Bearer" not in error
    hints = ("again", "create", "use ", "give", "go on", "open the", "comes back", "larger")
    assert any(hint in error for hint in hints), error
