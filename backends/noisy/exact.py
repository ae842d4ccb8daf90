"""Evaluating a noisy circuit exactly, by the density matrix."""

import numpy as np
from qiskit_aer import AerSimulator

from qmoe_qiskit.backends.noisy.circuit import NoisyCircuit
from qmoe_qiskit.backends.noisy.readout_error import apply_readout_error
from qmoe_qiskit.backends.statevector import PROBE_TOLERANCE, BatchedRouter, check_probe
from qmoe_qiskit.simulation import DensityProgram
from qmoe_qiskit.simulation.lowering import lower_circuit
from qmoe_qiskit.typing import FloatArray

# A density matrix of 10 qubits takes 8 MiB, and one is kept per step on the way back.
MAX_EXACT_QUBITS = 10
# Aer leaves out the terms of an error that have a probability below 1e-10. The error of a two-qubit
# gate, depolarizing times relaxation on both qubits, has up to 144 terms.
AER_TRUNCATION = 144e-10


def exact_router(
    noisy: NoisyCircuit,
    observables_OD: FloatArray,
    rng: np.random.Generator,
    *,
    backend_name: str,
) -> BatchedRouter:
    """Return a noisy circuit on the batched engine, after a comparison with Aer's density matrix.

    Args:
        noisy: The circuit with its noise.
        observables_OD: The observables over measured bit strings, (O, 2^n) for n router qubits.
        rng: The source of the point of the comparison.
        backend_name: The specification of the backend.

    Raises:
        EngineMismatchError: If the two differ by more than rounding and what Aer leaves out.
    """
    router, n_qubits = noisy.router, noisy.circuit.num_qubits
    gates, table = lower_circuit(
        noisy.circuit, list(router.inputs), list(router.weights), noise=noisy.channels
    )
    # From measured bit strings to the router's true states, then to those of the whole register.
    of_states_OD = apply_readout_error(observables_OD, noisy.assignment)
    states = np.arange(2**n_qubits)
    local = np.zeros_like(states)
    for k, qubit in enumerate(noisy.measured):
        local |= ((states >> qubit) & 1) << k
    compiled = BatchedRouter(
        router=router,
        program=DensityProgram(gates, table, n_qubits, of_states_OD[:, local]),
        placed=noisy.placed,
        backend_name=backend_name,
    )
    check_probe(
        compiled,
        lambda inputs_F, weights_W: _by_aer(noisy, observables_OD, inputs_F, weights_W),
        rng,
        remedy="a number of shots",
        tolerance=PROBE_TOLERANCE + AER_TRUNCATION * len(noisy.circuit.data),
    )
    return compiled


def _by_aer(
    noisy: NoisyCircuit, observables_OD: FloatArray, inputs_F: FloatArray, weights_W: FloatArray
) -> FloatArray:
    """Evaluate one point by Aer's density matrix, followed by the readout assignment: (O,)."""
    router = noisy.router
    values = dict(zip([*router.inputs, *router.weights], [*inputs_F, *weights_W], strict=True))
    used = set(noisy.circuit.parameters)
    bound = noisy.circuit.assign_parameters({p: float(v) for p, v in values.items() if p in used})
    bound.save_probabilities(list(noisy.measured))
    simulator = AerSimulator(method="density_matrix", noise_model=noisy.noise_model)
    probabilities_S = simulator.run(bound, shots=1).result().data()["probabilities"]
    by_aer_O: FloatArray = apply_readout_error(observables_OD, noisy.assignment) @ probabilities_S
    return by_aer_O
