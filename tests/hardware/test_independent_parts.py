"""Work that falls into parts: the parts, by qiskit.quantum_info, have the values of the whole."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp, Statevector

from qmoe_qiskit.hardware.independent_parts import independent_parts, region_around
from qmoe_qiskit.hardware.options import RuntimeOptions
from qmoe_qiskit.hardware.work import WorkUnit
from qmoe_qiskit.typing import FloatArray


def work_of(
    circuit: QuantumCircuit, observables: list[SparsePauliOp], qubits: list[int]
) -> WorkUnit:
    rng = np.random.default_rng(0)
    return WorkUnit(
        key="00ff",
        spec="",
        device="",
        title="",
        circuit=circuit,
        physical_qubits=tuple(qubits),
        observables=tuple(observables),
        points_PG=rng.uniform(-3, 3, (4, len(circuit.parameters))),
        shots=1,
        options=RuntimeOptions(),
    )


def values(work: WorkUnit) -> FloatArray:
    rows = []
    for point in work.points_PG:
        state = Statevector(work.circuit.assign_parameters(point))
        laid_out = [
            o.apply_layout(list(work.physical_qubits), work.circuit.num_qubits)
            for o in work.observables
        ]
        rows.append([state.expectation_value(o).real for o in laid_out])
    return np.array(rows)


@pytest.fixture
def circuit() -> QuantumCircuit:
    """Angles of several parts, mixed: 12, whose names sort otherwise than their numbers."""
    angle = ParameterVector("angle", 12)
    circuit = QuantumCircuit(7)
    for k, q in enumerate([0, 5, 2, 0, 6, 3, 5, 2, 0, 1, 3, 6]):
        (circuit.ry if k % 2 else circuit.rx)(angle[k], q)
    circuit.barrier()
    circuit.cz(0, 3)
    circuit.cx(5, 6)
    circuit.rx(angle[11] * 0 + angle[4], 6)
    circuit.ry(angle[2], 2)
    return circuit


def test_parts(circuit: QuantumCircuit) -> None:
    qubits = [3, 0, 5, 6, 2, 1]
    labels = ["IIIIZZ", "IIXZII", "IZIIII", "IIIIII", "IIIIIY", "YIIIII", "IIZIII"]
    observables = [SparsePauliOp([label], [1.5]) for label in labels]
    work = work_of(circuit, observables, qubits)
    parts = independent_parts(work)
    assert sorted(o for part in parts for o in part.outputs) == list(range(7))
    assert [len(part.work.physical_qubits) for part in parts] == [2, 1, 1, 2]
    whole = values(work)
    for part in parts:
        assert part.work.points_PG.shape[1] == len(part.work.circuit.parameters)
        assert values(part.work) == pytest.approx(whole[:, list(part.outputs)], abs=1e-12)
    assert region_around(circuit, [5]) == {5, 6}
    assert region_around(circuit, [0, 4]) == {0, 3, 4}


def test_an_observable_joins_parts(circuit: QuantumCircuit) -> None:
    work = work_of(circuit, [SparsePauliOp(["ZIIIIZ", "IIXIII"])], [3, 0, 5, 6, 2, 1])
    (part,) = independent_parts(work)
    assert values(part.work) == pytest.approx(values(work), abs=1e-12)
    joined = work_of(circuit, [SparsePauliOp(["ZZZZZZ"])], [3, 0, 5, 6, 2, 1])
    assert independent_parts(joined)[0].work is joined
