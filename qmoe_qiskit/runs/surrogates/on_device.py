"""The surrogate of a run's circuit from a device: its one unit of work, its cost, its values."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.backends import BackendSpec
from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
from qmoe_qiskit.backends.runtime.compiled_router import RuntimeRouter
from qmoe_qiskit.backends.slots.request import SlotRequest, slot_request
from qmoe_qiskit.backends.surrogate import FourierSurrogate, SurrogatePlan
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.cost.device_timing import device_timing
from qmoe_qiskit.hardware.cost.estimate import CostEstimate, estimate_work
from qmoe_qiskit.hardware.cost.plan_limits import plan_limits
from qmoe_qiskit.hardware.devices.ibm import IBMDevice
from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.runs.on_hardware.from_ledger import recorded_backend
from qmoe_qiskit.runs.on_hardware.prepare import open_device
from qmoe_qiskit.runs.on_hardware.recording_device import OutcomeRecorder
from qmoe_qiskit.train.model import circuit_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.hardware.devices.protocol import Device
    from qmoe_qiskit.hardware.work import Outcome, WorkUnit
    from qmoe_qiskit.runs.on_hardware.request import DeviceRequest
    from qmoe_qiskit.runs.store.loading import OpenedRun, Run
    from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class PreparedSurrogate:
    """The measurement of a run's surrogate, ready for a device.

    Attributes:
        run: The run, with its circuit on the device.
        plan: The points.
        works: The one unit of work.
        recorder: The device, with a record of the outcomes that it returns.
    """

    run: Run
    plan: SurrogatePlan
    works: tuple[WorkUnit]
    recorder: OutcomeRecorder

    @property
    def device(self) -> Device:
        """The device that is to execute the work."""
        return self.recorder.device

    @property
    def rows(self) -> str:
        """What is measured, for people."""
        n_checks = len(self.plan.checks_CF)
        return (
            f"{self.plan.grid.n_points} points of a surrogate and {n_checks} check "
            f"point{'s' * (n_checks != 1)}"
        )

    def estimate(self) -> CostEstimate:
        """Return what the work would cost; on a fake, what it would cost on the real device.

        Raises:
            InputError: If the device cannot run the work.
        """
        (work,), device = self.works, self.device
        if isinstance(device, IBMDevice):
            return device.estimate(work)
        return estimate_work(
            work, device_timing(device.backend, name=device.name), plan_limits(None)
        )

    def measure(self) -> tuple[FourierSurrogate, Outcome]:
        """Execute the work, unless the ledger has its results, and return what it cost.

        Raises:
            HardwareError: If the service refuses or loses a job; what was done stays recorded.
            SurrogateError: If the check fails.
        """
        compiled = self.run.classifier.compiled_router
        assert isinstance(compiled, RuntimeRouter)
        weights_W = circuit_weights(self.run.classifier.module_)
        profile = compiled.profile
        if profile is None:  # the results come from the ledger, with or without a calibration
            with suppress(InputError):
                profile = self.recorder.profile()
        surrogate = FourierSurrogate.from_plan(self.plan, compiled, weights_W, profile=profile)
        (outcome,) = self.recorder.outcomes
        surrogate.record = replace(
            surrogate.record,
            mitigation=compiled.backend.options.mitigation,
            jobs=tuple(outcome.job_ids),
        )
        return surrogate, outcome


def prepare_surrogate(
    run: OpenedRun,
    request: DeviceRequest,
    settings: dict[str, Any],
    report: Callable[[str], None],
) -> PreparedSurrogate:
    """Lay a run's circuit out on a device, for the points of its surrogate; nothing is sent.

    If the ledger has the results, neither the device nor the account is needed.

    Args:
        run: The run.
        request: The device and how it is used; it names no rows.
        settings: Arguments of `SurrogatePlan.make`.
        report: Shows what is being done.

    Raises:
        InputError: If the router is classical or has no surrogate, or a setting is not accepted:
            all this is found before the service is asked.
        HardwareError: If the service refuses.
    """
    run.load_circuit()  # a run without a circuit is refused
    exact = run.load(BackendSpec(backend="statevector")).classifier
    assert exact.compiled_router is not None
    plan = SurrogatePlan.make(exact.compiled_router.router, **settings)
    weights_W = circuit_weights(exact.module_)
    backend = None if request.is_fake else _from_ledger(plan, weights_W, request)
    if backend is None:
        if not request.is_fake:
            report("connecting to IBM Quantum")
        backend = replace(open_device(request, run), title=f"surrogate of {run.path}")
    if isinstance(backend.device, IBMDevice):
        backend.device.report = report
    backend = replace(backend, slots=_averaging(backend.slots))
    recorder = OutcomeRecorder(backend.device)
    loaded = run.load(BackendSpec(backend=replace(backend, device=recorder)))
    compiled = loaded.classifier.compiled_router
    assert isinstance(compiled, RuntimeRouter)
    works = (compiled.work(plan.inputs_BF, weights_W),)
    return PreparedSurrogate(run=loaded, plan=plan, works=works, recorder=recorder)


def _averaging(slots: SlotRequest | None) -> SlotRequest | None:
    """Return the slots in each of which every point runs: see `FourierSurrogate.measure`."""
    return None if slots is None else replace(slots, average=True)


def _from_ledger(
    plan: SurrogatePlan, weights_W: FloatArray, request: DeviceRequest
) -> RuntimeBackend | None:
    """Return a backend that returns recorded results; None if the ledger lacks one."""
    ledger = Ledger(request.ledger)
    found = recorded_backend(
        plan.router,
        [(plan.inputs_BF, weights_W)],
        request,
        ledger,
        slots=_averaging(slot_request(request.slots, request.spacing)),
    )
    if found is None:
        ledger.close()
        return None
    return found[0]
