"""Checks of what a caller gives the ledger: the plan of a work, and the results of a job."""

from collections.abc import Sequence

from qmoe_qiskit.hardware.ledger.records import (
    DONE,
    FINAL,
    PLANNED,
    JobRecord,
    LedgerConflict,
    WorkRecord,
    pack,
)
from qmoe_qiskit.typing import FloatArray


def check_plan(work: WorkRecord, jobs: Sequence[JobRecord]) -> None:
    """Refuse jobs that were sent before, or do not cover the work's points once and in order."""
    starts = [0, *(job.stop for job in jobs)]
    is_valid = (
        len(work.key) == 64
        and set(work.key) <= set("0123456789abcdef")
        and starts[-1] == len(work.points_PG) > 0
        and all(
            (job.key, job.index, job.start, job.state, job.attempts, job.job_id)
            == (work.key, index, starts[index], PLANNED, 0, None)
            and job.start < job.stop
            for index, job in enumerate(jobs)
        )
    )
    if not is_valid:
        raise LedgerConflict(f"the jobs of work {work.key!r} do not cover its points: {jobs!r}")


def check_results(
    job: JobRecord, state: str, values_PO: FloatArray | None, std_errors_PO: FloatArray | None
) -> tuple[bytes, bytes] | None:
    """Return the results as they are stored, None without results.

    Raises:
        LedgerConflict: If a job that is done has no results of its shape, or another job has some.
    """
    if state not in FINAL:
        raise LedgerConflict(f"{state!r} is no final state")
    if state != DONE and values_PO is None and std_errors_PO is None:
        return None
    if (
        state != DONE
        or values_PO is None
        or std_errors_PO is None
        or values_PO.ndim != 2
        or values_PO.shape != std_errors_PO.shape
        or len(values_PO) != job.stop - job.start
    ):
        raise LedgerConflict(f"job {job.tag!r} as {state!r}: its results do not fit its points")
    return pack(values_PO), pack(std_errors_PO)
