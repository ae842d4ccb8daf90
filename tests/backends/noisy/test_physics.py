"""What noise does, by formulas that fit on a line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pennylane as qml
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.backends.noisy.backend import NoisyBackend
from qmoe_qiskit.backends.noisy.synthetic import Synthetic
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.noise_profiles import NoiseProfile, load_profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.typing import FloatArray

ROUNDING = 1e-10
# Gate times of the synthetic device, in s; it counts time in steps of 4 ns.
SX, CZ = 32e-9, 68e-9


def close(
    actual: FloatArray | float, expected: FloatArray | float, within: float = ROUNDING
) -> None:
    np.testing.assert_allclose(actual, expected, rtol=0, atol=within)


def one_qubit(circuit: QuantumCircuit) -> RouterCircuit:
    return RouterCircuit(
        circuit=circuit,
        inputs=ParameterVector("x", 0),
        weights=ParameterVector("w", 0),
        observables=(SparsePauliOp("Z"),),
    )


def value(backend: str, circuit: QuantumCircuit) -> float:
    result = open_backend(backend).compile(one_qubit(circuit))
    return float(result.expectations(np.zeros((1, 0)), np.zeros(0)).values[0, 0])


def point(router: RouterCircuit, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    return rng.uniform(-4, 4, (5, router.n_inputs)), rng.uniform(-4, 4, router.n_weights)


def under(profile: NoiseProfile, router: RouterCircuit, at: tuple[FloatArray, ...]) -> FloatArray:
    backend = NoisyBackend(name="test", noise=profile, qubits=tuple(range(router.n_qubits)))
    return backend.compile(router).expectations(*at).values


@pytest.mark.parametrize(("t1_us", "t2_us"), [(50, 40), (50, 100), (200, 20)])
@pytest.mark.parametrize("idle_us", [0, 4, 100])
def test_the_excited_state_decays_by_t1(t1_us: float, t2_us: float, idle_us: float) -> None:
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.delay(idle_us, 0, unit="us")
    excited = np.exp(-(SX * 1e6 + idle_us) / t1_us)
    close(value(f"noisy:thermal:{t1_us},{t2_us}", circuit), 1 - 2 * excited)


@pytest.mark.parametrize(("t1_us", "t2_us"), [("50", 40), ("50", 100), ("inf", 20)])
@pytest.mark.parametrize("idle_us", [0, 4, 100])
def test_a_superposition_decays_by_t2(t1_us: str, t2_us: float, idle_us: float) -> None:
    """Two quarter turns about X, idle between: <Z> is -1 with coherence, 0 without."""
    circuit = QuantumCircuit(1)
    circuit.sx(0)
    circuit.delay(idle_us, 0, unit="us")
    circuit.sx(0)
    coherence = np.exp(-(SX * 1e6 + idle_us) / t2_us)
    last_gate = np.exp(-SX * 1e6 / float(t1_us))
    expected = 1 - (1 + coherence) * last_gate
    close(value(f"noisy:thermal:{t1_us},{t2_us}", circuit), expected)


def two_qubits(n_turns: int) -> RouterCircuit:
    """Qubit 0 is turned to |1>; then qubit 1 is busy between two CZs, qubit 0 waits for it."""
    x, w = ParameterVector("x", 1), ParameterVector("w", 2)
    circuit = QuantumCircuit(2)
    circuit.ry(x[0], 0)
    if n_turns:
        circuit.cz(0, 1)
        for _ in range(n_turns):
            circuit.ry(w[0], 1)
            circuit.rx(w[1], 1)
        circuit.cz(0, 1)
    observables = (SparsePauliOp("IZ"),)
    return RouterCircuit(circuit=circuit, inputs=x, weights=w, observables=observables)


def test_a_qubit_that_waits_for_another_relaxes() -> None:
    backend = open_backend("noisy:thermal:5,4")
    at = np.array([[np.pi]]), np.array([0.4, 0.9])
    before = backend.compile(two_qubits(0)).expectations(*at).values[0, 0]
    compiled = backend.compile(two_qubits(9))
    isa = compiled.device_circuit(measured=True, scheduled=True)
    waiting = compiled.physical_qubits[0]
    seen = [s.operation for s in isa.data if waiting in {isa.find_bit(q).index for q in s.qubits}]
    idle = sum(operation.duration * 4e-9 for operation in seen if operation.name == "delay")
    assert idle > 9 * 2 * SX
    excited = (1 - before) / 2 * np.exp(-(2 * CZ + idle) / 5e-6)
    close(compiled.expectations(*at).values, 1 - 2 * excited)


def readout_only(p1_0: float, p0_1: float, n_qubits: int) -> NoiseProfile:
    ideal = Synthetic().profile(n_qubits)
    qubits = tuple(replace(q, p_meas1_prep0=p1_0, p_meas0_prep1=p0_1) for q in ideal.qubits)
    return replace(ideal, qubits=qubits)


@pytest.mark.parametrize(("p1_0", "p0_1"), [(0.02, 0.02), (0.01, 0.09), (0.3, 0.0), (0.5, 0.5)])
def test_readout_errors_scale_and_shift(p1_0: float, p0_1: float, rng: np.random.Generator) -> None:
    """<Z> becomes (1 - p1_0 - p0_1) <Z> + (p0_1 - p1_0), each qubit by itself."""
    router = angle_router(2, 2).with_observables(
        [SparsePauliOp("IZ"), SparsePauliOp("ZI"), SparsePauliOp("ZZ")]
    )
    at = point(router, rng)
    first, second, both = open_backend("statevector").compile(router).expectations(*at).values.T
    s, t = 1 - p1_0 - p0_1, p0_1 - p1_0
    expected = np.stack(
        [s * first + t, s * second + t, s * s * both + s * t * (first + second) + t * t], axis=1
    )
    close(under(readout_only(p1_0, p0_1, 2), router, at), expected)


def test_the_readout_backend_is_symmetric(rng: np.random.Generator) -> None:
    router = angle_router(2, 2)
    at = point(router, rng)
    ideal = open_backend("statevector").compile(router).expectations(*at).values
    noisy = open_backend("noisy:readout:0.02").compile(router).expectations(*at).values
    close(noisy, 0.96 * ideal)
    mitigated = open_backend("noisy:readout:0.02", mitigation="readout").compile(router)
    close(mitigated.expectations(*at).values, ideal)


@pytest.mark.parametrize("name", ["ibmq_manila", "ibm_torino"])
def test_noise_scaled_to_nothing_is_the_statevector(name: str, rng: np.random.Generator) -> None:
    router = angle_router(3, 2)
    at = point(router, rng)
    backend = NoisyBackend(name="test", noise=load_profile(name).scale(0))
    ideal = open_backend("statevector").compile(router).expectations(*at).values
    close(backend.compile(router).expectations(*at).values, ideal, within=1e-9)


def test_noise_grows_with_its_scale(rng: np.random.Generator) -> None:
    """Gate errors shrink <Z>; all noise together moves it away from the ideal value."""
    router = angle_router(3, 2)
    at = point(router, rng)
    profile = load_profile("ibm_lagos").subset([0, 1, 2])
    ideal = open_backend("statevector").compile(router).expectations(*at).values
    scales = (0, 0.25, 1, 4)
    gates = [np.abs(under(profile.scale(1, gates=f), router, at)).mean() for f in scales]
    assert all(np.diff(gates) < 0)
    away = [np.abs(under(profile.scale(f), router, at) - ideal).mean() for f in scales]
    assert all(np.diff(away) > 0)
    assert away[0] < ROUNDING
    lost = under(profile.scale(0, gates=1e6), router, at)
    close(lost, 0.0)


@pytest.mark.parametrize("spec", ["noisy:depolarizing:0.1", "noisy:depolarizing-gates:0.1"])
def test_channels_by_count(spec: str) -> None:
    """Each shrinks <Z> by 1 - 4 p / 3: behind an upload and at the end, or behind every gate."""
    x, w = ParameterVector("x", 1), ParameterVector("w", 1)
    shrink = 1 - 4 * 0.1 / 3
    # Uploads, other gates: channels of the two kinds of noise.
    cases = {"x": (2, 1), "wx": (2, 2), "xw": (2, 2), "xx": (2, 2), "xwx": (3, 3), "w": (1, 1)}
    for letters, counts in {**cases, "": (1, 0)}.items():
        circuit = QuantumCircuit(1)
        for letter in letters:
            circuit.rz({"x": x[0], "w": w[0]}[letter], 0)
        router = RouterCircuit(
            circuit=circuit, inputs=x, weights=w, observables=(SparsePauliOp("Z"),)
        )
        values = open_backend(spec).compile(router).expectations(np.ones((1, 1)), np.ones(1)).values
        close(values, shrink ** counts["gates" in spec])


@pytest.mark.parametrize("shots", [None, 4000])
@pytest.mark.parametrize("spec", ["noisy:depolarizing:0", "noisy:depolarizing-gates:0"])
def test_every_gate_of_qiskits_is_taken(spec: str, shots: int | None) -> None:
    """Aer's density matrix knows fewer gates than its statevector: the others are unfolded."""
    x, w = ParameterVector("x", 1), ParameterVector("w", 1)
    circuit = QuantumCircuit(4)
    circuit.h(range(4))
    circuit.crx(0.3, 0, 1)
    circuit.csx(1, 2)
    circuit.cswap(0, 1, 2)
    circuit.ccz(0, 1, 2)
    circuit.mcx([0, 1, 2], 3)
    circuit.cu(0.1, x[0], 0.3, 0.4, 2, 3)
    circuit.mcp(0.7, [0, 3], 1)
    circuit.u(x[0], 0.2, w[0], 0)
    circuit.iswap(0, 2)
    circuit.ry(0.8, range(4))
    observables = tuple(SparsePauliOp(label) for label in ("ZIZI", "IIIZ", "IZZZ"))
    router = RouterCircuit(circuit=circuit, inputs=x, weights=w, observables=observables)
    at = np.array([[0.7]]), np.array([1.3])
    ideal = open_backend("statevector").compile(router).expectations(*at).values
    values = open_backend(spec, shots=shots, seed=0).compile(router).expectations(*at).values
    # Three means of values between -1 and 1, off by more once in a million (Hoeffding).
    bound = ROUNDING if shots is None else np.sqrt(2 * np.log(2 * 3 / 1e-6) / shots)
    close(values, ideal, within=bound)


