"""Hardware-efficient circuits on devices: no SWAP gate is ever inserted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qmoe_qiskit import angle_router, load_profile, open_backend
from qmoe_qiskit.backends.transpile.couplers import couplers_of, device_couplers
from qmoe_qiskit.backends.transpile.isa_circuit import fit_to_device
from qmoe_qiskit.circuits import Couplers
from qmoe_qiskit.errors import InputError


def n_two_qubit_gates(circuit: object) -> int:
    return sum(
        len(step.qubits) == 2 and step.operation.name != "barrier"
        for step in circuit.data  # type: ignore[attr-defined]
    )


def test_transpiling_inserts_no_swap(profile_name: str) -> None:
    profile = load_profile(profile_name)
    for n_qubits in (5,) if profile.n_qubits > 5 else (2, 3, 5):
        couplers = device_couplers(profile, n_qubits)
        router = angle_router(n_qubits, 2, entanglement=couplers)
        placed = fit_to_device(router, profile, seed=0)
        expected = 2 * len(couplers.pairs)
        assert len(couplers.pairs) >= n_qubits - 1
        assert n_two_qubit_gates(router.circuit) == expected
        assert n_two_qubit_gates(placed.gates) == expected
        assert len(placed.active) == n_qubits
        assert couplers.gate in profile.basis_gates


def test_a_wide_circuit_needs_no_swap_either() -> None:
    profile = load_profile("ibm_miami")  # a square lattice, whose regions have circles
    couplers = device_couplers(profile, 8)
    placed = fit_to_device(angle_router(8, 1, entanglement=couplers), profile, seed=0)
    assert n_two_qubit_gates(placed.gates) == len(couplers.pairs)


def test_the_line_that_strong_entanglement_is_not() -> None:
    """The test above can fail: a circuit that does not follow the device gets SWAP gates."""
    router = angle_router(5, 2)
    placed = fit_to_device(router, load_profile("ibmq_manila"), seed=0)
    assert n_two_qubit_gates(placed.gates) > n_two_qubit_gates(router.circuit)


def test_without_a_device_a_line() -> None:
    line = Couplers(pairs=((0, 1), (2, 3), (1, 2)), gate="cz")
    assert couplers_of(open_backend("statevector"), 4) == line
    assert couplers_of(open_backend("noisy:depolarizing:0.05"), 4) == line


def test_the_users_qubits_are_taken() -> None:
    backend = open_backend("noisy:ibm_lagos", qubits=[4, 5, 6])
    assert couplers_of(backend, 3).pairs == ((0, 1), (1, 2))


def test_a_fake_of_ibm_has_its_couplers() -> None:
    assert couplers_of(open_backend("runtime:fake_manila"), 5).gate == "cx"


def test_too_wide_or_unknown() -> None:
    profile = load_profile("ibmq_manila")
    with pytest.raises(InputError, match="no 6 qubits that work"):
        device_couplers(profile, 6)
    with pytest.raises(InputError, match="unknown entangling gate 'swap'"):
        Couplers(pairs=((0, 1),), gate="swap")
    other = replace(profile, basis_gates=tuple(g for g in profile.basis_gates if g != "cx"))
    with pytest.raises(InputError, match="connected by two-qubit gates"):
        device_couplers(other, 2)
