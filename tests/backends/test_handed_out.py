"""The circuits that compiled routers hand out, used as Qiskit's users use them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.primitives import BackendEstimatorV2
from qiskit.quantum_info import Statevector, SuperOp, average_gate_fidelity
from qiskit.visualization import gate_map, plot_circuit_layout
from qiskit_aer import AerSimulator
from qiskit_aer.noise import thermal_relaxation_error
from qiskit_aer.primitives import EstimatorV2 as AerEstimator
from qiskit_ibm_runtime import EstimatorV2, SamplerV2, fake_provider
from qiskit_ibm_runtime.utils.validations import validate_isa_circuits

from qmoe_qiskit.backends import BackendSpec, CompiledRouter, open_backend
from qmoe_qiskit.backends.noisy.combined import CombinedRouter
from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
from qmoe_qiskit.backends.runtime.compiled_router import Layout, RuntimeRouter
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import load_profile
from qmoe_qiskit.typing import FloatArray

ROUNDING = 1e-9
# The chance that one value of a test that compares shots is wrongly refused is below 1e-6.
SIGMAS = 5.0
SHOTS = 2000

SPECS = [
    "statevector",
    "noisy:depolarizing:0.05",
    "noisy:ideal",
    "noisy:ibmq_manila",
    "noisy:ibm_perth",
    "noisy:thermal:50,40",
    "runtime:fake_manila",
    "runtime:fake_lagos",
]
Point = tuple[FloatArray, FloatArray]
DIAGONAL = ("ZIII", "IIZZ", "ZZZZ")
MIXED = ("XXII", "IZIZ", "YIXZ")


def crossing_router(observables: Any = DIAGONAL, *, n_qubits: int = 4) -> RouterCircuit:
    """Every pair interacts, so that a line of qubits must swap; functions of parameters too."""
    x, w = ParameterVector("x", n_qubits), ParameterVector("angle", 5)  # as the rotations' vector
    circuit = QuantumCircuit(n_qubits, name="crossing", metadata={"purpose": "routing"})
    for q in range(n_qubits):
        circuit.ry(x[q] + 0.3, q)
    for a in range(n_qubits):
        for b in range(a):
            circuit.rzz(w[0] * x[a] if a == 1 else 2 * w[1] - 0.4, a, b)
            circuit.cx(a, b)
    circuit.barrier()
    circuit.u(w[2], w[3], 0.2, 0)
    circuit.rx(w[4], n_qubits - 1)
    circuit.swap(0, 1)
    return RouterCircuit(circuit=circuit, inputs=x, weights=w, observables=observables)


@cache
def compiled_on(spec: str, kind: str = "diagonal", shots: int | None = None) -> CompiledRouter:
    observables = DIAGONAL if kind == "diagonal" else MIXED
    return open_backend(spec, seed=3, shots=shots).compile(crossing_router(observables))


def point(router: RouterCircuit, rng: np.random.Generator) -> Point:
    return rng.uniform(-3, 3, router.n_inputs), rng.uniform(-3, 3, router.n_weights)


def values_for(
    circuit: QuantumCircuit, router: RouterCircuit, inputs_F: FloatArray, weights_W: FloatArray
) -> list[float]:
    """The values of a circuit's parameters in its own order."""
    of = dict(zip([*router.inputs, *router.weights], [*inputs_F, *weights_W], strict=True))
    return [float(of[parameter]) for parameter in circuit.parameters]


def ideal_values(router: RouterCircuit, inputs_F: FloatArray, weights_W: FloatArray) -> list[float]:
    state = Statevector(router.bind(inputs_F, weights_W))
    return [state.expectation_value(o).real for o in router.observables]


