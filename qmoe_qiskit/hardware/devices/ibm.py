"""Devices of the IBM Quantum service: every execution goes through the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.cost.budget import refuse_over_budget
from qmoe_qiskit.hardware.cost.device_timing import machine_of
from qmoe_qiskit.hardware.cost.estimate import estimate_work
from qmoe_qiskit.hardware.cost.plan_limits import limits_of
from qmoe_qiskit.hardware.cost.spending import committed_qpu_seconds
from qmoe_qiskit.hardware.jobs.collect import collect_work, outcome_of
from qmoe_qiskit.hardware.jobs.submit import Report, Submission, Timeouts
from qmoe_qiskit.hardware.jobs.work_records import estimate_of, record_of
from qmoe_qiskit.hardware.ledger.records import PLANNED
from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.hardware.primitives import check_pub
from qmoe_qiskit.hardware.service.account import service_name
from qmoe_qiskit.hardware.service.client import Client
from qmoe_qiskit.hardware.service.errors import service_errors

if TYPE_CHECKING:
    from pathlib import Path

    from qiskit_ibm_runtime import IBMBackend

    from qmoe_qiskit.hardware.cost.estimate import CostEstimate
    from qmoe_qiskit.hardware.work import Outcome, WorkUnit
    from qmoe_qiskit.noise_profiles import NoiseProfile

LEAST_BUSY = "least_busy"


class RemoteDevice:
    """A device of the service. Use `open_device`.

    Attributes:
        name: The device's own name.
        is_local: False.
        service: Which service it belongs to.
        backend: IBM's object of it.
        client: The account.
        ledger: Where work is recorded.
        budget_s: QPU time, in seconds, that all work given to this object may take, what was
            charged for it before included; or None.
        timeouts: How long to wait for what.
        report: Is told what is being waited for.
    """

    is_local = False

    def __init__(
        self,
        backend: IBMBackend,
        client: Client,
        ledger: Ledger,
        *,
        budget_s: float | None = None,
        timeouts: Timeouts | None = None,
        report: Report = lambda _: None,
    ) -> None:
        self.name: str = backend.name
        self.service = service_name()
        self.backend, self.client, self.ledger = backend, client, ledger
        self.budget_s, self.report = budget_s, report
        self.timeouts = timeouts or Timeouts()
        self.limits = limits_of(client.plan)
        self._keys: dict[str, None] = {}

    def profile(self) -> NoiseProfile:
        """Return the device's calibration of now."""
        from qmoe_qiskit.noise_profiles import capture

        with service_errors(f"read the calibration of {self.name}"):
            return capture(self.backend)

    def estimate(self, work: WorkUnit) -> CostEstimate:
        """Return what work would cost: nothing is sent.

        Raises:
            InputError: If the device cannot run it, or the plan has no sessions.
        """
        if work.options.mode == "session" and not self.limits.sessions:
            raise InputError(
                f"the {self.client.plan} plan has no sessions: use mode 'job' or 'batch'"
            )
        check_pub(work, self.backend.target)
        machine = machine_of(self.backend, name=self.name, plan=self.client.plan)
        return estimate_work(work, machine, self.limits)

    def unsent_estimate(self, work: WorkUnit) -> CostEstimate:
        """Return the estimate of those jobs of a work that nothing was tried for yet."""
        recorded = self.ledger.work(work.key)
        if recorded is None:
            return self.estimate(work)
        whole = estimate_of(recorded)
        planned = {job.start for job in self.ledger.jobs(work.key) if job.state == PLANNED}
        return replace(whole, jobs=tuple(part for part in whole.jobs if part.start in planned))

    def submit(self, work: WorkUnit) -> None:
        """Record work, and create those of its jobs that do not exist yet.

        Raises:
            BudgetError: If the estimate is beyond the budget: nothing was sent.
            HardwareError: If the service refuses; what was created stays recorded.
        """
        left_s = self._left_s(work.key)
        recorded = self.ledger.work(work.key)
        if recorded is None:
            estimate = self.estimate(work)
            if left_s is not None:
                refuse_over_budget(estimate, left_s)
            self.client.check_ready(self.backend)
            record, jobs = record_of(
                work, estimate, instance=self.client.instance, at=datetime.now(UTC)
            )
            self.ledger.record(record, jobs)
            recorded = self.ledger.work(work.key)
            assert recorded is not None
        # As recorded: another calibration, or another least busy device, is not other work.
        backend = self.backend
        if recorded.device != self.name:
            backend = self.client.backend(
                recorded.device, fractional_gates=work.options.fractional_gates
            )
        Submission(
            recorded,
            self.client,
            backend,
            self.ledger,
            limits=self.limits,
            budget_s=left_s,
            timeouts=self.timeouts,
            report=self.report,
        ).send()

    def _left_s(self, key: str) -> float | None:
        """Return what other work of this device has left of the budget, in seconds."""
        if self.budget_s is None:
            return None
        self._keys[key] = None
        return self.budget_s - sum(self.committed_qpu_seconds(k) for k in self._keys if k != key)

    def committed_qpu_seconds(self, key: str) -> float:
        """Return the QPU time that a work was charged, and may still be, in seconds."""
        return committed_qpu_seconds(key, self.client, self.ledger)

    def execute(self, work: WorkUnit) -> Outcome:
        """See `Device.execute`: work that is in the ledger is not paid for again."""
        self.submit(work)
        collect_work(
            work.key,
            self.client,
            self.ledger,
            poll_s=self.timeouts.poll_s,
            outage_s=self.timeouts.outage_s,
            report=self.report,
        )
        return outcome_of(work.key, self.ledger)


def open_device(
    name: str,
    *,
    fractional_gates: bool = False,
    ledger: str | Path | None = None,
    budget_s: float | None = None,
    n_qubits: int | None = None,
    timeouts: Timeouts | None = None,
    report: Report = lambda _: None,
) -> RemoteDevice:
    """Open a device of the default account.

    Args:
        name: The device's name, or "least_busy".
        fractional_gates: Whether circuits may use them.
        ledger: Path of the ledger; by default that of the user.
        budget_s: See `RemoteDevice`.
        n_qubits: How many qubits the least busy device must have.
        timeouts: How long to wait for what.
        report: Is told what is being waited for.

    Raises:
        HardwareError: If there is no account, or the service is away.
        InputError: If the account has no such device.
        LedgerError: If the ledger cannot be used.
    """
    records = Ledger(ledger)
    timeouts = timeouts or Timeouts()
    client = Client.connect(read_timeout_s=timeouts.read_timeout_s)
    resolved = client.least_busy(n_qubits=n_qubits) if name == LEAST_BUSY else name
    return RemoteDevice(
        client.backend(resolved, fractional_gates=fractional_gates),
        client,
        records,
        budget_s=budget_s,
        timeouts=timeouts,
        report=report,
    )
