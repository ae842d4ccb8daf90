"""The way to QPY and back."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import AnnotatedOperation, ControlModifier, Gate, Parameter, ParameterVector
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from qiskit.quantum_info import SparsePauliOp, Statevector

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.typing import FloatArray

    Outputs = Callable[[RouterCircuit, FloatArray, FloatArray], FloatArray]


def mixed_router() -> RouterCircuit:
    """Sums of parameters, parameters that nothing uses, more than ten, weighted observables."""
    x, w = ParameterVector("features", 3), ParameterVector("theta", 12)
    circuit = QuantumCircuit(2, name="mixed")
    circuit.rx(2 * x[0] - w[11] + 0.1, 0)
    circuit.rzz(w[2] / 3, 0, 1)
    circuit.barrier()
    circuit.crx(x[2], 1, 0)
    circuit.ry(w[10], 1)
    observables = (
        SparsePauliOp.from_list([("ZI", 0.1), ("II", -1 / 3)]),
        SparsePauliOp.from_list([("ZZ", 2.0)]),
    )
    return RouterCircuit(circuit=circuit, inputs=x, weights=w, observables=observables)


ROUTERS = {
    "paper": angle_router(2, 3),
    "reuploads": angle_router(3, 1, rotation="z", reuploads=3, entanglement="linear"),
    "mixed": mixed_router(),
}


@pytest.mark.parametrize("name", ROUTERS)
def test_outputs_hash_and_names_come_back(
    name: str, outputs: Outputs, rng: np.random.Generator
) -> None:
    router = ROUTERS[name]
    again = RouterCircuit.from_qpy(router.to_qpy())
    assert again.content_hash == router.content_hash
    assert again.degree == router.degree
    assert again.observables == router.observables
    assert again.circuit.name == router.circuit.name
    assert [p.name for p in again.inputs] == [p.name for p in router.inputs]
    assert [p.name for p in again.weights] == [p.name for p in router.weights]
    inputs_BF = rng.uniform(-4, 4, (4, router.n_inputs))
    weights_W = rng.uniform(-4, 4, router.n_weights)
    expected = outputs(router, inputs_BF, weights_W)
    np.testing.assert_allclose(outputs(again, inputs_BF, weights_W), expected, atol=1e-14)


def test_writing_leaves_the_circuit_as_it_was() -> None:
    circuit = angle_router(2, 1).circuit
    circuit.metadata = {"mine": 1}
    router = RouterCircuit.from_circuit(circuit, inputs=[], observables="ZZ")
    router.to_qpy()
    assert router.circuit.metadata == {"mine": 1}


def test_second_trip_gives_the_same_bytes() -> None:
    data = RouterCircuit.from_qpy(angle_router(2, 2).to_qpy()).to_qpy()
    assert RouterCircuit.from_qpy(data).to_qpy() == data


@pytest.mark.parametrize("data", [b"", b"QISKIT", b"garbage" * 50, b"\x00" * 200, b"{}"])
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="not a router circuit"):
        RouterCircuit.from_qpy(data)


def test_truncated_files_are_refused() -> None:
    data = angle_router(2, 1).to_qpy()
    for length in range(0, len(data), 3):
        with pytest.raises(InputError, match="not a router circuit"):
            RouterCircuit.from_qpy(data[:length])


def written(*circuits: QuantumCircuit) -> bytes:
    buffer = io.BytesIO()
    qpy.dump(list(circuits), buffer)
    return buffer.getvalue()


def test_qpy_of_other_programs_is_refused() -> None:
    plain = QuantumCircuit(1)
    plain.h(0)
    (router,) = qpy.load(io.BytesIO(angle_router(1, 1).to_qpy()))
    odd = router.copy()
    odd.metadata = {**router.metadata, "observables": [[["Q", 1.0]]]}
    for data in (written(plain), written(router, router), written(odd)):
        with pytest.raises(InputError, match="not a router circuit"):
            RouterCircuit.from_qpy(data)


def test_parameters_of_any_kind_come_back_in_their_order() -> None:
    """The form of EstimatorQNN's users: views, lists and slices, with some that are not used."""
    features, ansatz = zz_feature_map(3), real_amplitudes(3, reps=1)
    spare, weights = Parameter("spare"), [*ansatz.parameters][::-1]
    router = RouterCircuit(
        circuit=features.compose(ansatz),
        inputs=features.parameters[1:],
        weights=[*weights, features.parameters[0], spare],
        observables="XYZ",
    )
    again = RouterCircuit.from_qpy(router.to_qpy())
    assert [p.name for p in again.inputs] == ["x[1]", "x[2]"]
    assert [p.name for p in again.weights] == [*(p.name for p in weights), "x[0]", "spare"]
    assert again.content_hash == router.content_hash
    assert again.observables == router.observables


