"""A device whose outcomes are recorded: an evaluation reports their costs and errors."""

import numpy as np

from qmoe_qiskit.errors import HardwareError
from qmoe_qiskit.hardware.devices.protocol import Device
from qmoe_qiskit.hardware.work import Outcome, WorkUnit
from qmoe_qiskit.noise_profiles import NoiseProfile


class OutcomeRecorder:
    """A device that records the outcomes that it returns.

    Args:
        device: The device that executes.
    """

    def __init__(self, device: Device) -> None:
        self.device = device
        self.name, self.is_local, self.backend = device.name, device.is_local, device.backend
        self.service, self.ledger = device.service, device.ledger
        self.outcomes: list[Outcome] = []

    def profile(self) -> NoiseProfile:
        """See `Device.profile`."""
        return self.device.profile()

    def execute(self, work: WorkUnit) -> Outcome:
        """See `Device.execute`.

        Raises:
            HardwareError: If a value is not finite, or as the device does.
        """
        outcome = self.device.execute(work)
        n_lost = int((~np.isfinite(outcome.values_PO)).sum())
        if n_lost:
            raise HardwareError(
                f"extrapolation to zero noise gave no finite value for {n_lost} of "
                f"{outcome.values_PO.size} outputs: take more noise factors, more shots, another "
                "extrapolator, or a lower --resilience"
            )
        self.outcomes.append(outcome)
        return outcome
