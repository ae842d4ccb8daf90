"""Jobs on a fake device: this machine runs them at once, and the ledger keeps their results."""

from dataclasses import replace
from datetime import UTC, datetime

from qmoe_qiskit.hardware.cost.estimate import CostEstimate
from qmoe_qiskit.hardware.devices.protocol import Device
from qmoe_qiskit.hardware.jobs.work_records import new_records
from qmoe_qiskit.hardware.ledger.records import (
    DONE,
    PLANNED,
    SUBMITTED,
    JobRecord,
    WorkSummary,
)
from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.hardware.work import WorkUnit

# The service of fake devices in the keys of works, see `Device.service`.
LOCAL = ""
_ID = "local-"


def is_local(record: WorkSummary) -> bool:
    """Whether a recorded work ran on this machine."""
    return record.spec.startswith("runtime:fake_")


def is_local_id(job_id: str) -> bool:
    """Whether a job's id was given by this machine."""
    return job_id.startswith(_ID)


def run_locally(
    work: WorkUnit, device: Device, ledger: Ledger, estimate: CostEstimate
) -> list[JobRecord]:
    """Execute work on a fake device and record it; recorded results are not computed again.

    Args:
        work: The work.
        device: The fake device.
        ledger: The ledger.
        estimate: What the work would cost on the real device, which the record states.

    Returns:
        The jobs of the work: a single one, as nothing limits its size.
    """
    if ledger.work(work.key) is None or any(job.state != DONE for job in ledger.jobs(work.key)):
        _run(work, device, ledger, estimate)
    return ledger.jobs(work.key)


def _run(work: WorkUnit, device: Device, ledger: Ledger, estimate: CostEstimate) -> None:
    started = datetime.now(UTC)
    outcome = device.execute(work)
    whole = replace(
        estimate.jobs[0], start=0, stop=work.n_points, executions=outcome.executions, seconds=0.0
    )
    record, jobs = new_records(
        work, replace(estimate, jobs=(whole,)), instance=None, at=datetime.now(UTC)
    )
    # Another process, or one that was killed, may have recorded the same work before.
    ledger.record(record, jobs)
    profile = device.profile()
    for job in ledger.jobs(work.key):
        if job.state not in {PLANNED, SUBMITTED}:
            continue
        ledger.submitted(job.tag, f"{_ID}{job.tag.removeprefix('qmoe-')[:20]}", started)
        ledger.finished(
            job.tag,
            DONE,
            at=datetime.now(UTC),
            values_PO=outcome.values_PO,
            std_errors_PO=outcome.std_errors_PO,
            charged_seconds=0.0,
            calibration=profile.dumps(),
            calibration_hash=profile.content_hash,
        )
