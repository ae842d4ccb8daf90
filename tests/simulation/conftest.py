"""Random router circuits, one that takes every path, and Qiskit's Statevector to judge them by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.quantum_info import SparsePauliOp, Statevector

from qmoe_qiskit.circuits import RouterCircuit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from qiskit.circuit import ParameterExpression

    FloatArray = NDArray[np.float64]

# Method of QuantumCircuit: number of qubits, number of angles.
GATES = {
    **dict.fromkeys(["rx", "ry", "rz", "p"], (1, 1)),
    **dict.fromkeys(["h", "s", "t", "x", "y", "sx", "sdg", "id"], (1, 0)),
    **dict.fromkeys(["rxx", "ryy", "rzz", "rzx", "crx", "cry", "crz", "cp"], (2, 1)),
    **dict.fromkeys(["cx", "cy", "cz", "ch", "swap", "iswap", "ecr", "dcx"], (2, 0)),
    **dict.fromkeys(["ccx", "cswap", "ccz"], (3, 0)),
    "r": (1, 2),
    "u": (1, 3),
}
SLOPES = [1.0, -1.0, 0.5, 1.5]
# Step of the five-point rule, whose error is step^4 / 30 times the fifth derivative. With a dozen
# gates of slope at most 1.5 the fifth derivative stays below 18^5 times the observable's norm.
STEP = 1e-3


@st.composite
def _angles(draw: st.DrawFn, parameters: list[Parameter]) -> ParameterExpression | float:
    offset = draw(st.sampled_from([0.0, 0.3, -2.1, np.pi / 2, np.pi]))
    if not parameters:
        return offset
    terms = st.tuples(st.sampled_from(SLOPES), st.sampled_from(parameters))
    n_terms = draw(st.sampled_from([1, 2, 0]))
    return sum((slope * p for slope, p in (draw(terms) for _ in range(n_terms))), start=offset)


@st.composite
def _routers(
    draw: st.DrawFn,
    n_qubits: int,
    *,
    inputs: Sequence[int] = (1, 2),
    weights: Sequence[int] = (1, 2, 3),
) -> RouterCircuit:
    x = ParameterVector("x", draw(st.sampled_from(inputs)))
    w = ParameterVector("w", draw(st.sampled_from(weights)))
    circuit = QuantumCircuit(n_qubits)
    names = [name for name, (width, _) in GATES.items() if width <= n_qubits]
    for _ in range(draw(st.sampled_from(range(13)))):
        name = draw(st.sampled_from([*names, "barrier"]))
        if name == "barrier":
            circuit.barrier()
            continue
        width, n_angles = GATES[name]
        qubits = draw(st.permutations(range(n_qubits)))[:width]
        angles = [draw(_angles([*x, *w])) for _ in range(n_angles)]
        getattr(circuit, name)(*angles, *qubits)
    strings = st.text("IZ", min_size=n_qubits, max_size=n_qubits)
    terms = st.lists(st.tuples(strings, st.sampled_from([1.0, -0.5, 2.0])), min_size=1, max_size=3)
    observables = draw(st.lists(terms, min_size=1, max_size=3))
    return RouterCircuit(
        circuit=circuit,
        inputs=x,
        weights=w,
        observables=tuple(SparsePauliOp.from_list(o) for o in observables),
    )


@pytest.fixture(scope="session")
def random_routers() -> Callable[..., st.SearchStrategy[RouterCircuit]]:
    """Strategy for circuits of up to 12 gates on `n_qubits` qubits, parameters shared among them.

    `inputs` and `weights` are the numbers of each to choose from.
    """
    return _routers


@pytest.fixture(scope="session")
def every_path() -> RouterCircuit:
    """Six qubits, and every kind of gate in every place: what a batch can go through."""
    x, w = ParameterVector("x", 3), ParameterVector("w", 5)
    c = QuantumCircuit(6)
    c.h(range(6))
    for qubit in range(6):
        c.rz(x[qubit % 3] + 0.2 * qubit, qubit)
        c.ry(w[qubit % 5], qubit)
    c.rx(x[0] - 0.5 * w[1], 2)
    c.cx(0, 5)
    c.iswap(1, 4)
    c.rzz(w[2], 0, 4)
    c.rxx(2 * w[2] + 0.1, 2, 3)
    c.ryy(x[1] + w[3], 5, 1)
    c.crx(w[4], 4, 0)
    c.barrier()
    c.ccx(5, 2, 0)
    c.ecr(3, 2)
    c.u(w[0], x[2], w[1], 3)
    c.t(5)
    c.cz(2, 3)
    c.ry(w[3] - w[0], 5)
    terms = [[("ZIIIIZ", 1.0)], [("IIZIII", 0.5), ("ZZZZZZ", -2.0)], [("IIIIII", 0.3)]]
    return RouterCircuit(
        circuit=c,
        inputs=x,
        weights=w,
        observables=tuple(SparsePauliOp.from_list(t) for t in terms),
    )


def _qiskit_values(
    router: RouterCircuit, inputs_BF: FloatArray, weights_W: FloatArray
) -> FloatArray:
    names = [*router.inputs, *router.weights]
    used = set(router.circuit.parameters)
    rows = []
    for inputs_F in inputs_BF:
        angles = zip(names, [*inputs_F, *weights_W], strict=True)
        bound = router.circuit.assign_parameters({p: v for p, v in angles if p in used})
        state = Statevector(bound)
        rows.append([state.expectation_value(o).real for o in router.observables])
    return np.array(rows)


def _qiskit_slopes(
    router: RouterCircuit, inputs_BF: FloatArray, weights_W: FloatArray
) -> tuple[FloatArray, FloatArray]:
    def along(d_inputs_F: FloatArray, d_weights_W: FloatArray) -> FloatArray:
        at = {
            k: _qiskit_values(
                router, inputs_BF + k * STEP * d_inputs_F, weights_W + k * STEP * d_weights_W
            )
            for k in (-2, -1, 1, 2)
        }
        return (at[-2] - 8 * at[-1] + 8 * at[1] - at[2]) / (12 * STEP)

    shape = (len(inputs_BF), router.n_outputs)
    still_F, still_W = np.zeros(router.n_inputs), np.zeros(router.n_weights)
    by_inputs = [along(e_F, still_W) for e_F in np.eye(router.n_inputs)]
    by_weights = [along(still_F, e_W) for e_W in np.eye(router.n_weights)]
    return (
        np.array(by_inputs).reshape(-1, *shape).transpose(1, 2, 0),
        np.array(by_weights).reshape(-1, *shape).transpose(1, 2, 0),
    )


@pytest.fixture(scope="session")
def qiskit_values() -> Callable[[RouterCircuit, FloatArray, FloatArray], FloatArray]:
    """Expectation values (B, O) by Qiskit's Statevector, sample by sample."""
    return _qiskit_values


@pytest.fixture(scope="session")
def qiskit_slopes() -> Callable[
    [RouterCircuit, FloatArray, FloatArray], tuple[FloatArray, FloatArray]
]:
    """Derivatives (B, O, F) and (B, O, W) of `qiskit_values`, by finite differences."""
    return _qiskit_slopes
