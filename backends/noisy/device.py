"""A router under the noise of a device: placed on its qubits, folded where that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.backends.mitigation.folding import folded_on_device
from qmoe_qiskit.backends.noisy.circuit import NoisyCircuit, in_bases
from qmoe_qiskit.backends.noisy.error_matrix import error_matrix
from qmoe_qiskit.backends.noisy.exact import MAX_EXACT_QUBITS
from qmoe_qiskit.backends.noisy.readout_error import assignment_matrices
from qmoe_qiskit.backends.slots.finding import SlotFinder
from qmoe_qiskit.backends.transpile.fractional import without_bounded
from qmoe_qiskit.backends.transpile.isa_circuit import DeviceCircuit, fit_to_device
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.noise_profiles.simulated import simulated
from qmoe_qiskit.simulation.lowering import Channel
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qiskit_aer.noise import NoiseModel, QuantumError

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
    profile = _foldable(simulated(profile), noise_factors)
    # The same circuit is evaluated exactly and sampled.
    most = MAX_EXACT_QUBITS if router.n_qubits <= MAX_EXACT_QUBITS else None
    plain = fit_to_device(router, profile, qubits=qubits, most_qubits=most, seed=seed)
    return under_noise(router, profile, plain, noise_factors=noise_factors)


def slot_finder(
    router: RouterCircuit,
    profile: NoiseProfile,
    *,
    noise_factors: Sequence[int],
    seed: int | None,
    qubits: Sequence[int] | None = None,
) -> SlotFinder:
    """Return the places of a router on a device, routed as by `on_device`."""
    profile = _foldable(simulated(profile), noise_factors)
    most = MAX_EXACT_QUBITS if router.n_qubits <= MAX_EXACT_QUBITS else None
    return SlotFinder(router, profile, qubits=qubits, most_qubits=most, seed=seed)


def under_noise(
    router: RouterCircuit,
    profile: NoiseProfile,
    plain: DeviceCircuit,
    *,
    noise_factors: Sequence[int],
) -> list[NoisyCircuit]:
    """Return a router that is placed on a device with the device's noise, see `on_device`."""
    active = profile.subset(plain.active)
    model, channels = _noise_of(active)
    return [
        NoisyCircuit(
            router=rotated,
            circuit=folded_on_device(plain.in_basis(basis), factor).evaluated,
            channels=channels,
            noise_model=model,
            measured=plain.measured,
            assignment=assignment_matrices(active, plain.measured),
            placed=folded_on_device(plain, factor),
        )
        for basis, rotated in in_bases(router)
        for factor in noise_factors
    ]


def _foldable(profile: NoiseProfile, noise_factors: Sequence[int]) -> NoiseProfile:
    """Return a device whose gates can be folded by these factors."""
    # A folded gate must be its own inverse.
    return without_bounded(profile) if max(noise_factors) > 1 else profile


@lru_cache(maxsize=16)
def _noise_of(profile: NoiseProfile) -> tuple[NoiseModel, NoiseChannels]:
    """Return Aer's noise model and its channels; to build them takes most of a compilation."""
    model = profile.to_noise_model()
    return model, NoiseChannels(model)


class NoiseChannels:
    """What an Aer noise model does after each instruction.

    Gate errors are read from the model; idle noise comes from the model's own passes, which Aer
    applies to delays. Channels that stand in the circuit itself act as well.

    Args:
        model: The noise model; its qubits are those of the circuit.
    """

    def __init__(self, model: NoiseModel) -> None:
        self._gate_errors = model._local_quantum_errors  # noqa: SLF001 - Aer has no accessor
        self._everywhere = model._default_quantum_errors  # noqa: SLF001
        self._passes = model._custom_noise_passes  # noqa: SLF001
        self._known: dict[Any, FloatArray | None] = {}

    def __call__(self, operation: Any, qubits: tuple[int, ...]) -> list[Channel]:  # noqa: ANN401
        """Return the channels after an instruction, for `lower_circuit`."""
        if operation.name == "quantum_channel":
            error = operation._quantum_error  # noqa: SLF001
            return [Channel(matrix=error_matrix(error), qubits=qubits)]
        duration = operation.duration if operation.name == "delay" else None
        key = (operation.name, qubits, duration)
        if key not in self._known:
            self._known[key] = self._matrix(operation, qubits)
        matrix = self._known[key]
        return [] if matrix is None else [Channel(matrix=matrix, qubits=qubits)]

    def errors(self, operation: Any, qubits: tuple[int, ...]) -> list[QuantumError]:  # noqa: ANN401
        """Return the errors of the model that act after an instruction, in order."""
        # As in Aer, an error of these qubits replaces that of all qubits.
        everywhere = self._everywhere.get(operation.name)
        errors = [self._gate_errors.get(operation.name, {}).get(qubits, everywhere)]
        errors += [
            noise_pass._func(operation, list(qubits))  # noqa: SLF001
            for noise_pass in self._passes
            if isinstance(operation, noise_pass._ops)  # noqa: SLF001
        ]
        return [error for error in errors if error is not None]

    def acts_by_type(self, operation: Any) -> bool:  # noqa: ANN401
        """Whether a pass of the model finds an instruction by its class, whatever its label."""
        return any(isinstance(operation, noise_pass._ops) for noise_pass in self._passes)  # noqa: SLF001

    def _matrix(self, operation: Any, qubits: tuple[int, ...]) -> FloatArray | None:  # noqa: ANN401
        matrices = [error_matrix(error) for error in self.errors(operation, qubits)]
        return reduce(lambda before, after: after @ before, matrices) if matrices else None
