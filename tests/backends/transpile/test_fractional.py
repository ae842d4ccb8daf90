"""Fractional gates: rx at any angle, rzz at fixed angles from 0 to pi/2; judged by Aer and IBM."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Measure, Parameter, ParameterVector
from qiskit.circuit.library import CZGate, RXGate, RZGate, RZZGate, SXGate, XGate
from qiskit.providers import BackendV2, Options, QubitProperties
from qiskit.quantum_info import Operator, SparsePauliOp
from qiskit.transpiler import InstructionProperties, Target
from qiskit_ibm_runtime.utils.validations import validate_isa_circuits

from qmoe_qiskit import load_profile
from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
from qmoe_qiskit.backends.transpile.fractional import free_pairs_decomposed
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import ProfileError
from qmoe_qiskit.hardware.devices.fake import FakeDevice
from qmoe_qiskit.hardware.options import RuntimeOptions
from qmoe_qiskit.noise_profiles import capture

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.typing import FloatArray

HALF = math.pi / 2
# Most of them are beyond what a device accepts.
ANGLES = (-0.7, 0.4, 2.0, 3.0, -2.5, 4.1, -5.9, 11.0)
SIGMAS = 5.5


def heron(bounds: tuple[float, float] | None = (0.0, HALF), *, rzz_error: float = 2e-3) -> Target:
    """Three qubits in a row."""
    made = Target(
        description="heron",
        num_qubits=3,
        dt=4e-9,
        qubit_properties=[QubitProperties(t1=2e-4, t2=1.5e-4) for _ in range(3)],
    )
    qubits = [(q,) for q in range(3)]
    pairs = [(0, 1), (1, 0), (1, 2), (2, 1)]
    for gate, error in ((SXGate(), 3e-4), (XGate(), 3e-4), (RXGate(Parameter("a")), 3e-4)):
        made.add_instruction(gate, {q: InstructionProperties(32e-9, error) for q in qubits})
    made.add_instruction(RZGate(Parameter("a")), {q: InstructionProperties(0, 0) for q in qubits})
    made.add_instruction(CZGate(), {p: InstructionProperties(84e-9, 8e-3) for p in pairs})
    made.add_instruction(
        RZZGate(Parameter("a")),
        {p: InstructionProperties(68e-9, rzz_error) for p in pairs},
        angle_bounds=None if bounds is None else [bounds],
    )
    made.add_instruction(Measure(), {q: InstructionProperties(1e-6, 1e-2) for q in qubits})
    return made


class Heron(BackendV2):  # type: ignore[misc]
    """A backend of Qiskit with that target; it runs nothing."""

    max_circuits = None

    def __init__(self) -> None:
        super().__init__(name="heron")
        self._target = heron()

    @property
    def target(self) -> Target:
        return self._target

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(self, *_: object, **__: object) -> None:
        raise NotImplementedError


def router_of(build: Callable[[QuantumCircuit, Any, Any], None]) -> RouterCircuit:
    x, w = ParameterVector("x", 1), ParameterVector("w", 2)
    circuit = QuantumCircuit(2)
    circuit.h([0, 1])
    circuit.ry(x[0], 0)
    build(circuit, x, w)
    circuit.rx(w[1], [0, 1])
    observables = (SparsePauliOp("ZI"), SparsePauliOp("ZZ"))
    return RouterCircuit(circuit=circuit, inputs=x, weights=w, observables=observables)


def fixed_angles() -> RouterCircuit:
    def build(circuit: QuantumCircuit, _: ParameterVector, w: ParameterVector) -> None:
        for angle in ANGLES:
            circuit.rzz(angle, 0, 1)
            circuit.ry(w[0], 0)

    return router_of(build)


def free_angles() -> RouterCircuit:
    """Gates of two qubits that Qiskit would write with rzz of a free angle."""

    def build(circuit: QuantumCircuit, x: ParameterVector, w: ParameterVector) -> None:
        circuit.rzz(w[0] - 3 * x[0], 0, 1)
        circuit.crx(w[1], 1, 0)
        circuit.rxx(x[0], 0, 1)
        circuit.cp(w[0], 0, 1)
        circuit.rzz(-0.7, 0, 1)

    return router_of(build)


def papers() -> RouterCircuit:
    return angle_router(2, 2)


ROUTERS = pytest.mark.parametrize("make", [fixed_angles, free_angles, papers])


def angles_of_rzz(circuit: QuantumCircuit) -> list[Any]:
    return [step.operation.params[0] for step in circuit.data if step.operation.name == "rzz"]


def assert_in_range(circuit: QuantumCircuit) -> None:
    """A free angle has no float, so it fails here too."""
    for angle in angles_of_rzz(circuit):
        assert 0 <= float(angle) <= HALF


def point(router: RouterCircuit, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    return rng.uniform(-4, 4, (3, router.n_inputs)), rng.uniform(-4, 4, router.n_weights)


@ROUTERS
def test_noise_on_a_target_with_fractional_gates(
    make: Callable[[], RouterCircuit], aer_values: Any, rng: np.random.Generator
) -> None:
    router, profile = make(), capture(heron())
    compiled = open_backend(profile, seed=1).compile(router)
    counts = compiled.isa_circuit.count_ops()
    assert counts["rx"] > 0
    assert_in_range(compiled.isa_circuit)
    validate_isa_circuits([compiled.isa_circuit], heron())
    x_BF, w_W = point(router, rng)
    expected, missing = aer_values(profile, compiled, x_BF, w_W)
    found = compiled.expectations(x_BF, w_W).values
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8 + missing)
    ideal = open_backend("statevector").compile(router).expectations(x_BF, w_W).values
    noiseless = open_backend(profile.scale(0), seed=1).compile(router)
    assert_in_range(noiseless.isa_circuit)
    np.testing.assert_allclose(noiseless.expectations(x_BF, w_W).values, ideal, atol=1e-9)


def test_rzz_is_used_where_it_lowers_the_expected_error() -> None:
    good = open_backend(capture(heron()), seed=1).compile(fixed_angles())
    assert len(angles_of_rzz(good.isa_circuit)) == len(ANGLES)
    bad = open_backend(capture(heron(rzz_error=0.3)), seed=1).compile(fixed_angles())
    assert "rzz" not in bad.isa_circuit.count_ops()


def test_the_error_of_each_gate_is_its_reported_one(aer_values: Any) -> None:
    """With one rzz, an error of it is worth its depolarizing factor; Aer says the same."""
    router = router_of(lambda circuit, _x, _w: circuit.rzz(1.0, 0, 1))
    x_BF, w_W = np.zeros((1, 1)), np.array([0.0, HALF])
    seen = []
    for error in (0.0, 4e-3, 6e-3):
        profile = capture(heron(rzz_error=error))
        compiled = open_backend(profile, seed=1).compile(router)
        assert compiled.isa_circuit.count_ops()["rzz"] == 1
        expected, missing = aer_values(profile, compiled, x_BF, w_W)
        found = compiled.expectations(x_BF, w_W).values
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8 + missing)
        seen.append(compiled.expected_error)
    assert seen == sorted(set(seen))


def test_every_bundled_heron_has_them_on_request(aer_values: Any, rng: np.random.Generator) -> None:
    plain = load_profile("ibm_kingston")
    profile = plain.with_fractional_gates()
    assert set(profile.basis_gates) - set(plain.basis_gates) == {"rx", "rzz"}
    assert profile.history == ("fractional gates offered: rx, rzz",)
    assert profile.with_fractional_gates() is profile
    assert (
        load_profile("ibm_torino").with_fractional_gates().gates == load_profile("ibm_torino").gates
    )
    router = papers()
    before, after = (open_backend(p, seed=1).compile(router) for p in (plain, profile))
    assert after.expected_error < before.expected_error
    x_BF, w_W = point(router, rng)
    expected, missing = aer_values(profile, after, x_BF, w_W)
    found = after.expectations(x_BF, w_W).values
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8 + missing)
    with pytest.raises(ProfileError, match="ibmq_manila has no fractional gates: Heron devices"):
        load_profile("ibmq_manila").with_fractional_gates()


def test_folding_repeats_gates_that_are_their_own_inverse(rng: np.random.Generator) -> None:
    router, profile = fixed_angles(), capture(heron())
    compiled = open_backend(profile, seed=1, mitigation="zne").compile(router)
    x_BF, w_W = point(router, rng)
    ideal = open_backend("statevector").compile(router).expectations(x_BF, w_W).values
    noisy = open_backend(replace(profile, basis_gates=("cz", "rx", "rz", "sx", "x")), seed=1)
    error = np.abs(noisy.compile(router).expectations(x_BF, w_W).values - ideal).mean()
    assert np.abs(compiled.expectations(x_BF, w_W).values - ideal).mean() < error


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (0.1, HALF), (-0.5, -0.1)])
def test_rzz_with_other_bounds_is_not_used(bounds: tuple[float, float]) -> None:
    profile = capture(heron(bounds))
    assert "rzz" not in profile.basis_gates
    dropped = [repair for repair in profile.repairs if repair.item == "rzz"]
    assert [repair.reason for repair in dropped] == ["its angles have bounds of their own"]


@pytest.mark.parametrize("bounds", [None, (-math.pi, math.pi), (0.0, 2.0)])
def test_rzz_with_wider_bounds_is_kept_in_those_of_ibm(
    bounds: tuple[float, float] | None,
) -> None:
    compiled = open_backend(capture(heron(bounds)), seed=1).compile(fixed_angles())
    assert len(angles_of_rzz(compiled.isa_circuit)) == len(ANGLES)
    assert_in_range(compiled.isa_circuit)


def test_free_angles_are_decomposed_and_fixed_ones_stay() -> None:
    router = free_angles()
    circuit = router.standard_circuit
    decomposed = free_pairs_decomposed(circuit)
    assert angles_of_rzz(decomposed) == [-0.7]
    values = np.linspace(-3, 3, len(circuit.parameters))
    same = dict(zip(circuit.parameters, values, strict=True))
    assert Operator(decomposed.assign_parameters(same)).equiv(circuit.assign_parameters(same))


OPTIONS: dict[str, dict[str, Any]] = {
    "sampler": {"primitive": "sampler"},
    "level 0": {"resilience_level": 0},
    "level 2": {"resilience_level": 2},
}
# Each router, all options, and rzz with and without twirling.
TAKEN = {
    (fixed_angles, "sampler"),
    (fixed_angles, "level 2"),
    (free_angles, "level 0"),
    (papers, "level 2"),
}


@pytest.mark.parametrize(
    ("make", "options"),
    [
        pytest.param(
            make,
            OPTIONS[name],
            id=f"{make.__name__}-{name}",
            marks=() if (make, name) in TAKEN else pytest.mark.trial,
        )
        for make in (fixed_angles, free_angles, papers)
        for name in OPTIONS
    ],
)
def test_ibm_primitives_take_them(
    make: Callable[[], RouterCircuit], options: dict[str, Any], rng: np.random.Generator
) -> None:
    """Each value fails for a correct program with a probability below 1e-6."""
    router, shots = make(), 1000
    settings = RuntimeOptions(fractional_gates=True, **options)
    backend = RuntimeBackend(
        name="runtime:heron",
        device=FakeDevice(Heron(), seed=2),
        options=settings,
        shots=shots,
        seed=1,
    )
    compiled = backend.compile(router)
    circuit = compiled.isa_circuit
    assert circuit.count_ops()["rx"] > 0
    assert_in_range(circuit)
    # Gates that are twirled and folded must be Clifford gates.
    assert bool(angles_of_rzz(circuit)) == (not settings.twirls_or_folds)
    x_BF, w_W = point(router, rng)
    ideal = open_backend("statevector").compile(router).expectations(x_BF, w_W).values
    exact = open_backend(capture(heron()), seed=1).compile(router).expectations(x_BF, w_W).values
    found = compiled.expectations(x_BF, w_W).values
    near = SIGMAS / math.sqrt(shots)
    if settings.twirls_or_folds:
        assert np.abs(found - ideal).max() < 4 * near + np.abs(exact - ideal).max()
    else:
        pulses = 0.01  # two pulses more before the estimator's measurement
        assert np.abs(found - exact).max() < near + pulses
