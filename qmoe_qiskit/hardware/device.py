"""What executes work: a device of a quantum service, or its fake on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from qmoe_qiskit.hardware.ledger import Ledger
    from qmoe_qiskit.hardware.work import FloatArray, Work
    from qmoe_qiskit.noise_profiles import NoiseProfile


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What came back.

    Attributes:
        values_PO: Expectation values.
        std_errors_PO: Their standard errors.
        seconds: QPU time that was charged; 0 on this machine.
        executions: How often a circuit was executed.
        job_ids: Of the service; empty on this machine.
    """

    values_PO: FloatArray
    std_errors_PO: FloatArray
    seconds: float
    executions: int
    job_ids: tuple[str, ...] = ()


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

    def execute(self, work: Work) -> Outcome:
        """Execute, and wait for the outcome.

        Raises:
            HardwareError: If the service refuses or loses it; what was sent stays recorded.
        """
        ...
