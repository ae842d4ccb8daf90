"""The protocol of devices: a device of a quantum service, a local fake, or recorded results."""

from typing import Any, Protocol

from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.hardware.work import Outcome, WorkUnit
from qmoe_qiskit.noise_profiles import NoiseProfile


class Device(Protocol):
    """A device that executes work.

    Attributes:
        name: The name of the device, such as "ibm_fez" or "fake_torino"; a fake never has the name
            of the real device.
        is_local: Whether this machine simulates the device.
        service: The name of the device's service, see `service_name`; "" for a fake.
        backend: The Qiskit backend with target and configuration; None for recorded results.
    """

    name: str
    is_local: bool
    service: str
    backend: Any

    @property
    def ledger(self) -> Ledger | None:
        """The ledger that records the work; None for a fake."""
        ...

    def profile(self) -> NoiseProfile:
        """Return the calibration of the device."""
        ...

    def execute(self, work: WorkUnit) -> Outcome:
        """Execute work, and wait for its outcome.

        Raises:
            HardwareError: If the service refuses or loses a job; what was sent stays recorded.
        """
        ...
