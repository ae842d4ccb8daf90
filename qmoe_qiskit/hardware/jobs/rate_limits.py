"""The plan's limits of new jobs per minute and of pending jobs."""

from datetime import UTC, datetime, timedelta

from qmoe_qiskit.hardware.cost.plan_limits import PlanLimits
from qmoe_qiskit.hardware.jobs.collect import collect_job
from qmoe_qiskit.hardware.jobs.recover import recover_job
from qmoe_qiskit.hardware.ledger.records import FINAL, SENDING, JobRecord
from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.hardware.service.client import Client
from qmoe_qiskit.hardware.service.errors import NoSuchJobError

# The service counts a job when it arrives, some time after the record of its attempt.
_MINUTE = timedelta(seconds=62)


def reason_to_wait(
    tag: str, client: Client, ledger: Ledger, limits: PlanLimits, *, settle_s: float
) -> str | None:
    """Return why the plan does not allow a further job now, or None if it does.

    For `settle_s` seconds, an attempt may still become a job after its response was lost.

    Raises:
        HardwareError: If the service does not answer.
    """
    now = datetime.now(UTC)
    per_minute, most = limits.creations_per_minute, limits.pending_jobs
    if len(ledger.created_since(now - _MINUTE)) >= per_minute:
        return f"the plan allows {per_minute} new jobs a minute"
    if most is None:
        return None
    here = {work.key for work in ledger.works() if work.instance == client.instance}
    others = [job for job in ledger.pending() if job.tag != tag and job.key in here]
    pending = len(others)
    if pending >= most:  # the service is only asked if the ledger knows too many pending jobs
        pending = sum(_is_pending(job, client, ledger, now, settle_s) for job in others)
    return f"the plan allows {most} pending jobs" if pending >= most else None


def _is_pending(
    job: JobRecord, client: Client, ledger: Ledger, now: datetime, settle_s: float
) -> bool:
    """Ask the service whether a job may still wait or run."""
    if job.state == SENDING and not recover_job(job, client, ledger):
        assert job.sent_at is not None
        return (now - job.sent_at).total_seconds() < settle_s
    try:
        collect_job(ledger.job(job.tag), client, ledger)
    except NoSuchJobError:  # deleted
        return False
    return ledger.job(job.tag).state not in FINAL
