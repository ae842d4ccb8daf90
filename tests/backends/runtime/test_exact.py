"""The algebra of the runtime backend, on a device without noise and shots.

The statevector engine evaluates what the backend would send. `test_fakes.py` tests the rest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime.utils.validations import validate_isa_circuits
from scipy.stats import t as student  # type: ignore[import-untyped]

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.devices.fake import FakeDevice
from qmoe_qiskit.hardware.options import RuntimeOptions
from qmoe_qiskit.hardware.work import Outcome
from qmoe_qiskit.moe import QuantumRouter

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.backends.runtime.compiled_router import RuntimeRouter
    from qmoe_qiskit.hardware.work import WorkUnit
    from qmoe_qiskit.noise_profiles import NoiseProfile
    from qmoe_qiskit.typing import FloatArray

FAILURE = 1e-6


class ExactDevice:
    """A device with a fake's gates and qubits, evaluated exactly; it keeps the work it executes."""

    name = "exact"
    is_local = True
    service = ""
    ledger = None

    def __init__(self, fake: str) -> None:
        self._fake = FakeDevice(fake)
        self.backend: Any = self._fake.backend
        self.executed: list[WorkUnit] = []

    def profile(self) -> NoiseProfile:
        return self._fake.profile()

    def execute(self, work: WorkUnit) -> Outcome:
        self.executed.append(work)
        compact = QuantumCircuit(len(work.physical_qubits))
        for step in work.circuit.data:
            qubits = [work.circuit.find_bit(q).index for q in step.qubits]
            compact.append(step.operation, [work.physical_qubits.index(q) for q in qubits])
        angles = compact.parameters
        inputs = ParameterVector("point", len(angles))
        router = RouterCircuit(
            circuit=compact.assign_parameters(dict(zip(angles, inputs, strict=True))),
            inputs=inputs,
            weights=ParameterVector("none", 0),
            observables=work.observables,
        )
        exact = open_backend("statevector").compile(router)
        values = exact.expectations(work.points_PG, np.zeros(0)).values
        return Outcome(
            values_PO=values, std_errors_PO=np.zeros_like(values), seconds=0.0, executions=0
        )


def on_exact(
    router: RouterCircuit, fake: str = "fake_manila", **options: Any
) -> tuple[RuntimeRouter, ExactDevice]:
    device = ExactDevice(fake)
    backend = RuntimeBackend(
        name="runtime:exact", device=device, options=RuntimeOptions(**options), shots=100, seed=1
    )
    return backend.compile(router), device


def point(
    router: RouterCircuit, rng: np.random.Generator, n_samples: int
) -> tuple[FloatArray, FloatArray]:
    return rng.uniform(-4, 4, (n_samples, router.n_inputs)), rng.uniform(-4, 4, router.n_weights)


@pytest.mark.parametrize("fake", ["fake_manila", "fake_kolkata", "fake_fez"])
def test_values_and_parameter_shifts_are_the_exact_ones(
    fake: str, random_router: Callable[..., RouterCircuit], seed: int, rng: np.random.Generator
) -> None:
    # Two qubits are neighbours: no other qubit takes part.
    router = random_router(2, seed)
    x_BF, w_W = point(router, rng, 3)
    compiled, device = on_exact(router, fake)
    exact = open_backend("statevector").compile(router)
    np.testing.assert_allclose(
        compiled.expectations(x_BF, w_W).values, exact.expectations(x_BF, w_W).values, atol=1e-9
    )
    for ours, theirs in zip(compiled.jacobian(x_BF, w_W), exact.jacobian(x_BF, w_W), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)
    validate_isa_circuits([compiled.isa_circuit], device.backend.target)
    assert compiled.isa_circuit.num_qubits == device.backend.num_qubits


def test_every_rotation_has_an_angle_of_its_own_in_one_gate() -> None:
    """The paper's router has 20 rotations, each in one gate, so the rule holds under noise."""
    compiled, _ = on_exact(angle_router(2, 3), "fake_fez")
    seen = [
        parameter
        for step in compiled.isa_circuit.data
        for angle in step.operation.params
        for parameter in getattr(angle, "parameters", ())
    ]
    assert len(seen) == len(set(seen)) == 20


