"""Evaluating a noisy circuit by Aer's shots."""

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister
from qiskit_aer import AerSimulator

from qmoe_qiskit.backends.gradients import parameter_shift
from qmoe_qiskit.backends.gradients.rotations import one_angle_per_rotation
from qmoe_qiskit.backends.handed_out import HandsOut
from qmoe_qiskit.backends.noisy.circuit import NoisyCircuit
from qmoe_qiskit.backends.noisy.device import NoiseChannels
from qmoe_qiskit.backends.protocols import ArrayLike, Expectations, Pullback, check_batch
from qmoe_qiskit.circuits.angles import has_parameters
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.simulation.lowering import unfold
from qmoe_qiskit.typing import FloatArray

# Points of one Aer job: its result holds the counts of all of them at once.
_POINTS_PER_JOB = 4096
# Up to this many qubits a density matrix is cheaper than a trajectory per shot.
_MAX_DENSITY_QUBITS = 8
# A noise model of Aer that knows no such label has no error for it.
_FREE_OF_NOISE = "part of a gate"


class SampledRouter(HandsOut):
    """A router whose expectation values are means over Aer's shots, all from the same shots.

    Derivatives are by the parameter-shift rule, rotation by rotation, each from shots of its own:
    exact in expectation, since every rotation of the circuit shifts an angle of one gate.

    Args:
        noisy: The circuit with its noise.
        observables_OD: The observables over measured bit strings, (O, 2^n) for n router qubits.
        shots: The number of shots per evaluated point.
        rng: The source of all shots: each call draws new ones.
        backend_name: The specification of the backend.
    """

    def __init__(
        self,
        noisy: NoisyCircuit,
        observables_OD: FloatArray,
        shots: int,
        rng: np.random.Generator,
        *,
        backend_name: str,
    ) -> None:
        self.router = router = noisy.router
        self.placed, self.backend_name = noisy.placed, backend_name
        self._observables_OD, self._shots, self._rng = observables_OD, shots, rng
        # One parameter per rotation, and measurements.
        self._circuit, self._angles, self._table = one_angle_per_rotation(
            _with_errors(noisy), router.inputs, router.weights
        )
        self._circuit.add_register(ClassicalRegister(router.n_qubits))
        self._circuit.measure(list(noisy.measured), range(router.n_qubits))
        self._simulator = AerSimulator(
            method="density_matrix"
            if noisy.circuit.num_qubits <= _MAX_DENSITY_QUBITS
            else "statevector",
            noise_model=noisy.noise_model,
            max_parallel_shots=1,  # else a seed's shots depend on the number of cores
        )

    def expectations(self, inputs_BF: FloatArray, weights_W: FloatArray) -> Expectations:
        """See `CompiledRouter.expectations`."""
        x_BF, w_W = check_batch(self.router, inputs_BF, weights_W)
        values, errors = self._sample(self._table.angles(x_BF, w_W))
        return Expectations(values=values, std_errors=errors, shots=self._shots)

    def jacobian(
        self, inputs_BF: FloatArray, weights_W: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """See `CompiledRouter.jacobian`."""
        x_BF, w_W = check_batch(self.router, inputs_BF, weights_W)
        table = self._table
        values, _ = self._sample(parameter_shift.parameter_shifts(table.angles(x_BF, w_W)))
        slopes_BOG = parameter_shift.shifted_slopes(values, len(x_BF), len(self._angles))
        return table.chain(x_BF, w_W, slopes_BOG)

    def vjp(self, inputs_BF: ArrayLike, weights_W: ArrayLike) -> tuple[ArrayLike, Pullback]:
        """See `CompiledRouter.vjp`."""
        return parameter_shift.vjp_by_jacobian(self, inputs_BF, weights_W)

    def _sample(self, angles_PG: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return means and their standard errors at every point, (P, O) each."""
        n_points, n_outputs = len(angles_PG), len(self._observables_OD)
        values, errors = np.zeros((2, n_points, n_outputs))
        for start in range(0, n_points, _POINTS_PER_JOB):
            for k, counts in enumerate(self._counts(angles_PG[start : start + _POINTS_PER_JOB])):
                seen = self._observables_OD[:, [int(string, 16) for string in counts]]
                shares = np.array(list(counts.values())) / self._shots
                mean = seen @ shares
                variance = (seen - mean[:, None]) ** 2 @ shares
                values[start + k] = mean
                errors[start + k] = np.sqrt(variance / max(self._shots - 1, 1))
        return values, errors

    def _counts(self, angles_PG: FloatArray) -> list[dict[str, int]]:
        """Return how often each bit string, in hex, was measured at every point."""
        binds = {p: column.tolist() for p, column in zip(self._angles, angles_PG.T, strict=True)}
        options = {"shots": self._shots, "seed_simulator": int(self._rng.integers(2**31 - 1))}
        if binds:
            job = self._simulator.run(self._circuit, parameter_binds=[binds], **options)
        else:
            job = self._simulator.run([self._circuit] * len(angles_PG), **options)
        result = job.result()
        return [result.data(k)["counts"] for k in range(len(angles_PG))]


def _with_errors(noisy: NoisyCircuit) -> QuantumCircuit:
    """Return the circuit with gates that have no shift rule as rotations, and with their errors.

    Aer finds the error of a gate by its name, which the rotations of a u3 or cp do not have. Labels
    keep them free of errors of their own.

    Raises:
        InputError: If a pass of the noise model acts on such rotations by their class.
    """
    if noisy.noise_model is None:
        return noisy.circuit
    channels = NoiseChannels(noisy.noise_model)
    new: QuantumCircuit = noisy.circuit.copy_empty_like()
    for step in noisy.circuit.data:
        qubits = tuple(noisy.circuit.find_bit(q).index for q in step.qubits)
        gate = step.operation
        parts = list(unfold(gate, qubits)) if has_parameters(gate) else []
        if [part.name for part, _ in parts] in ([], [gate.name]):
            new.append(step)
            continue
        for part, places in parts:
            if channels.acts_by_type(part):
                raise InputError(
                    f"the noise model has a pass for {part.name}, which would also act on the "
                    f"rotations of {gate.name}: omit shots"
                )
            free = part.to_mutable()
            free.label = _FREE_OF_NOISE
            new.append(free, places)
        for error in channels.errors(gate, qubits):
            new.append(error.to_instruction(), qubits)
    return new
