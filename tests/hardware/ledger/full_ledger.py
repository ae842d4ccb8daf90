"""A ledger with results, and what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hardware.ledger.job_rows import all_jobs

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.ledger.store import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

VALUES = np.linspace(-1, 1, 40).reshape(2, 20)


def fill(path: Path, plan: Callable[..., Any], noon: datetime, n_works: int = 4) -> None:
    """Write a ledger of works whose first jobs are done."""
    with Ledger(path) as book:
        for number in range(n_works):
            book.record(*plan(number))
            book.sending(f"qmoe-{number}-0", noon)
            book.submitted(f"qmoe-{number}-0", f"job-{number}", noon)
            book.finished(
                f"qmoe-{number}-0",
                "done",
                values_PO=VALUES * number,
                std_errors_PO=VALUES**2,
                calibration=f'{{"number": {number}}}',
                at=noon,
            )


def read_all(book: Ledger) -> list[Any]:
    """Use every query; return the arrays."""
    arrays = []
    for summary in book.works():
        work = book.work(summary.key)
        if work is None:  # a damaged key
            raise InputError(summary.key)
        arrays += [work.points_PG, np.frombuffer(work.circuit_qpy, np.uint8)]
        book.find(summary.key[:9])
        book.charged(summary.key)
        for job in book.jobs(summary.key):
            if job.state == "done":
                arrays += book.results(job.tag)
            if job.calibration_hash:
                book.calibration(job.calibration_hash)
            book.created_since(work.created_at)
    book.pending()
    all_jobs(book)
    return arrays
