"""A device as a ledger remembers it: what it has executed can be had without it and the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.jobs.collect import outcome_of
from qmoe_qiskit.hardware.ledger.records import DONE

if TYPE_CHECKING:
    from qmoe_qiskit.hardware.ledger.records import WorkRecord
    from qmoe_qiskit.hardware.ledger.store import Ledger
    from qmoe_qiskit.hardware.work import Outcome, WorkUnit
    from qmoe_qiskit.noise_profiles import NoiseProfile


class RecordedDevice:
    """The device that executed a piece of work.

    Args:
        record: The work.
        ledger: Where it is recorded.
        service: Which service it belongs to.
    """

    is_local = False
    backend = None

    def __init__(self, record: WorkRecord, ledger: Ledger, *, service: str) -> None:
        self.name, self.service = record.device, service
        self.ledger, self._key = ledger, record.key

    def profile(self) -> NoiseProfile:
        """Return its calibration when the work ran.

        Raises:
            InputError: If it was not to be had then.
        """
        from qmoe_qiskit.noise_profiles import NoiseProfile

        for job in self.ledger.jobs(self._key):
            if job.calibration_hash is not None:
                return NoiseProfile.loads(self.ledger.calibration(job.calibration_hash))
        raise InputError(f"the ledger has no calibration of {self.name} from when the work ran")

    def execute(self, work: WorkUnit) -> Outcome:
        """Return what came back when the work was executed.

        Raises:
            HardwareError: If it was not, or failed.
        """
        return outcome_of(work.key, self.ledger)


def is_done(key: str, ledger: Ledger) -> bool:
    """Return whether a ledger has all results of a work."""
    from qmoe_qiskit.hardware.ledger.current_jobs import current

    parts = current(ledger.jobs(key))
    return bool(parts) and all(job.state == DONE for job in parts)