@pytest.mark.parametrize("kind", ["diagonal", "mixed"])
@pytest.mark.parametrize("spec", SPECS)
def test_the_circuit_is_the_routers_with_its_layout(
    spec: str, kind: str, rng: np.random.Generator
) -> None:
    compiled = compiled_on(spec, kind)
    router, at = compiled.router, point(compiled.router, rng)
    isa = compiled.isa_circuit
    assert set(isa.parameters) == set(router.circuit.parameters)
    assert (isa.name, isa.metadata) == ("crossing", {"purpose": "routing"})
    assert not isa.clbits
    assert not {"measure", "delay"} & isa.count_ops().keys()
    layout = isa.layout
    assert layout is not None
    assert tuple(layout.final_index_layout()) == compiled.physical_qubits
    assert sorted(layout.initial_index_layout()) == list(range(isa.num_qubits))
    assert len(layout.final_index_layout(filter_ancillas=False)) == isa.num_qubits
    state = Statevector(isa.assign_parameters(values_for(isa, router, *at)))
    found = [state.expectation_value(o.apply_layout(layout)).real for o in router.observables]
    np.testing.assert_allclose(found, ideal_values(router, *at), rtol=0, atol=ROUNDING)


def test_routing_permutes_these_circuits() -> None:
    """So that the tests above mean something."""
    for spec in ("noisy:ibmq_manila", "noisy:ibm_perth", "runtime:fake_manila"):
        layout = compiled_on(spec).isa_circuit.layout
        first, last = layout.initial_index_layout(filter_ancillas=True), layout.final_index_layout()
        assert first != last


@pytest.mark.parametrize("spec", ["statevector", "noisy:ideal", "noisy:ibmq_manila"])
def test_initial_positions_are_where_states_begin(spec: str) -> None:
    """A rotation of one qubit alone, to be exchanged with another one, is found where it begins."""
    x = ParameterVector("x", 3)
    circuit = QuantumCircuit(3)
    for q in range(3):
        circuit.ry(x[q], q)
    for a, b in ((0, 1), (1, 2), (0, 2), (0, 1), (1, 2), (0, 2)):
        circuit.cx(a, b)
    router = RouterCircuit.from_circuit(circuit, inputs=x)
    isa = open_backend(spec, seed=3).compile(router).isa_circuit
    begins = {}
    for step in isa.data:
        for angle in step.operation.params:
            for parameter in getattr(angle, "parameters", ()):
                begins[parameter.index] = isa.find_bit(step.qubits[0]).index
    assert [begins[q] for q in range(3)] == isa.layout.initial_index_layout(filter_ancillas=True)


# The others differ from one of these by their device.
DIFFERENT = set(SPECS) - {"noisy:ideal", "noisy:ibm_perth", "runtime:fake_lagos"}
HANDED_OUT = [
    pytest.param(
        spec,
        kind,
        shots,
        marks=() if spec in DIFFERENT and (kind == "mixed") == (k % 2 == 0) else pytest.mark.trial,
    )
    for k, (spec, shots) in enumerate(product(SPECS, (None, 200)))
    for kind in ("diagonal", "mixed")
    if spec != "statevector" or shots is None
]


@pytest.mark.parametrize(("spec", "kind", "shots"), HANDED_OUT)
def test_what_is_handed_out_may_be_changed(
    spec: str, kind: str, shots: int | None, rng: np.random.Generator
) -> None:
    router = crossing_router(DIAGONAL if kind == "diagonal" else MIXED)
    inputs_F, weights_W = point(router, rng)
    touched, untouched = (open_backend(spec, seed=3, shots=shots).compile(router) for _ in range(2))
    before = None
    if isinstance(touched, RuntimeRouter):
        before = touched.work(inputs_F[None], weights_W)
    for _ in range(2):
        touched.isa_circuit.x(range(2))
        touched.isa_circuit.measure_all()
        touched.device_circuit(measured=True, scheduled=True).clear()
        touched.router.circuit.x(0)
        touched.router.standard_circuit.x(0)
    assert touched.isa_circuit == untouched.isa_circuit
    if isinstance(touched, RuntimeRouter):
        assert before is not None
        touched.work(inputs_F[None], weights_W).circuit.x(0)  # a copy, too
        work = touched.work(inputs_F[None], weights_W)
        assert work.key == before.key
        assert work.circuit == before.circuit
    np.testing.assert_array_equal(
        touched.expectations(inputs_F[None], weights_W).values,
        untouched.expectations(inputs_F[None], weights_W).values,
    )