def pennylane_values(
    gates: Callable[[FloatArray], None], inputs_BF: FloatArray, n_qubits: int
) -> FloatArray:
    @qml.qnode(qml.device("default.mixed", wires=n_qubits))  # type: ignore[untyped-decorator]
    def node(inputs_F: FloatArray) -> list[object]:
        gates(inputs_F)
        return [qml.expval(qml.PauliZ(wire)) for wire in range(n_qubits)]

    return np.array([node(inputs_F) for inputs_F in inputs_BF])


def depolarize(p: float, wires: range | list[int]) -> None:
    for wire in wires:
        qml.DepolarizingChannel(p, wires=wire)


@pytest.mark.parametrize("p", [0.0, 0.02, 0.2, 0.75])
@pytest.mark.parametrize(("n_qubits", "n_layers"), [(2, 3), (3, 1)])
def test_the_papers_channels_are_pennylanes(
    p: float, n_qubits: int, n_layers: int, rng: np.random.Generator
) -> None:
    """DepolarizingChannel on every qubit behind the embedding and behind the last layer."""
    router = angle_router(n_qubits, n_layers)
    inputs_BF, weights_W = point(router, rng)
    wires = range(n_qubits)

    def gates(inputs_F: FloatArray) -> None:
        qml.AngleEmbedding(inputs_F, wires=wires)
        depolarize(p, wires)
        qml.StronglyEntanglingLayers(weights_W.reshape(n_layers, n_qubits, 3), wires=wires)
        depolarize(p, wires)

    compiled = open_backend(f"noisy:depolarizing:{p}").compile(router)
    expected = pennylane_values(gates, inputs_BF, n_qubits)
    close(compiled.expectations(inputs_BF, weights_W).values, expected)


