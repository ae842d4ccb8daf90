"""Devices of the IBM Quantum service; the ledger records every execution."""

import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.cost.budget import committed_qpu_seconds, refuse_over_budget
from qmoe_qiskit.hardware.cost.device_timing import device_timing
from qmoe_qiskit.hardware.cost.estimate import CostEstimate, estimate_work
from qmoe_qiskit.hardware.cost.plan_limits import plan_limits
from qmoe_qiskit.hardware.jobs.collect import collect_work
from qmoe_qiskit.hardware.jobs.submit import Submission
from qmoe_qiskit.hardware.jobs.timeouts import ReportStatus, Timeouts
from qmoe_qiskit.hardware.jobs.work_records import load_estimate, new_records
from qmoe_qiskit.hardware.ledger.current_jobs import load_outcome
from qmoe_qiskit.hardware.ledger.records import PLANNED
from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.hardware.primitives import check_pub
from qmoe_qiskit.hardware.service.account import service_name
from qmoe_qiskit.hardware.service.client import Client
from qmoe_qiskit.hardware.service.errors import service_errors
from qmoe_qiskit.hardware.work import Outcome, WorkUnit
from qmoe_qiskit.noise_profiles import NoiseProfile, capture

_log = logging.getLogger(__name__)

LEAST_BUSY = "least_busy"


class IBMDevice:
    """A device of the default account at the IBM Quantum service, see `Device`.

    Args:
        name: The name of the device, or "least_busy".
        fractional_gates: Whether circuits may use fractional gates.
        ledger: The path of the ledger; by default the user's ledger.
        budget_s: QPU time in seconds that all work of this object may take, earlier charges for
            the same work included; or None.
        n_qubits: Smallest number of qubits of the least busy device.
        timeouts: How long to wait for the service.
        report: A function that is told what is being waited for.

    Attributes:
        client: The account.
        limits: The limits of the account's plan.

    Raises:
        HardwareError: If there is no account, or the service is unreachable.
        InputError: If the account has no such device.
        LedgerError: If the ledger cannot be used.
    """

    is_local = False

    def __init__(
        self,
        name: str,
        *,
        fractional_gates: bool = False,
        ledger: str | Path | None = None,
        budget_s: float | None = None,
        n_qubits: int | None = None,
        timeouts: Timeouts | None = None,
        report: ReportStatus = lambda _: None,
    ) -> None:
        self.ledger = Ledger(ledger)
        self.budget_s, self.report, self.timeouts = budget_s, report, timeouts or Timeouts()
        self.client = Client.connect(
            read_timeout_s=self.timeouts.read_timeout_s, backoff_s=self.timeouts.backoff_s
        )
        self.name = self.client.least_busy(n_qubits=n_qubits) if name == LEAST_BUSY else name
        self.backend = self.client.backend(self.name, fractional_gates=fractional_gates)
        self.service, self.limits = service_name(), plan_limits(self.client.plan)
        _log.info("%s, instance %s, plan %s", self.name, self.client.instance, self.client.plan)
        self._keys: dict[str, None] = {}

    def profile(self) -> NoiseProfile:
        """Return the current calibration of the device."""
        with service_errors(f"read the calibration of {self.name}"):
            return capture(self.backend)

    def estimate(self, work: WorkUnit) -> CostEstimate:
        """Return the estimated cost of work; nothing is sent.

        Raises:
            InputError: If the device cannot run the work, or the plan has no sessions.
        """
        if work.options.mode == "session" and not self.limits.sessions:
            raise InputError(
                f"the {self.client.plan} plan has no sessions: use mode 'job' or 'batch'"
            )
        check_pub(work, self.backend.target)
        timing = device_timing(self.backend, name=self.name)
        return estimate_work(work, timing, self.limits)

    def unsent_estimate(self, work: WorkUnit) -> CostEstimate:
        """Return the estimate of those jobs of a work that were never sent."""
        recorded = self.ledger.work(work.key)
        if recorded is None:
            return self.estimate(work)
        whole = load_estimate(recorded)
        planned = {job.start for job in self.ledger.jobs(work.key) if job.state == PLANNED}
        return replace(whole, jobs=tuple(part for part in whole.jobs if part.start in planned))

    def submit(self, work: WorkUnit) -> None:
        """Record work, and create its jobs that do not exist yet.

        Raises:
            BudgetError: If the estimate exceeds the budget: nothing was sent.
            HardwareError: If the service refuses; what was created stays recorded.
        """
        left_s = self._left_s(work.key)
        recorded = self.ledger.work(work.key)
        if recorded is None:
            estimate = self.estimate(work)
            budget = "none" if left_s is None else f"{left_s:.1f} s"
            said = "work %s: an estimated %.1f s of QPU time, budget %s"
            _log.info(said, work.key[:8], estimate.seconds, budget)
            if left_s is not None:
                refuse_over_budget(estimate, left_s)
            self.client.check_ready(self.backend, self.report)
            record, jobs = new_records(
                work, estimate, instance=self.client.instance, at=datetime.now(UTC)
            )
            self.ledger.record(record, jobs)
            recorded = self.ledger.work(work.key)
            assert recorded is not None
        # The recorded device stays, even if another one is the least busy by now.
        backend = self.backend
        if recorded.device != self.name:
            backend = self.client.backend(
                recorded.device, fractional_gates=work.options.fractional_gates
            )
        Submission(
            record=recorded,
            client=self.client,
            backend=backend,
            ledger=self.ledger,
            limits=self.limits,
            budget_s=left_s,
            timeouts=self.timeouts,
            report=self.report,
        ).send()

    def _left_s(self, key: str) -> float | None:
        """Return the part of the budget that other work has left, in seconds."""
        if self.budget_s is None:
            return None
        self._keys[key] = None
        return self.budget_s - sum(self.committed_qpu_seconds(k) for k in self._keys if k != key)

    def committed_qpu_seconds(self, key: str) -> float:
        """Return the QPU time that a work was charged, or may still be charged, in seconds."""
        return committed_qpu_seconds(key, self.client, self.ledger)

    def execute(self, work: WorkUnit) -> Outcome:
        """See `Device.execute`; work that is in the ledger is not paid for again."""
        self.submit(work)
        collect_work(work.key, self.client, self.ledger, timeouts=self.timeouts, report=self.report)
        return load_outcome(work.key, self.ledger)