@pytest.mark.parametrize("spec", SPECS)
def test_measurements_and_delays_come_when_they_are_asked_for(spec: str) -> None:
    compiled = compiled_on(spec)
    measured = compiled.device_circuit(measured=True)
    (register,) = measured.cregs
    assert (register.name, register.size) == ("meas", compiled.router.n_qubits)
    outcomes = {
        measured.find_bit(step.clbits[0]).index: measured.find_bit(step.qubits[0]).index
        for step in measured.data
        if step.operation.name == "measure"
    }
    assert outcomes == dict(enumerate(compiled.physical_qubits))
    for scheduled in (compiled.device_circuit(measured=m, scheduled=True) for m in (True, False)):
        takes_time = compiled.expected_error is not None
        assert ("delay" in scheduled.count_ops()) == takes_time
        assert scheduled.layout.final_index_layout() == list(compiled.physical_qubits)
    assert "delay" not in measured.count_ops()
    assert "measure" not in compiled.device_circuit(scheduled=True).count_ops()


def fake(name: str) -> Any:
    return getattr(fake_provider, name)()


def pub_of(circuit: QuantumCircuit, router: RouterCircuit, at: Point) -> tuple[Any, ...]:
    """What a user of Qiskit hands to an estimator."""
    laid_out = [o.apply_layout(circuit.layout) for o in router.observables]
    return circuit, laid_out, values_for(circuit, router, *at)


@pytest.mark.filterwarnings("ignore:The EstimatorV2 class is deprecated")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("FakeManilaV2", "diagonal"),
        ("FakeManilaV2", "mixed"),
        ("FakeLagosV2", "mixed"),
        # Aer writes down the noise of 127 qubits, which takes five seconds.
        pytest.param("FakeSherbrooke", "mixed", marks=pytest.mark.trial),
    ],
)
def test_ibms_estimator_gives_our_values(name: str, kind: str, rng: np.random.Generator) -> None:
    """On the scheduled circuit, as ours; a real device schedules what it is given."""
    device = fake(name)
    options = {"resilience_level": 0}
    backend = open_backend(f"runtime:{device.name}", seed=3, shots=SHOTS, options=options)
    compiled = backend.compile(crossing_router(DIAGONAL if kind == "diagonal" else MIXED))
    router, at = compiled.router, point(compiled.router, rng)
    validate_isa_circuits(
        [compiled.device_circuit(measured=m, scheduled=s) for m in (0, 1) for s in (0, 1)],
        device.target,
    )
    settings = {"default_shots": SHOTS, "simulator": {"seed_simulator": 7}}
    pub = pub_of(compiled.device_circuit(scheduled=True), router, at)
    found = EstimatorV2(device, options=settings).run([pub]).result()[0].data.evs
    ours = compiled.expectations(at[0][None], at[1]).values[0]
    # Each term of norm 1 has a variance of at most 1 in each of the two.
    assert np.abs(found - ours).max() < SIGMAS * np.sqrt(2 / SHOTS)


@pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated")
@pytest.mark.parametrize("name", ["FakeManilaV2", "FakeLagosV2"])
def test_ibms_sampler_gives_our_values(name: str, rng: np.random.Generator) -> None:
    device = fake(name)
    options = {"resilience_level": 0}
    compiled = open_backend(f"runtime:{device.name}", seed=3, shots=SHOTS, options=options).compile(
        crossing_router()
    )
    router, at = compiled.router, point(compiled.router, rng)
    circuit = compiled.device_circuit(measured=True, scheduled=True)
    sampler = SamplerV2(
        device, options={"default_shots": SHOTS, "simulator": {"seed_simulator": 7}}
    )
    pub = (circuit, values_for(circuit, router, *at))
    outcomes = sampler.run([pub]).result()[0].data.meas
    found = outcomes.expectation_values(list(router.observables))
    ours = compiled.expectations(at[0][None], at[1]).values[0]
    assert np.abs(found - ours).max() < SIGMAS * np.sqrt(2 / SHOTS)


@pytest.mark.parametrize("spec", ["noisy:ibmq_manila", "runtime:fake_lagos"])
def test_qiskits_estimator_gives_ideal_values_without_noise(
    spec: str, rng: np.random.Generator
) -> None:
    compiled = compiled_on(spec, "mixed")
    router, at = compiled.router, point(compiled.router, rng)
    estimator = BackendEstimatorV2(
        backend=AerSimulator(seed_simulator=11), options={"default_precision": SHOTS**-0.5}
    )
    found = estimator.run([pub_of(compiled.isa_circuit, router, at)]).result()[0].data.evs
    assert np.abs(found - ideal_values(router, *at)).max() < SIGMAS / np.sqrt(SHOTS)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ibmq_manila", "mixed"),
        ("ibm_perth", "diagonal"),
        pytest.param("ibmq_manila", "diagonal", marks=pytest.mark.trial),
        pytest.param("ibm_perth", "mixed", marks=pytest.mark.trial),
    ],
)
def test_aers_estimator_gives_our_exact_noisy_values(
    name: str, kind: str, rng: np.random.Generator
) -> None:
    """Aer reads off no qubits, so that the calibration has no readout errors here."""
    profile = load_profile(name).scale(1, readout=0)
    router = crossing_router(DIAGONAL if kind == "diagonal" else MIXED)
    compiled = BackendSpec(backend=profile).open(seed=3).compile(router)
    at = point(router, rng)
    simulation = {"method": "density_matrix", "noise_model": profile.to_noise_model()}
    estimator = AerEstimator(options={"backend_options": simulation})
    pub = pub_of(compiled.device_circuit(scheduled=True), router, at)
    found = estimator.run([pub]).result()[0].data.evs
    values = compiled.expectations(at[0][None], at[1]).values[0]
    # Aer needs no change of basis: at most two gates per qubit more here, and each error once.
    gates = [profile.gate("sx", [q]).error for q in compiled.physical_qubits]  # type: ignore[union-attr]
    allowed = ROUNDING if kind == "diagonal" else 4 * sum(e or 0.0 for e in gates)
    assert np.abs(found - values).max() < allowed


