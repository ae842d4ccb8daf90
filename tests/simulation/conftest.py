"""Random router circuits with and without noise, and Qiskit's states to judge them by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.quantum_info import (
    DensityMatrix,
    Kraus,
    SparsePauliOp,
    Statevector,
    SuperOp,
    random_quantum_channel,
    random_unitary,
)
from qiskit_aer.noise import (
    QuantumError,
    amplitude_damping_error,
    coherent_unitary_error,
    depolarizing_error,
    kraus_error,
    pauli_error,
    thermal_relaxation_error,
)

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.simulation import DensityProgram, diagonals
from qmoe_qiskit.simulation.lowering import Channel, lower_circuit
from qmoe_qiskit.simulation.representation import transfer_matrix

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qiskit.circuit import ParameterExpression

    from qmoe_qiskit.typing import FloatArray

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


def _slopes(
    values: Callable[[FloatArray, FloatArray], FloatArray],
    inputs_BF: FloatArray,
    weights_W: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    def along(d_inputs_F: FloatArray, d_weights_W: FloatArray) -> FloatArray:
        at = {
            k: values(inputs_BF + k * STEP * d_inputs_F, weights_W + k * STEP * d_weights_W)
            for k in (-2, -1, 1, 2)
        }
        return (at[-2] - 8 * at[-1] + 8 * at[1] - at[2]) / (12 * STEP)

    n_inputs, n_weights = inputs_BF.shape[1], len(weights_W)
    shape = values(inputs_BF, weights_W).shape
    still_F, still_W = np.zeros(n_inputs), np.zeros(n_weights)
    by_inputs = [along(e_F, still_W) for e_F in np.eye(n_inputs)]
    by_weights = [along(still_F, e_W) for e_W in np.eye(n_weights)]
    return (
        np.array(by_inputs).reshape(-1, *shape).transpose(1, 2, 0),
        np.array(by_weights).reshape(-1, *shape).transpose(1, 2, 0),
    )


def _qiskit_slopes(
    router: RouterCircuit, inputs_BF: FloatArray, weights_W: FloatArray
) -> tuple[FloatArray, FloatArray]:
    return _slopes(lambda x_BF, w_W: _qiskit_values(router, x_BF, w_W), inputs_BF, weights_W)


def _channel(rng: np.random.Generator, n_qubits: int) -> QuantumError:
    """A channel as Aer makes them, of any kind, on one or two qubits."""
    any_width: list[Callable[[], QuantumError]] = [
        lambda: depolarizing_error(rng.uniform(0, 1), n_qubits),
        lambda: coherent_unitary_error(random_unitary(2**n_qubits, seed=rng)),
        lambda: kraus_error(Kraus(random_quantum_channel(2**n_qubits, seed=rng)).data),
    ]
    if n_qubits == 2:
        any_width.append(lambda: _channel(rng, 1).expand(_channel(rng, 1)))
        return any_width[rng.integers(4)]()
    t1, relative_t2, share = rng.uniform(20, 200), rng.uniform(0.1, 2), rng.uniform()
    narrow: list[Callable[[], QuantumError]] = [
        lambda: pauli_error(list(zip("IXYZ", rng.dirichlet([1] * 4), strict=True))),
        lambda: amplitude_damping_error(share, excited_state_population=rng.uniform()),
        lambda: thermal_relaxation_error(t1, relative_t2 * t1, share * t1),
    ]
    either = [*any_width, *narrow]
    return either[rng.integers(len(either))]()


class RandomNoise:
    """A router under channels behind its gates: for our engine, and by Qiskit's DensityMatrix.

    Behind every instruction but a barrier come none to two channels, on one or two of all qubits.
    """

    def __init__(self, router: RouterCircuit, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.router = router
        self.behind: list[list[tuple[SuperOp, tuple[int, ...]]]] = []
        for step in router.circuit.data:
            count = 0 if step.operation.name == "barrier" else rng.choice(3, p=[0.3, 0.5, 0.2])
            self.behind.append([])
            for _ in range(count):
                width = int(rng.integers(1, min(2, router.n_qubits) + 1))
                qubits = rng.permutation(router.n_qubits)[:width].tolist()
                self.behind[-1].append((SuperOp(_channel(rng, width)), tuple(qubits)))

    def program(self) -> DensityProgram:
        """The engine, over the true observables."""
        behind = iter(self.behind)

        def noise(_: object, __: tuple[int, ...]) -> list[Channel]:
            channels = next(behind)
            return [Channel(matrix=transfer_matrix(e), qubits=q) for e, q in channels]

        router = self.router
        gates, table = lower_circuit(
            router.circuit, list(router.inputs), list(router.weights), noise=noise
        )
        return DensityProgram(gates, table, router.n_qubits, diagonals(router.observables))

    def values(self, inputs_BF: FloatArray, weights_W: FloatArray) -> FloatArray:
        """Expectation values (B, O) by Qiskit, sample by sample."""
        rows = []
        for inputs_F in inputs_BF:
            bound = self.router.bind(inputs_F, weights_W)
            state = DensityMatrix.from_label("0" * self.router.n_qubits)
            for step, channels in zip(bound.data, self.behind, strict=True):
                if step.operation.name != "barrier":
                    state = state.evolve(
                        step.operation, [bound.find_bit(q).index for q in step.qubits]
                    )
                for channel, qubits in channels:
                    state = state.evolve(channel, list(qubits))
            rows.append([state.expectation_value(o).real for o in self.router.observables])
        return np.array(rows)

    def slopes(self, inputs_BF: FloatArray, weights_W: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Derivatives (B, O, F) and (B, O, W) of `values`, by finite differences."""
        return _slopes(self.values, inputs_BF, weights_W)


@pytest.fixture(scope="session")
def random_noise() -> type[RandomNoise]:
    """See `RandomNoise`."""
    return RandomNoise


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
