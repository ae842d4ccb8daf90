"""The surrogate against direct evaluation: of random circuits, under every noise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector

from qmoe_qiskit import (
    FourierSurrogate,
    QuantumRouter,
    RouterCircuit,
    angle_router,
    open_backend,
)
from qmoe_qiskit.backends import Expectations
from qmoe_qiskit.backends.surrogate import SurrogatePlan
from qmoe_qiskit.circuits.angle import basis_projectors
from qmoe_qiskit.errors import InputError, SurrogateError, SurrogateWarning

if TYPE_CHECKING:
    from qmoe_qiskit.backends import CompiledRouter
    from qmoe_qiskit.typing import FloatArray

EXACT = 1e-9
SLOPES = [1, -1, 2, 0.5, -0.5, 1.5]


@st.composite
def routers(draw: st.DrawFn, *, n_gates: int = 7, slopes: Any = SLOPES) -> RouterCircuit:
    """Circuits of one to three qubits with angles a x + b w + c in every kind of gate."""
    n_qubits = draw(st.integers(1, 3))
    x, w = ParameterVector("x", 2), ParameterVector("w", 2)
    circuit = QuantumCircuit(n_qubits)
    n_uploads = 0
    for _ in range(draw(st.integers(1, n_gates))):
        first, *others = draw(st.permutations(range(n_qubits)))
        one = ["rx", "ry", "rz", "p", "h", "sx"]
        two = ["crx", "crz", "cry", "rzz", "rxx", "cp", "cx"]
        name = draw(st.sampled_from(one + two if others else one))
        angle: Any = draw(st.floats(-3, 3))
        if n_uploads < 4 and draw(st.booleans()):
            angle = angle + draw(st.sampled_from(slopes)) * x[draw(st.integers(0, 1))]
            n_uploads += 1
        if draw(st.booleans()):
            angle = angle + w[draw(st.integers(0, 1))]
        angles = [] if name in {"h", "sx", "cx"} else [angle]
        qubits = [first] if name in one else [first, others[0]]
        getattr(circuit, name)(*angles, *qubits)
    letters = st.text("XYZ", min_size=n_qubits, max_size=n_qubits)
    observables: Any = draw(st.one_of(st.lists(letters, min_size=1, max_size=2), st.none()))
    if observables is None:
        observables = basis_projectors(n_qubits, 2)
    return RouterCircuit(circuit=circuit, inputs=x, weights=w, observables=observables)


def both(
    compiled: CompiledRouter, seed: int, n_rows: int = 40, **settings: Any
) -> tuple[FloatArray, FloatArray, FourierSurrogate, FloatArray]:
    """Values of the surrogate and of direct evaluation at random inputs."""
    rng = np.random.default_rng(seed)
    weights_W = rng.uniform(-np.pi, np.pi, compiled.router.n_weights)
    inputs_BF = rng.uniform(-20, 20, (n_rows, compiled.router.n_inputs))
    surrogate = FourierSurrogate.measure(compiled, weights_W, **settings)
    direct = compiled.expectations(inputs_BF, weights_W).values
    return surrogate.expectations(inputs_BF).values, direct, surrogate, inputs_BF


@given(router=routers(), seed=st.integers(0, 2**32 - 1))
def test_any_circuit(router: RouterCircuit, seed: int) -> None:
    compiled = open_backend("statevector").compile(router)
    values, direct, surrogate, inputs_BF = both(compiled, seed)
    np.testing.assert_allclose(values, direct, atol=EXACT)
    by_inputs, _ = surrogate.jacobian(inputs_BF)
    exact, _ = compiled.jacobian(inputs_BF, surrogate.weights_W)
    np.testing.assert_allclose(by_inputs, exact, atol=EXACT)


@settings(max_examples=settings().max_examples // 2)
@given(router=routers(n_gates=5, slopes=[1, -0.5]), seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("spec", ["noisy:ibm_torino", "noisy:depolarizing-gates:0.03"])
def test_any_circuit_under_noise(spec: str, router: RouterCircuit, seed: int) -> None:
    values, direct, _, _ = both(open_backend(spec, seed=1).compile(router), seed)
    np.testing.assert_allclose(values, direct, atol=EXACT)


@pytest.mark.parametrize("mitigation", ["readout", "zne"])
def test_mitigated(mitigation: str) -> None:
    compiled = open_backend("noisy:ibm_fez", mitigation=mitigation).compile(angle_router(2, 2))
    values, direct, _, _ = both(compiled, 1)
    np.testing.assert_allclose(values, direct, atol=EXACT)


def test_every_profile_at_1000_inputs(profile_name: str, seed: int) -> None:
    compiled = open_backend(f"noisy:{profile_name}").compile(angle_router(2, 3))
    values, direct, surrogate, _ = both(compiled, seed, 1000)
    assert surrogate.points == 9
    np.testing.assert_allclose(values, direct, atol=EXACT)


def test_more_points_of_an_exact_backend_change_nothing() -> None:
    compiled = open_backend("statevector").compile(angle_router(2, 2))
    values, direct, surrogate, _ = both(compiled, 3, points=[4, 9], checks=0)
    np.testing.assert_allclose(values, direct, atol=EXACT)
    assert (surrogate.points, surrogate.check, surrogate.executions) == (36, None, None)


def test_derivatives_are_those_of_finite_differences(rng: np.random.Generator) -> None:
    compiled = open_backend("noisy:ibm_torino").compile(angle_router(2, 2, reuploads=2))
    surrogate = FourierSurrogate.measure(compiled, rng.uniform(-3, 3, 24))
    inputs_BF, step = rng.uniform(-9, 9, (20, 2)), 1e-5
    by_inputs, by_weights = surrogate.jacobian(inputs_BF)
    for f in range(2):
        shift = step * np.eye(2)[f]
        up, down = (surrogate.expectations(inputs_BF + s * shift).values for s in (1, -1))
        # Truncation at degree 2: the third derivative is at most 2^3, times step^2 / 6.
        np.testing.assert_allclose(by_inputs[..., f], (up - down) / (2 * step), atol=1e-9)
    assert by_weights.shape == (20, 2, 24)
    assert np.isnan(by_weights).all()


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_pullback(library: str, rng: np.random.Generator) -> None:
    surrogate = FourierSurrogate.measure(
        open_backend("statevector").compile(angle_router(2, 1)), rng.uniform(-3, 3, 6)
    )
    inputs_BF, gradient_BO = rng.uniform(-9, 9, (7, 2)), rng.normal(size=(7, 2))
    expected_BF = np.einsum("bo,bof->bf", gradient_BO, surrogate.jacobian(inputs_BF)[0])
    like = torch.from_numpy if library == "torch" else np.asarray
    values, pullback = surrogate.vjp(like(inputs_BF), like(surrogate.weights_W))
    by_inputs, by_weights = pullback(like(gradient_BO))
    assert type(values) is type(by_inputs) is type(by_weights) is type(like(inputs_BF))
    np.testing.assert_allclose(values, surrogate.expectations(inputs_BF).values)
    np.testing.assert_allclose(by_inputs, expected_BF, atol=1e-12)
    assert np.isnan(np.asarray(by_weights)).all()
    assert pullback(like(gradient_BO), need_inputs=False)[0] is None


def test_no_inputs_and_large_batches() -> None:
    w = ParameterVector("w", 1)
    circuit = QuantumCircuit(1)
    circuit.ry(w[0], 0)
    router = RouterCircuit.from_circuit(circuit, inputs=(), weights=w)
    surrogate = FourierSurrogate.measure(open_backend("statevector").compile(router), [0.3])
    assert surrogate.points == 1
    np.testing.assert_allclose(surrogate.expectations(np.zeros((5, 0))).values, np.cos(0.3))
    assert surrogate.jacobian(np.zeros((5, 0)))[0].shape == (5, 1, 0)
    paper = FourierSurrogate.measure(
        open_backend("statevector").compile(angle_router(6, 1)), np.ones(18)
    )
    many_BF = np.random.default_rng(0).uniform(-3, 3, (7000, 6))  # several blocks
    values = paper.expectations(many_BF).values
    few = paper.expectations(many_BF[6990:]).values
    np.testing.assert_allclose(values[6990:], few, atol=1e-12)
    assert paper.expectations(np.zeros((0, 6))).values.shape == (0, 6)


class TestShots:
    """Values with binomial noise of a known rate stand in for a device."""

    def test_errors_are_those_of_the_linear_map(self, rng: np.random.Generator) -> None:
        compiled = open_backend("noisy:ibm_torino", shots=200, seed=1).compile(angle_router(2, 1))
        surrogate = FourierSurrogate.measure(compiled, rng.uniform(-3, 3, 6))
        inputs_BF = rng.uniform(-9, 9, (5, 2))
        weights_BP = surrogate.grid.weights(inputs_BF)
        measured = surrogate.expectations(inputs_BF)
        expected = np.sqrt(weights_BP**2 @ surrogate.std_errors_PO**2)
        np.testing.assert_allclose(measured.std_errors, expected, rtol=1e-12)
        np.testing.assert_allclose(measured.values, weights_BP @ surrogate.values_PO, atol=1e-12)
        assert (measured.shots, surrogate.executions) == (200, 11 * 200)

    @pytest.mark.parametrize("points", [None, 36])
    def test_coverage(self, points: int | None, rng: np.random.Generator) -> None:
        """Intervals of 1.96 standard errors hold the exact value at the stated rate."""
        exact, shots = open_backend("noisy:ibm_torino").compile(angle_router(2, 2)), 1000
        weights_W = rng.uniform(-3, 3, 12)
        plan = SurrogatePlan.make(exact.router, points=points, checks=0)
        inputs_BF = rng.uniform(-9, 9, (1, 2))
        true_O = exact.expectations(inputs_BF, weights_W).values
        shares = (1 + exact.expectations(plan.inputs_BF, weights_W).values) / 2
        hits, n_trials = np.zeros(2), 2000
        for _ in range(n_trials):
            found = rng.binomial(shots, shares) / shots
            errors = 2 * np.sqrt(found * (1 - found) / (shots - 1))
            measured = Expectations(values=2 * found - 1, std_errors=errors, shots=shots)
            at = FourierSurrogate.from_values(plan, measured, weights_W).expectations(inputs_BF)
            hits += (np.abs(at.values - true_O) <= 1.96 * at.std_errors)[0]
        # Five standard deviations of a binomial count, and a tenth of a percent for its shares.
        slack = 5 * np.sqrt(n_trials * 0.95 * 0.05) + 0.005 * n_trials
        assert np.all(np.abs(hits - 0.95 * n_trials) <= slack)

    def test_more_points_lower_the_error(self, rng: np.random.Generator) -> None:
        router, inputs_BF = angle_router(2, 1), rng.uniform(-9, 9, (50, 2))
        errors = []
        for points in (9, 144):
            plan = SurrogatePlan.make(router, points=points, checks=0)
            ones = np.ones((points, 2))
            measured = Expectations(values=0 * ones, std_errors=0.1 * ones, shots=100)
            surrogate = FourierSurrogate.from_values(plan, measured, np.zeros(6))
            errors.append(surrogate.expectations(inputs_BF).std_errors)
        np.testing.assert_allclose(errors[0] / errors[1], 4, rtol=1e-9)

    def test_unknown_errors_stay_unknown(self) -> None:
        plan = SurrogatePlan.make(angle_router(2, 1))
        errors = np.full((11, 2), 0.1)
        errors[0] = np.nan
        measured = Expectations(values=np.zeros((11, 2)), std_errors=errors, shots=100)
        surrogate = FourierSurrogate.from_values(plan, measured, np.zeros(6))
        assert surrogate.check is None
        assert np.isnan(surrogate.expectations(np.ones((1, 2))).std_errors).all()


class TestCheck:
    @pytest.mark.parametrize("level", [0.01, 0.2])
    def test_rate_of_false_alarms(self, level: float, rng: np.random.Generator) -> None:
        """Observables of the same shots: at most the level, and not far below it."""
        exact, shots = open_backend("noisy:ibm_torino").compile(angle_router(2, 2)), 500
        router = exact.router.with_observables(basis_projectors(2, 4))
        exact = open_backend("noisy:ibm_torino").compile(router)
        weights_W = rng.uniform(-3, 3, 12)
        plan = SurrogatePlan.make(router, checks=4, check_level=level, on_failed_check="warn")
        shares = exact.expectations(plan.inputs_BF, weights_W).values
        # A lower bound says something of the higher level alone.
        alarms, n_trials = 0, 2000 if level > 0.1 else 1000
        for _ in range(n_trials):
            found = rng.multinomial(shots, shares / shares.sum(axis=1, keepdims=True)) / shots
            errors = np.sqrt(found * (1 - found) / (shots - 1))
            measured = Expectations(values=found, std_errors=errors, shots=shots)
            check = plan.check(measured)
            assert check is not None
            alarms += not check.passed
        slack = 4 * np.sqrt(n_trials * level * (1 - level))
        assert alarms <= level * n_trials + slack
        assert alarms >= level * n_trials / 4 - slack

    def test_drift_is_found(self) -> None:
        compiled = Drifting(open_backend("noisy:ibm_torino", shots=2000, seed=3))
        with pytest.raises(SurrogateError, match="drift") as caught:
            FourierSurrogate.measure(compiled, np.linspace(-2, 2, 12), points=16, checks=4)
        surrogate = caught.value.surrogate
        assert isinstance(surrogate, FourierSurrogate)
        assert surrogate.check is not None
        assert surrogate.check.p_value is not None
        assert surrogate.check.p_value < 0.01

    def test_drift_of_an_exact_backend_is_found(self) -> None:
        compiled = Drifting(open_backend("noisy:ibm_torino"), size=1e-6)
        with pytest.raises(SurrogateError, match="largest residual"):
            FourierSurrogate.measure(compiled, np.linspace(-2, 2, 12))

    def test_noise_that_depends_on_the_inputs_is_found(self) -> None:
        compiled = OddNoise(open_backend("noisy:ibm_torino", shots=4000, seed=3))
        with pytest.warns(SurrogateWarning, match="depends on the inputs"):
            surrogate = FourierSurrogate.measure(
                compiled, np.linspace(-2, 2, 12), checks=6, on_failed_check="warn"
            )
        assert surrogate.check is not None
        assert not surrogate.check.passed

    def test_without_drift_it_passes(self) -> None:
        compiled = open_backend("noisy:ibm_torino", shots=2000, seed=3).compile(angle_router(2, 2))
        surrogate = FourierSurrogate.measure(compiled, np.linspace(-2, 2, 12), points=16, checks=4)
        assert surrogate.check is not None
        assert surrogate.check.passed
        assert "passed at 4 check points" in str(surrogate.check)

    def test_constant_outputs(self) -> None:
        """Shots that all agree have no spread: no division by zero, no false alarm."""
        router = angle_router(1, 1).with_observables(["I", "Z"])
        compiled = open_backend("noisy:readout:0.0", shots=50, seed=1).compile(router)
        surrogate = FourierSurrogate.measure(compiled, np.zeros(3))
        assert surrogate.check is not None
        assert surrogate.check.passed


class Drifting:
    """A compiled router whose values fall from point to point."""

    def __init__(self, backend: Any, size: float = 0.5) -> None:
        self.compiled, self.size = backend.compile(angle_router(2, 2)), size
        self.router = self.compiled.router

    def expectations(self, inputs_BF: FloatArray, weights_W: FloatArray) -> Expectations:
        measured = self.compiled.expectations(inputs_BF, weights_W)
        fall_B1 = 1 - self.size * np.linspace(0, 1, len(inputs_BF))[:, None]
        return replace(measured, values=measured.values * fall_B1)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.compiled, name)


class OddNoise(Drifting):
    """A compiled router with a loss at some inputs, sharper than any frequency of the circuit."""

    def expectations(self, inputs_BF: FloatArray, weights_W: FloatArray) -> Expectations:
        measured = self.compiled.expectations(inputs_BF, weights_W)
        loss_B1 = 1 - self.size * (np.sin(2.5 * inputs_BF.sum(axis=1, keepdims=True)) > 0)
        return replace(measured, values=measured.values * loss_B1)


class TestRefused:
    def test_other_weights(self) -> None:
        weights_W = np.linspace(-1, 1, 6)
        surrogate = FourierSurrogate.measure(
            open_backend("statevector").compile(angle_router(2, 1)), weights_W
        )
        surrogate.expectations(np.zeros((1, 2)), weights_W)
        for evaluate in (surrogate.expectations, surrogate.jacobian, surrogate.vjp):
            with pytest.raises(InputError, match="measured with other weights"):
                evaluate(np.zeros((1, 2)), weights_W + 1e-12)

    @pytest.mark.parametrize(
        ("settings", "reason"),
        [
            ({"checks": -1}, "checks must be a whole number of at least 0"),
            ({"checks": True}, "checks must be a whole number"),
            ({"checks": 5000}, "more than max_points"),
            ({"check_level": 0.0}, "check_level must be"),
            ({"on_failed_check": "ignore"}, "on_failed_check must be"),
            ({"max_points": 8}, r"takes 9 \(3 x 3\) points"),
            ({"points": 5}, "too few"),
            ({"seed": -1}, "seed must be"),
        ],
        ids=str,
    )
    def test_settings(self, settings: dict[str, Any], reason: str) -> None:
        compiled = Drifting(open_backend("statevector"))
        compiled.expectations = None  # type: ignore[assignment, method-assign]
        with pytest.raises(InputError, match=reason):
            FourierSurrogate.measure(compiled, np.zeros(12), **settings)

    def test_values_that_do_not_fit(self) -> None:
        plan = SurrogatePlan.make(angle_router(2, 1))
        good = np.zeros((11, 2))
        for values, errors, reason in (
            (good[1:], good[1:], "must have shape"),
            (good + np.nan, good, "not finite"),
        ):
            measured = Expectations(values=values, std_errors=errors)
            with pytest.raises(InputError, match=reason):
                FourierSurrogate.from_values(plan, measured, np.zeros(6))
        other = open_backend("statevector").compile(angle_router(2, 2))
        with pytest.raises(InputError, match="another circuit"):
            FourierSurrogate.from_plan(plan, other, np.zeros(12))


def test_description() -> None:
    compiled = open_backend("noisy:ibm_torino", shots=100, seed=0).compile(angle_router(2, 1))
    surrogate = FourierSurrogate.measure(compiled, np.zeros(6))
    assert repr(surrogate) == "<FourierSurrogate of 'noisy:ibm_torino': 9 points, 100 shots each>"
    assert surrogate.physical_qubits == compiled.physical_qubits
    assert surrogate.expected_error == compiled.expected_error
    assert surrogate.isa_circuit == compiled.isa_circuit


class TestTorch:
    @pytest.fixture
    def router(self) -> QuantumRouter:
        router = QuantumRouter(angle_router(2, 1), 3, generator=torch.Generator().manual_seed(0))
        network = router.connector.neural_network
        weights_W = router.connector.weight.detach().double().numpy()
        network.compiled = FourierSurrogate.measure(network.compiled, weights_W)
        return router

    def test_classical_parts_and_inputs_train(self, router: QuantumRouter) -> None:
        router.connector.weight.requires_grad_(requires_grad=False)
        inputs_BF = torch.ones(4, 2, requires_grad=True)
        router(inputs_BF)[:, 0].sum().backward()
        assert router.adapter is not None
        for gradient in (inputs_BF.grad, router.adapter.weight.grad):
            assert gradient is not None
            assert torch.isfinite(gradient).all()
        assert router.connector.weight.grad is None

    def test_circuit_weights_are_refused(self, router: QuantumRouter) -> None:
        with pytest.raises(InputError, match="freeze the weights"):
            router(torch.ones(4, 2))[:, 0].sum().backward()
        with torch.no_grad():
            router(torch.ones(4, 2))