def test_the_layout_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `plot_circuit_layout` reads it; to draw the device it needs a program of its own."""
    drawn: dict[str, Any] = {}
    monkeypatch.setattr(gate_map, "plot_gate_map", lambda _, **labels: drawn.update(labels))
    compiled = compiled_on("runtime:fake_manila")
    plot_circuit_layout(compiled.isa_circuit, fake("FakeManilaV2"))
    begins = compiled.isa_circuit.layout.initial_index_layout(filter_ancillas=True)
    labels = [begins.index(q) if q in begins else "" for q in range(5)]
    assert [str(label) for label in drawn["qubit_labels"]] == [str(label) for label in labels]


@cache
def fidelity(name: str, kind: str, place: tuple[int, ...]) -> float:
    """The average fidelity of a gate's channel in Aer's noise model."""
    errors = load_profile(name).subset(place).to_noise_model()._local_quantum_errors.get(kind, {})
    error = errors.get(tuple(range(len(place))))
    return 1.0 if error is None else float(average_gate_fidelity(SuperOp(error)))


@pytest.mark.parametrize("shots", [None, 10])
@pytest.mark.parametrize("spec", ["noisy:ibmq_manila", "noisy:ibm_torino", "runtime:fake_manila"])
def test_the_expected_error_is_the_product_over_all_operations(
    spec: str, shots: int | None
) -> None:
    """The operations are the channels that Aer simulates and the delays in Qiskit's schedule."""
    compiled = compiled_on(spec, "mixed", shots)
    name = spec.replace("runtime:fake_", "noisy:ibmq_").removeprefix("noisy:")
    profile = load_profile(name)
    target = profile.to_target()
    circuit = compiled.device_circuit(measured=True, scheduled=True)
    begun: set[int] = set()
    waits: dict[int, float] = defaultdict(float)
    survives = 1.0
    for step in circuit.data:
        place = [circuit.find_bit(q).index for q in step.qubits]
        kind = step.operation.name
        if kind == "measure":
            survives *= 1 - target["measure"][tuple(place)].error
        elif kind == "delay" and place[0] in begun:
            waits[place[0]] += step.operation.duration * (profile.dt or 0)
        elif kind not in {"barrier", "delay"}:
            begun |= set(place)
            survives *= fidelity(name, kind, tuple(place))
    for qubit, time in waits.items():
        of = profile.qubits[qubit]
        relaxation = SuperOp(thermal_relaxation_error(of.t1, of.t2, time))
        survives *= average_gate_fidelity(relaxation)
    assert compiled.expected_error == pytest.approx(1 - survives, abs=1e-6)
    gates = compiled.isa_circuit
    for part in (
        f"on '{spec}'",
        f"qubits {' '.join(map(str, compiled.physical_qubits))}",
        f"depth {gates.depth()}",
        f"{gates.num_nonlocal_gates()} two-qubit gates",
        f"expected error {100 * (1 - survives):.2g} %",
    ):
        assert part in repr(compiled)


@pytest.mark.parametrize("spec", ["statevector", "noisy:depolarizing:0.05"])
def test_without_a_device_no_error_is_expected(spec: str) -> None:
    compiled = compiled_on(spec)
    assert compiled.expected_error is None
    assert repr(compiled).endswith(" two-qubit gates>")


def test_a_circuit_from_the_ledger_has_its_final_positions(rng: np.random.Generator) -> None:
    """The ledger keeps the circuit and the qubits at its end, and no calibration."""
    backend = open_backend("runtime:fake_manila", seed=3)
    assert isinstance(backend, RuntimeBackend)
    fresh = backend.compile(crossing_router(MIXED))
    work = fresh.work(np.zeros((1, 4)), np.zeros(5))
    layout = Layout(circuit=work.circuit, physical_qubits=work.physical_qubits, profile=None)
    again = replace(backend, layout=layout).compile(fresh.router)
    at = point(fresh.router, rng)
    assert again.physical_qubits == fresh.physical_qubits
    assert again.expected_error is None
    assert again.isa_circuit.layout.final_index_layout() == list(again.physical_qubits)
    circuit, laid_out, values = pub_of(again.isa_circuit, fresh.router, at)
    state = Statevector(circuit.assign_parameters(values))
    found = [state.expectation_value(o).real for o in laid_out]
    np.testing.assert_allclose(found, ideal_values(fresh.router, *at), rtol=0, atol=ROUNDING)
    with pytest.raises(InputError, match="comes from the ledger, without the durations"):
        again.device_circuit(scheduled=True)


def test_other_bases_are_measured_on_the_same_qubits() -> None:
    """One placement serves all bases, and what is handed out holds no change of basis."""
    router, backend = crossing_router(MIXED), open_backend("noisy:ibm_torino", seed=3)
    several, alone = backend.compile(router), backend.compile(router.with_observables(DIAGONAL))
    assert isinstance(several, CombinedRouter)
    assert len(several.parts) > 1
    assert {part.physical_qubits for part in several.parts} == {several.physical_qubits}
    assert several.isa_circuit == alone.isa_circuit