class Hidden(Gate):
    """A gate that QPY cannot hold: a matrix and no definition."""

    def __init__(self) -> None:
        super().__init__("cx", 1, [])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array([[0.6, -0.8], [0.8, 0.6]], dtype=complex)


def test_gates_that_qpy_cannot_hold_are_written_in_standard_gates() -> None:
    circuit = QuantumCircuit(1)
    circuit.append(Hidden(), [0])
    router = RouterCircuit.from_circuit(circuit, inputs=[])
    again = RouterCircuit.from_qpy(router.to_qpy())
    assert again.content_hash == router.content_hash
    value = Statevector(again.bind(np.zeros(0), np.zeros(0))).expectation_value(SparsePauliOp("Z"))
    assert value == pytest.approx(0.6**2 - 0.8**2, abs=1e-15)


def annotated() -> tuple[QuantumCircuit, ParameterVector, ParameterVector]:
    """A circuit of which Qiskit's QPY loses the parameters within the annotated gate."""
    x, w = ParameterVector("x", 1), ParameterVector("w", 2)
    block = QuantumCircuit(1, name="block")
    block.ry(w[1], 0)
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.ry(x[0], 1)
    circuit.append(AnnotatedOperation(block.to_gate(), ControlModifier(1)), [0, 1])
    circuit.rx(w[0], 0)
    return circuit, x, w


def test_parameters_of_annotated_gates_come_back() -> None:
    circuit, x, w = annotated()
    written = RouterCircuit.from_circuit(circuit, inputs=x, weights=w)
    buffer = io.BytesIO()
    qpy.dump(circuit, buffer)
    (read,) = qpy.load(io.BytesIO(buffer.getvalue()))
    features = [p for p in read.parameters if p.name == "x[0]"]
    plain = QuantumCircuit(2)
    plain.h(0)
    plain.ry(0.3, 1)
    plain.cry(-0.8, 0, 1)
    plain.rx(0.4, 0)
    for router in (
        RouterCircuit.from_qpy(written.to_qpy()),
        RouterCircuit.from_circuit(read, inputs=features),
    ):
        assert router.content_hash == written.content_hash
        state = Statevector(router.bind(np.array([0.3]), np.array([0.4, -0.8])))
        assert state.equiv(Statevector(plain))
        values = open_backend("statevector").compile(router)
        found = values.expectations(np.array([[0.3]]), np.array([0.4, -0.8])).values[0, 1]
        expected = Statevector(plain).expectation_value(SparsePauliOp("ZI"))
        assert found == pytest.approx(expected, abs=1e-12)


def test_delays_keep_their_units() -> None:
    """Which Qiskit's QPY forgets, within blocks too."""
    block = QuantumCircuit(1, name="block")
    block.delay(30, 0, "us")
    circuit = QuantumCircuit(1)
    circuit.delay(100, 0, "ns")
    circuit.delay(50, 0)
    circuit.delay(2.5e-8, 0, "s")
    for extended in (circuit, circuit.compose(block.to_instruction())):
        router = RouterCircuit.from_circuit(extended, inputs=[])
        again = RouterCircuit.from_qpy(router.to_qpy())
        assert again.content_hash == router.content_hash
        delays = [step.operation for step in again.standard_circuit.data]
        expected = [(100, "ns"), (50, "dt"), (2.5e-8, "s"), (30, "us")][: len(delays)]
        assert [(delay.duration, delay.unit) for delay in delays] == expected
        assert len(delays) >= 3
