"""A part of a device behaves as it does in the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import SuperOp

from qmoe_qiskit.errors import ProfileError
from qmoe_qiskit.noise_profiles import NoiseProfile, load_profile

LAGOS = load_profile("ibm_lagos")


def test_noise_is_that_of_the_whole(lagos: NoiseProfile) -> None:
    qubits = [5, 3, 1]
    whole, part = lagos.to_noise_model(), lagos.subset(qubits).to_noise_model()
    n_compared = 0
    for name, places in part._local_quantum_errors.items():
        for place, found in places.items():
            expected = whole._local_quantum_errors[name][tuple(qubits[q] for q in place)]
            assert np.abs(SuperOp(found).data - SuperOp(expected).data).max() <= 1e-12
            n_compared += 1
    inside = [gate for gate in lagos.gates if set(gate.qubits) <= set(qubits)]
    assert n_compared == sum(gate.name != "rz" for gate in inside)
    for number, qubit in enumerate(qubits):
        assert part._local_readout_errors[(number,)] == whole._local_readout_errors[(qubit,)]
    (delay,), (delay_of_whole,) = part._custom_noise_passes, whole._custom_noise_passes
    np.testing.assert_array_equal(delay._t1s, delay_of_whole._t1s[qubits])
    np.testing.assert_array_equal(delay._t2s, delay_of_whole._t2s[qubits])


@given(order=st.permutations(range(7)), first=st.integers(1, 7), data=st.data())
def test_parts_of_parts_are_parts(order: list[int], first: int, data: st.DataObject) -> None:
    chosen = order[:first]
    again = data.draw(st.permutations(range(first)))[: data.draw(st.integers(1, first))]
    part = LAGOS.subset(chosen)
    assert part.physical_qubits == tuple(chosen)
    assert part.subset(again) == LAGOS.subset([chosen[q] for q in again])
    assert LAGOS.subset(range(7)) == LAGOS


def test_repairs_go_with_their_qubits(torino: NoiseProfile) -> None:
    dead = next(repair for repair in torino.repairs if repair.item == "cz")
    part = torino.subset(dead.qubits)
    kept = {(repair.item, repair.qubits) for repair in part.repairs}
    assert ("cz", (0, 1)) in kept
    assert part.couplings == ()
    assert all(set(repair.qubits) <= {0, 1} for repair in part.repairs)


def test_an_uncoupled_part_can_be_used(torino: NoiseProfile) -> None:
    part = torino.subset([0, 100])
    assert "cz" in part.basis_gates
    assert "cz" not in part.to_target().operation_names
    assert "cz" not in part.to_noise_model()._local_quantum_errors


def test_qubits_may_be_numpy_integers(lagos: NoiseProfile) -> None:
    assert lagos.subset(np.array([2, 1])) == lagos.subset([2, 1])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("qubits", "message"),
    [
        ([0, 7], "qubit 7 does not exist: ibm_lagos has qubits 0 to 6"),
        ([-1], "qubit -1 does not exist"),
        ([0, 1.0], "qubit 1.0 does not exist"),
        (["0"], "qubit '0' does not exist"),
        ([3, 1, 3], r"a qubit is given twice in \[3, 1, 3\]"),
        ([], "no qubits were given"),
    ],
)
def test_wrong_qubits(lagos: NoiseProfile, qubits: list[int], message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        lagos.subset(qubits)
