"""A device whose results come from the ledger: neither the device nor the account is needed."""

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.jobs.local import is_local
from qmoe_qiskit.hardware.ledger.current_jobs import load_outcome
from qmoe_qiskit.hardware.ledger.records import WorkRecord
from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.hardware.work import Outcome, WorkUnit
from qmoe_qiskit.noise_profiles import NoiseProfile


class LedgerDevice:
    """The device that executed a recorded work."""

    backend = None

    def __init__(self, record: WorkRecord, ledger: Ledger, *, service: str) -> None:
        self.name, self.service = record.device, service
        self.is_local = is_local(record)
        self.ledger, self._key = ledger, record.key

    def profile(self) -> NoiseProfile:
        """Return the calibration of the device at the time of the work.

        Raises:
            InputError: If the ledger has no calibration of that time.
        """
        for job in self.ledger.jobs(self._key):
            if job.calibration_hash is not None:
                return NoiseProfile.loads(self.ledger.calibration(job.calibration_hash))
        raise InputError(f"the ledger has no calibration of {self.name} from when the work ran")

    def execute(self, work: WorkUnit) -> Outcome:
        """Return the recorded results of the work.

        Raises:
            HardwareError: If the work was not executed or failed.
        """
        return load_outcome(work.key, self.ledger)
