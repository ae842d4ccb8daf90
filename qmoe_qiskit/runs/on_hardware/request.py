"""What is asked for when a run is evaluated on a device: which device, how, and on which rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qmoe_qiskit.backends.slots.request import slot_request
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from qmoe_qiskit.hardware.options import RuntimeOptions


@dataclass(frozen=True, kw_only=True)
class DeviceRequest:
    """An evaluation of a run on a device; equal requests are equal work, which is paid for once.

    Attributes:
        backend: Specification of the device, such as "runtime:ibm_fez".
        options: Settings of IBM's primitives.
        shots: Number of shots per row; None for the default of the primitives.
        device_qubits: Device qubits to run on; None for those with the smallest expected error.
        data: Name or file of the rows, see `evaluate_run`.
        target: Column of the labels, see `evaluate_run`.
        samples: Number of rows, see `evaluate_run`.
        file: File of the rows to predict, without labels, in place of the last three; or None.
        keep: Columns of that file that stand beside the predictions.
        ledger: File that jobs are recorded in; None for the default.
        budget_s: QPU time that may be spent, in seconds, or None.
        settle_s: Time to look for a job whose submission response was lost, in seconds, or None for
            the default.
        slots: How many rows to evaluate at once, "auto" or a number, see `open_backend`.
        spacing: Number of idle qubits between slots, see `open_backend`.
        seed: Seed of Qiskit's routing. All commands use the same, since it is part of the work.

    Raises:
        InputError: If the backend is a simulation, or settle_s is negative or infinite.
    """

    backend: str
    options: RuntimeOptions
    shots: int | None = None
    device_qubits: tuple[int, ...] | None = None
    data: str | None = None
    target: str | None = None
    samples: int | None = None
    file: Path | None = None
    keep: tuple[str, ...] = ()
    ledger: Path | None = None
    budget_s: float | None = None
    settle_s: float | None = None
    slots: str | int | None = None
    spacing: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.backend == "statevector" or self.backend.startswith("noisy:"):
            raise InputError(
                f"backend {self.backend!r} is a simulation, which needs no submission: use qmoe "
                "evaluate, or name a device, such as runtime:ibm_fez or runtime:fake_torino"
            )
        slot_request(self.slots, self.spacing)
        if self.settle_s is not None and not 0 <= self.settle_s < math.inf:
            raise InputError(f"--settle must be seconds, 0 or more, got {self.settle_s:g}")

    @property
    def is_fake(self) -> bool:
        """Whether the device is simulated on this machine."""
        return self.backend.startswith("runtime:fake_")
