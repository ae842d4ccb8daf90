"""What executes work: a device of a quantum service, or its fake on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from qmoe_qiskit.hardware.work import Outcome

if TYPE_CHECKING:
    from qmoe_qiskit.hardware.ledger.store import Ledger
    from qmoe_qiskit.hardware.work import WorkUnit
    from qmoe_qiskit.noise_profiles import NoiseProfile


class Device(Protocol):
    """A device that work can be executed on.

    Attributes:
        name: The device's own name, such as "ibm_fez", or "fake_torino": never one for the other.
        is_local: Whether this machine simulates it.
        service: Which service it belongs to, see `hardware.account`; "" for this machine.
        backend: What Qiskit knows of it: target, configuration. None for a record of one.
    """

    name: str
    is_local: bool
    service: str
    backend: Any

    @property
    def ledger(self) -> Ledger | None:
        """Where work is recorded; None on this machine."""
        ...

    def profile(self) -> NoiseProfile:
        """Return its calibration of now."""
        ...

    def execute(self, work: WorkUnit) -> Outcome:
        """Execute, and wait for the outcome.

        Raises:
            HardwareError: If the service refuses or loses it; what was sent stays recorded.
        """
        ...
