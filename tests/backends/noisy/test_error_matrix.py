"""The matrices of Aer's errors, against those that Qiskit makes of them."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Reset
from qiskit.circuit.library import CXGate, SXGate, XGate
from qiskit.quantum_info import PTM, Kraus, SuperOp, random_quantum_channel
from qiskit_aer.noise import (
    QuantumError,
    amplitude_damping_error,
    coherent_unitary_error,
    depolarizing_error,
    mixed_unitary_error,
    pauli_error,
    reset_error,
    thermal_relaxation_error,
)

from qmoe_qiskit.backends.noisy.error_matrix import error_matrix

SHORT_T2, LONG_T2 = (thermal_relaxation_error(1.0, t2, 0.3) for t2 in (0.7, 1.6))


def own_gate(angle: float) -> Gate:
    """A gate of one's own: its name does not say what it does."""
    definition = QuantumCircuit(1)
    definition.rx(angle, 0)
    gate = Gate("own", 1, [])
    gate.definition = definition
    return gate


ERRORS = {
    "device": depolarizing_error(0.1, 2).compose(SHORT_T2.expand(SHORT_T2)),
    "device-kraus": depolarizing_error(0.1, 2).compose(LONG_T2.expand(SHORT_T2)),
    "relaxation": thermal_relaxation_error(1.0, 0.7, 0.3, excited_state_population=0.2),
    "damping": amplitude_damping_error(0.3),
    "paulis": pauli_error([("XY", 0.1), ("ZI", 0.2), ("IX", 0.3), ("II", 0.4)]),
    "reset": reset_error(0.1, 0.2),
    "unitary": coherent_unitary_error(SXGate().to_matrix()),
    "unitaries": mixed_unitary_error([(np.eye(4), 0.6), (CXGate().to_matrix(), 0.4)]),
    "channel": QuantumError(Kraus(random_quantum_channel(4, 4, rank=3, seed=5))),
    "one-way": QuantumError([([(CXGate(), [1, 0]), (Reset(), [0])], 0.5), ((XGate(), [1]), 0.5)]),
    "own-gates": QuantumError([(own_gate(0.3), 0.5), (own_gate(-1.1), 0.5)]),
}


@pytest.mark.parametrize("name", ERRORS)
def test_it_is_qiskits_matrix(name: str) -> None:
    expected = PTM(SuperOp(ERRORS[name])).data
    np.testing.assert_allclose(expected.imag, 0, atol=1e-12)
    np.testing.assert_allclose(error_matrix(ERRORS[name]), expected.real, rtol=0, atol=1e-12)
