"""What is asked for when a run is evaluated on a device: which device, how, and on which rows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from qmoe_qiskit.backends.slots.request import slot_request
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from qmoe_qiskit.hardware.options import RuntimeOptions
    from qmoe_qiskit.runs.store.loading import OpenedRun


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

    def for_run(self, run: OpenedRun) -> Self:
        """Return the request with what the run decides: where shots choose experts, their number.

        The shots of a model with sampled routing are its votes. Unless options say otherwise, they
        are counted by the sampler primitive, which takes as many as are asked for.

        Raises:
            InputError: If there are fewer shots than votes.
        """
        from qmoe_qiskit.moe.votes import check_shots

        settings = run.manifest.model["settings"]
        chosen = self.options.model_fields_set & {"primitive", "precision", "resilience_level"}
        if settings.get("routing", "weighted") != "sampled" or chosen:
            return self
        options = self.options.model_copy(update={"primitive": "sampler"})
        n_votes = settings.get("n_votes", 1)
        shots = n_votes if self.shots is None else self.shots
        if n_votes is not None:
            check_shots(n_votes, shots)
        return replace(self, options=options, shots=shots)

    @property
    def is_fake(self) -> bool:
        """Whether the device is simulated on this machine."""
        return self.backend.startswith("runtime:fake_")