def test_every_upload_is_followed_by_channels(rng: np.random.Generator) -> None:
    router = angle_router(2, 1, reuploads=2, rotation="z")
    inputs_BF, weights_W = point(router, rng)
    weights = weights_W.reshape(2, 1, 2, 3)

    def gates(inputs_F: FloatArray) -> None:
        for wire in range(2):
            qml.Hadamard(wire)
        for block in range(2):
            for wire in range(2):
                qml.RZ(inputs_F[wire], wire)
            depolarize(0.1, [0, 1])
            qml.StronglyEntanglingLayers(weights[block], wires=range(2))
        depolarize(0.1, [0, 1])

    compiled = open_backend("noisy:depolarizing:0.1").compile(router)
    expected = pennylane_values(gates, inputs_BF, 2)
    close(compiled.expectations(inputs_BF, weights_W).values, expected)


@pytest.mark.parametrize("p", [0.0, 0.01, 0.3])
def test_channels_behind_every_gate_are_pennylanes(p: float, rng: np.random.Generator) -> None:
    router = angle_router(2, 2)
    inputs_BF, weights_W = point(router, rng)

    def gates(inputs_F: FloatArray) -> None:
        for wire in range(2):
            qml.RX(inputs_F[wire], wire)
            depolarize(p, [wire])
        for layer in weights_W.reshape(2, 2, 3):
            for wire, (phi, theta, omega) in enumerate(layer):
                for rotation, angle in ((qml.RZ, phi), (qml.RY, theta), (qml.RZ, omega)):
                    rotation(angle, wire)
                    depolarize(p, [wire])
            for control in range(2):
                qml.CNOT([control, 1 - control])
                depolarize(p, [0, 1])

    compiled = open_backend(f"noisy:depolarizing-gates:{p}").compile(router)
    expected = pennylane_values(gates, inputs_BF, 2)
    close(compiled.expectations(inputs_BF, weights_W).values, expected)


def test_the_ideal_device_is_the_statevector(rng: np.random.Generator) -> None:
    router = angle_router(4, 2)
    at = point(router, rng)
    ideal = open_backend("statevector").compile(router)
    device = open_backend("noisy:ideal").compile(router)
    close(device.expectations(*at).values, ideal.expectations(*at).values)
    for ours, theirs in zip(device.jacobian(*at), ideal.jacobian(*at), strict=True):
        close(ours, theirs)