def test_spsa_is_right_on_average(rng: np.random.Generator) -> None:
    router = angle_router(2, 2)
    x_BF, w_W = point(router, rng, 2)
    compiled, device = on_exact(router)
    exact = open_backend("statevector").compile(router).jacobian(x_BF, w_W)
    runs = 60
    estimates: list[list[FloatArray]] = [[], []]
    for repetition in range(runs):
        options = RuntimeOptions(
            gradient="spsa", spsa_directions=20, spsa_step=1e-3, repetition=repetition
        )
        # One layout serves all: to transpile takes longer than to evaluate.
        backend = replace(compiled.backend, options=options, layout=compiled._layout)
        for kept, jacobian in zip(
            estimates, backend.compile(router).jacobian(x_BF, w_W), strict=True
        ):
            kept.append(jacobian)
    assert len(device.executed) == runs
    for kept, right in zip(estimates, exact, strict=True):
        mean = np.mean(kept, axis=0)
        error = np.std(kept, axis=0, ddof=1) / np.sqrt(runs)
        bound = student.isf(FAILURE / 2 / (exact[0].size + exact[1].size), runs - 1)
        # The error of the step, of second order, is 1e-6 times a third derivative.
        assert np.abs(mean - right).max() < bound * error.max() + 1e-4
        assert error.max() < 0.2 * np.abs(right).max()  # otherwise the test would prove nothing


def test_directions_come_from_the_content(rng: np.random.Generator) -> None:
    router = angle_router(2, 1)
    x_BF, w_W = point(router, rng, 3)
    works = [
        on_exact(router, gradient="spsa", **more)[0].gradient_work(x_BF, w_W)
        for more in ({}, {}, {"repetition": 1})
    ]
    assert works[0].key == works[1].key != works[2].key
    np.testing.assert_array_equal(works[0].points_PG, works[1].points_PG)
    assert (works[0].points_PG != works[2].points_PG).any()


@pytest.mark.parametrize(
    ("options", "points"),
    [
        ({}, 5 * 8 * 2),
        ({"gradient": "spsa"}, 5 * 2),
        ({"gradient": "spsa", "spsa_directions": 3}, 30),
    ],
)
def test_one_work_forward_and_one_backward(
    options: dict[str, Any], points: int, rng: np.random.Generator
) -> None:
    router = angle_router(2, 1)
    device = ExactDevice("fake_manila")
    backend = RuntimeBackend(
        name="runtime:exact", device=device, options=RuntimeOptions(**options), shots=100
    )
    module = QuantumRouter(router, 2, backend, generator=torch.Generator().manual_seed(1))
    inputs = torch.tensor(rng.uniform(-1, 1, (5, 2)), dtype=torch.float32, requires_grad=True)
    weights = module(inputs)
    assert [work.n_points for work in device.executed] == [5]
    (weights[:, 0] ** 2).sum().backward()
    assert [work.n_points for work in device.executed] == [5, points]
    assert inputs.grad is not None
    assert torch.isfinite(inputs.grad).all()


