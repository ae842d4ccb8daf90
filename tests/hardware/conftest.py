"""What the tests of the ledger share: works to record, and children that may be killed."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qmoe_qiskit.hardware.ledger.records import JobRecord, WorkRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hardware.jobs.trials import ForkServer

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _plan(number: int = 0, n_jobs: int = 2, **changes: Any) -> tuple[WorkRecord, list[JobRecord]]:
    """A work with jobs of two points each."""
    settings: dict[str, Any] = {
        "key": f"{number:04x}" + "0f" * 30,
        "created_at": NOON + timedelta(seconds=number),
        "spec": "runtime:least_busy",
        "device": "ibm_fez",
        "instance": "open",
        "title": f"runs/näme {number}",
        "shots": 4096,
        "estimate": '{"seconds": 2.5}',
        "versions": '{"qiskit": "2.4"}',
        "circuit_qpy": b"QISKIT\x00\xff" * 20,
        "physical_qubits": (3, 17),
        "observables": '["ZI", "IZ"]',
        "options": "{}",
        "points_PG": np.random.default_rng(number).normal(size=(2 * n_jobs, 5)),
    } | changes
    jobs = [
        JobRecord(
            tag=f"qmoe-{number}-{index}",
            key=settings["key"],
            index=index,
            start=2 * index,
            stop=2 * index + 2,
            estimated_seconds=1.25,
            executions=8192,
        )
        for index in range(n_jobs)
    ]
    return WorkRecord(**settings), jobs


class Children:
    """Forked processes."""

    @staticmethod
    def start(task: Callable[[], object]) -> int:
        """Run a task in a child: exit status 0 if it returns. Returns the child's process id."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads of libraries: unused
            pid = os.fork()
        if pid == 0:
            status = 1
            try:
                task()
                status = 0
            finally:
                if status:
                    traceback.print_exc()
                    sys.stderr.flush()
                os._exit(status)
        return pid

    @staticmethod
    def wait(pid: int) -> int:
        """Wait for a child: its exit status, or minus the signal that ended it."""
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """A server that runs commands in processes that can be killed; its imports take long."""
    from hardware.jobs.trials import ForkServer

    server = ForkServer()
    yield server
    server.end()


@pytest.fixture
def noon() -> datetime:
    return NOON


@pytest.fixture(scope="session")
def plan() -> Callable[..., tuple[WorkRecord, list[JobRecord]]]:
    return _plan


@pytest.fixture(scope="session")
def children() -> type[Children]:
    return Children
