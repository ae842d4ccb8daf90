"""Aer as the judge of the noisy backend: the submitted circuit under a device's own noise model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.noise_profiles import list_profiles

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.backends import CompiledRouter
    from qmoe_qiskit.noise_profiles import NoiseProfile
    from qmoe_qiskit.typing import FloatArray

# A density matrix of more qubits than this takes long.
FULL_WIDTH = 7
# One of each family of processors.
SOME_PROFILES = {"ibm_miami", "ibm_sherbrooke", "ibm_torino", "ibmq_kolkata", "ibmq_manila"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes a `profile_name` on some bundled profiles, and as a trial on all."""
    if "profile_name" in metafunc.fixturenames:
        trial = pytest.mark.trial
        metafunc.parametrize(
            "profile_name",
            [
                pytest.param(name, marks=() if name in SOME_PROFILES else trial)
                for name in list_profiles()
            ],
        )


def bare(circuit: QuantumCircuit, place: dict[int, int]) -> QuantumCircuit:
    """A circuit without measurements and barriers, its qubits moved; those not named are idle."""
    moved = QuantumCircuit(len(place))
    for step in circuit.data:
        qubits = [circuit.find_bit(q).index for q in step.qubits]
        if step.operation.name not in {"measure", "barrier"} and qubits[0] in place:
            moved.append(step.operation, [place[q] for q in qubits])
    return moved


def bound(
    circuit: QuantumCircuit, router: RouterCircuit, inputs_F: FloatArray, weights_W: FloatArray
) -> QuantumCircuit:
    angles = zip([*router.inputs, *router.weights], [*inputs_F, *weights_W], strict=True)
    used = set(circuit.parameters)
    return circuit.assign_parameters({p: float(v) for p, v in angles if p in used})


def mean(observable: SparsePauliOp, probabilities_S: FloatArray) -> float:
    """Sum of Z strings over bit strings, letter by letter."""
    strings = np.arange(len(probabilities_S))
    total = 0.0
    for pauli, coefficient in zip(observable.paulis, observable.coeffs, strict=True):
        signs = np.ones(len(strings))
        for qubit in np.flatnonzero(pauli.z):
            signs *= 1 - 2 * ((strings >> qubit) & 1)
        total += coefficient.real * float(signs @ probabilities_S)
    return total


def _aer_values(
    profile: NoiseProfile,
    compiled: CompiledRouter,
    inputs_BF: FloatArray,
    weights_W: FloatArray,
    *,
    readout: bool = True,
    simulator: AerSimulator | None = None,
) -> tuple[FloatArray, float]:
    router = compiled.router
    isa = compiled.device_circuit(measured=True, scheduled=True)
    assert isa.num_qubits == profile.n_qubits
    if isa.num_qubits <= FULL_WIDTH:
        here = list(range(isa.num_qubits))
    else:
        acting = [s for s in isa.data if s.operation.name not in {"barrier", "delay"}]
        here = sorted({isa.find_bit(q).index for s in acting for q in s.qubits})
    if simulator is None:
        model = profile.subset(here).to_noise_model()
        simulator = AerSimulator(method="density_matrix", noise_model=model)
    circuits = []
    weights_BW = np.broadcast_to(weights_W, (len(inputs_BF), router.n_weights))
    for inputs_F, w_W in zip(inputs_BF, weights_BW, strict=True):
        circuit = bare(bound(isa, router, inputs_F, w_W), {q: here.index(q) for q in here})
        circuit.save_probabilities([here.index(q) for q in compiled.physical_qubits])
        circuits.append(circuit)
    result = simulator.run(circuits, shots=1).result()
    assignment = np.ones((1, 1))
    for q in compiled.physical_qubits:
        p1_0, p0_1 = profile.qubits[q].p_meas1_prep0, profile.qubits[q].p_meas0_prep1
        assert p1_0 is not None
        assert p0_1 is not None
        one = np.array([[1 - p1_0, p0_1], [p1_0, 1 - p0_1]]) if readout else np.eye(2)
        assignment = np.kron(one, assignment)
    values, missing = [], 0.0
    for k in range(len(circuits)):
        true_S = result.data(k)["probabilities"]
        missing = max(missing, 1 - true_S.sum())
        values.append([mean(o, assignment @ true_S) for o in router.observables])
    norm = max(float(np.abs(o.coeffs).sum()) for o in router.observables)
    return np.array(values), missing * norm


@pytest.fixture(scope="session")
def aer_values() -> Callable[..., tuple[FloatArray, float]]:
    """Values (B, O) of a compiled router by Aer, and by how much these may be wrong.

    Weights are (W,), or (B, W) where each sample has its own: a job of Aer takes long to begin.
    Up to 7 qubits the submitted circuit runs on the whole device, beyond that on the qubits that it
    acts on. Readout errors are applied last, from the profile. Aer leaves out terms of a channel
    with a probability of at most 1e-10; what remains is positive, so that the trace which is then
    missing, times the observable's norm, bounds the error.
    """
    return _aer_values


def _random_router(n_qubits: int, seed: int, *, n_gates: int = 14) -> RouterCircuit:
    rng = np.random.default_rng(seed)
    x, w = ParameterVector("x", 2), ParameterVector("w", 3)
    circuit = QuantumCircuit(n_qubits)
    parameters = [*x, *w]
    for k in range(n_gates):
        a, *others = (int(q) for q in rng.permutation(n_qubits))
        angle = parameters[k % 5] * float(rng.choice([1, -0.5])) + float(rng.uniform(-2, 2))
        if others and rng.random() < 0.5:
            name = rng.choice(["cx", "cz", "ecr", "swap", "rzz", "crx", "cp"])
        else:
            name, others = rng.choice(["rx", "ry", "rz", "h", "u"]), []
        angles: list[Any] = {"u": [angle, 0.3, parameters[k % 3]]}.get(str(name), [angle])
        if name in {"cx", "cz", "ecr", "swap", "h"}:
            angles = []
        getattr(circuit, str(name))(*angles, a, *others[:1])
    labels = ["".join(rng.choice(["I", "Z"], n_qubits)) for _ in range(3)]
    observables = (
        SparsePauliOp("Z" * n_qubits),
        SparsePauliOp.from_list([(label, float(rng.normal())) for label in labels]),
        SparsePauliOp("I" * (n_qubits - 1) + "Z"),
    )
    return RouterCircuit(circuit=circuit, inputs=x, weights=w, observables=observables)


@pytest.fixture(scope="session")
def random_router() -> Callable[..., RouterCircuit]:
    """A router with random gates: `random_router(n_qubits, seed, n_gates=14)`."""
    return _random_router