def test_equal_requests_have_equal_keys_and_others_do_not(rng: np.random.Generator) -> None:
    router = angle_router(2, 1)
    x_BF, w_W = point(router, rng, 2)
    compiled, _ = on_exact(router)
    backend = compiled.backend

    def with_options(**options: Any) -> RuntimeBackend:
        return replace(backend, options=RuntimeOptions(**options))

    key = compiled.work(x_BF, w_W).key
    assert on_exact(router)[0].work(x_BF.copy(), w_W.copy()).key == key
    # A new calibration of the device may change the transpiled circuit.
    assert replace(backend, title="another").compile(router).work(x_BF, w_W).key == key
    # The execution mode and the gradient method do not affect values.
    for options in ({"mode": "batch"}, {"gradient": "spsa"}, {"session_seconds": 60}):
        assert with_options(**options).compile(router).work(x_BF, w_W).key == key
    steps = {
        with_options(gradient="spsa", spsa_step=step).compile(router).gradient_work(x_BF, w_W).key
        for step in (0.1, 0.2)
    }
    assert len(steps) == 2
    nudged = w_W.copy()
    nudged[3] = np.nextafter(nudged[3], 9)
    moved = x_BF.copy()
    moved[1, 0] = np.nextafter(moved[1, 0], 9)
    others = [
        compiled.work(x_BF, nudged),
        compiled.work(moved, w_W),
        compiled.work(x_BF[::-1], w_W),
        compiled.work(x_BF[:1], w_W),
        compiled.gradient_work(x_BF, w_W),
        *(
            other.compile(router).work(x_BF, w_W)
            for other in (
                replace(backend, shots=101),
                replace(backend, seed=2),
                replace(backend, qubits=(0, 1)),
                replace(backend, name="runtime:another"),
                with_options(repetition=1),
                with_options(resilience_level=0),
                with_options(twirling={"num_randomizations": 7}),
                with_options(dynamical_decoupling={"enable": True}),
                with_options(primitive="sampler"),
            )
        ),
        backend.compile(angle_router(2, 2)).work(x_BF, rng.uniform(-4, 4, 12)),
    ]
    keys = {work.key for work in others}
    assert len(keys) == len(others)
    assert key not in keys


def test_nothing_is_executed_for_nothing_or_nonsense(rng: np.random.Generator) -> None:
    router = angle_router(2, 1)
    x_BF, w_W = point(router, rng, 2)
    compiled, device = on_exact(router)
    assert compiled.expectations(x_BF[:0], w_W).values.shape == (0, 2)
    assert [d.shape for d in compiled.jacobian(x_BF[:0], w_W)] == [(0, 2, 2), (0, 2, 6)]
    broken = w_W.copy()
    broken[4] = np.nan
    for call in (compiled.expectations, compiled.jacobian, compiled.work):
        with pytest.raises(InputError, match=r"weights\[4\] is nan"):
            call(x_BF, broken)
    assert device.executed == []


def test_circuits_that_cannot_run_are_refused() -> None:
    _, device = on_exact(angle_router(2, 1))
    backend = RuntimeBackend(
        name="runtime:exact", device=device, options=RuntimeOptions(), shots=100
    )
    with pytest.raises(InputError, match="has 6 qubits, fake_manila has 5"):
        backend.compile(angle_router(6, 1))
    waits = QuantumCircuit(1)
    angle = ParameterVector("w", 1)
    waits.rx(angle[0], 0)
    router = RouterCircuit(
        circuit=waits,
        inputs=ParameterVector("x", 0),
        weights=angle,
        observables=(SparsePauliOp("Z"),),
    )
    waits.delay(100, 0, unit="dt")
    with pytest.raises(InputError, match="holds delays"):
        backend.compile(replace(router, circuit=waits))
    fixed = QuantumCircuit(1)
    fixed.h(0)
    with pytest.raises(InputError, match="no angles"):
        backend.compile(replace(router, circuit=fixed))
    with pytest.raises(InputError, match="shots must be"):
        replace(backend, shots=0)


def test_fractional_gates_only_where_asked_for_and_offered(rng: np.random.Generator) -> None:
    router = angle_router(2, 1)
    x_BF, w_W = point(router, rng, 2)
    plain, _ = on_exact(router, "fake_fractional")
    asked, device = on_exact(router, "fake_fractional", fractional_gates=True)
    assert not {"rx", "rzz"} & set(plain.isa_circuit.count_ops())
    assert "rx" in asked.isa_circuit.count_ops()
    validate_isa_circuits([asked.isa_circuit], device.backend.target)
    exact = open_backend("statevector").compile(router).expectations(x_BF, w_W)
    np.testing.assert_allclose(asked.expectations(x_BF, w_W).values, exact.values, atol=1e-9)
    for ours, theirs in zip(asked.jacobian(x_BF, w_W), plain.jacobian(x_BF, w_W), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)
    with pytest.raises(InputError, match="exact offers no fractional gates"):
        on_exact(router, "fake_manila", fractional_gates=True)
