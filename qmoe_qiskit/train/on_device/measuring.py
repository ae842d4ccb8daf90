"""The measurements of a training: the grid of a surrogate at several sets of weights at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from qmoe_qiskit.backends.slots.runtime import PackedRouter
from qmoe_qiskit.backends.surrogate import FourierSurrogate
from qmoe_qiskit.errors import BudgetError, InputError
from qmoe_qiskit.hardware.cost.budget import max_execution_time
from qmoe_qiskit.hardware.cost.device_timing import device_timing
from qmoe_qiskit.hardware.cost.estimate import CostEstimate, estimate_work
from qmoe_qiskit.hardware.cost.plan_limits import plan_limits
from qmoe_qiskit.hardware.devices.fake import FakeDevice
from qmoe_qiskit.hardware.devices.ibm import IBMDevice

if TYPE_CHECKING:
    from qmoe_qiskit.backends.runtime.compiled_router import RuntimeRouter
    from qmoe_qiskit.backends.surrogate import SurrogatePlan
    from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """The values of a step.

    Attributes:
        surrogates: The surrogate at each set of weights.
        seconds: QPU time that was charged; on a fake, that a device would have charged.
    """

    surrogates: tuple[FourierSurrogate, ...]
    seconds: float


class Measurement(Protocol):
    """What measures the steps of a training."""

    plan: SurrogatePlan

    def estimate(self, n_sets: int) -> CostEstimate:
        """Return the cost of a step that measures this number of sets of weights."""
        ...

    def is_sent(self, weights_VW: FloatArray) -> bool:
        """Whether a step was sent already, by this process or another one."""
        ...

    def measure(self, weights_VW: FloatArray, step: int) -> Measured:
        """Measure the sets of weights of a step."""
        ...


class DeviceMeasurement:
    """Measurements on a device, real or fake; each step is one unit of work.

    A step of equal weights has an equal key: after a crash its job, or its results, are found in
    the ledger. A fake draws the same shots for the same step.

    Args:
        compiled: The circuit on the device; in slots, every point runs in each of them.
        plan: The points of the surrogate.
        seed: Seed of a fake's shots.
        spent_s: QPU time that earlier steps have taken, in seconds.
        budget_s: QPU time that all steps may take, in seconds; None for no limit.
    """

    def __init__(
        self,
        compiled: RuntimeRouter,
        plan: SurrogatePlan,
        *,
        seed: int,
        spent_s: float = 0.0,
        budget_s: float | None = None,
    ) -> None:
        if isinstance(compiled, PackedRouter):
            # Slots differ in their noise: only their mean is one trigonometric polynomial.
            compiled = compiled.averaged()
        self.compiled, self.plan, self._seed = compiled, plan, seed
        self._device = compiled.backend.device
        self._estimates: dict[int, CostEstimate] = {}
        if isinstance(self._device, IBMDevice) and budget_s is not None:
            # It counts what this process sends, and limits every job by the rest.
            self._device.budget_s = budget_s - spent_s

    def estimate(self, n_sets: int) -> CostEstimate:
        """See `Measurement.estimate`.

        Raises:
            InputError: If the device cannot run the work.
        """
        if n_sets not in self._estimates:
            zeros_VW = np.zeros((n_sets, self.compiled.router.n_weights))
            work = self.compiled.work_at(self.plan.inputs_BF, zeros_VW)
            device = self._device
            if isinstance(device, IBMDevice):
                self._estimates[n_sets] = device.estimate(work)
            else:
                timing = device_timing(device.backend, name=device.name)
                self._estimates[n_sets] = estimate_work(work, timing, plan_limits(None))
        return self._estimates[n_sets]

    def is_sent(self, weights_VW: FloatArray) -> bool:
        """See `Measurement.is_sent`."""
        ledger = self._device.ledger
        return ledger is not None and ledger.work(self._key(weights_VW)) is not None

    def measure(self, weights_VW: FloatArray, step: int) -> Measured:
        """See `Measurement.measure`.

        Raises:
            HardwareError: If the service refuses or loses a job; what was sent stays recorded.
            InputError: If a value is not finite.
        """
        if isinstance(self._device, FakeDevice):
            self._device.reseed(self._seed, step)
        found = self.compiled.expectations_at(self.plan.inputs_BF, weights_VW)
        surrogates = tuple(
            FourierSurrogate.from_values(self.plan, values, weights_W, self.compiled)
            for values, weights_W in zip(found, weights_VW, strict=True)
        )
        if isinstance(self._device, IBMDevice):
            seconds = self._device.committed_qpu_seconds(self._key(weights_VW))
        else:
            seconds = self.estimate(len(weights_VW)).seconds
        return Measured(surrogates=surrogates, seconds=seconds)

    def _key(self, weights_VW: FloatArray) -> str:
        return self.compiled.key_at(self.plan.inputs_BF, weights_VW)


def fits(estimate: CostEstimate, left_s: float) -> bool:
    """Whether a step fits into the rest of a budget: jobs count in whole seconds, rounded up."""
    try:
        max_execution_time(estimate.jobs, left_s)
    except BudgetError:
        return False
    return True


def check_shifts(compiled: RuntimeRouter) -> None:
    """Check that every weight turns one rotation, whose shifts give the exact derivative.

    Raises:
        InputError: If there is one that does not.
    """
    table = compiled.angle_table
    uses_GW = np.abs(table.weights_GW)
    once_W = ((uses_GW > 0).sum(axis=0) == 1) & np.isclose(uses_GW.sum(axis=0), 1)
    if table.functions is not None or not once_W.all():
        raise InputError(
            "method 'parameter-shift' needs a circuit in which every weight turns one rotation: "
            "use method 'spsa'"
        )
