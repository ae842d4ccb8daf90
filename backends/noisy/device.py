"""A router under the noise of a device: placed on its qubits, folded where that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.backends.mitigation.folding import folded, folded_gates
from qmoe_qiskit.backends.noisy.circuit import NoisyCircuit, in_bases
from qmoe_qiskit.backends.noisy.exact import MAX_EXACT_QUBITS
from qmoe_qiskit.backends.noisy.readout_error import assignment_matrices
from qmoe_qiskit.backends.transpile.isa_circuit import (
    DeviceCircuit,
    fit_to_device,
    without_measurements,
)
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.simulation.lowering import Channel
from qmoe_qiskit.simulation.representation import transfer_matrix
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qiskit_aer.noise import NoiseModel

    from qmoe_qiskit.noise_profiles import NoiseProfile


def on_device(
    router: RouterCircuit,
    profile: NoiseProfile,
    *,
    noise_factors: Sequence[int],
    seed: int | None,
    qubits: Sequence[int] | None = None,
) -> list[NoisyCircuit]:
    """Return a router with a device's noise, see `NoiseSource.add_to` and `fit_to_device`."""
    # The same circuit is evaluated exactly and sampled.
    most = MAX_EXACT_QUBITS if router.n_qubits <= MAX_EXACT_QUBITS else None
    plain = fit_to_device(router, profile, qubits=qubits, most_qubits=most, seed=seed)
    assert plain.profile is not None
    model, channels = _noise_of(plain.profile)
    return [
        NoisyCircuit(
            router=rotated,
            circuit=without_measurements(_folded(plain.in_basis(basis), factor).compact),
            channels=channels,
            noise_model=model,
            measured=plain.measured,
            assignment=assignment_matrices(plain.profile, plain.measured),
            placed=_folded(plain, factor),
        )
        for basis, rotated in in_bases(router)
        for factor in noise_factors
    ]


def _folded(placed: DeviceCircuit, factor: int) -> DeviceCircuit:
    if factor == 1:
        return placed
    return replace(
        placed,
        gates=folded_gates(placed.gates, factor),
        compact=folded(placed.compact, factor, placed.target),
    )


@lru_cache(maxsize=16)
def _noise_of(profile: NoiseProfile) -> tuple[NoiseModel, NoiseChannels]:
    """Return Aer's noise model and its channels; to build them takes most of a compilation."""
    model = profile.to_noise_model()
    return model, NoiseChannels(model)


class NoiseChannels:
    """What an Aer noise model does after each instruction.

    Gate errors are read from the model; idle noise comes from the model's own passes, which Aer
    applies to delays.

    Args:
        model: The noise model; its qubits are those of the circuit.
    """

    def __init__(self, model: NoiseModel) -> None:
        self._gate_errors = model._local_quantum_errors  # noqa: SLF001 - Aer has no accessor
        self._passes = model._custom_noise_passes  # noqa: SLF001
        self._known: dict[Any, FloatArray | None] = {}

    def __call__(self, operation: Any, qubits: tuple[int, ...]) -> list[Channel]:  # noqa: ANN401
        """Return the channels after an instruction, for `lower_circuit`."""
        duration = operation.duration if operation.name == "delay" else None
        key = (operation.name, qubits, duration)
        if key not in self._known:
            self._known[key] = self._matrix(operation, qubits)
        matrix = self._known[key]
        return [] if matrix is None else [Channel(matrix=matrix, qubits=qubits)]

    def _matrix(self, operation: Any, qubits: tuple[int, ...]) -> FloatArray | None:  # noqa: ANN401
        errors = [self._gate_errors.get(operation.name, {}).get(qubits)]
        errors += [
            noise_pass._func(operation, list(qubits))  # noqa: SLF001
            for noise_pass in self._passes
            if isinstance(operation, noise_pass._ops)  # noqa: SLF001
        ]
        matrices = [transfer_matrix(error) for error in errors if error is not None]
        return reduce(lambda before, after: after @ before, matrices) if matrices else None
