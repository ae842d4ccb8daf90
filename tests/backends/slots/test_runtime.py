"""Packed work on fakes and against a service: values, derivatives, keys, and what is sent.

Each test of shots fails for a correct program with a probability of at most 1e-6; seeds are fixed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ibm_service import IBMService
from qiskit.quantum_info import SparsePauliOp
from scipy.stats import chi2  # type: ignore[import-untyped]

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.backends.gradients.rotations import router_of_rotations
from qmoe_qiskit.backends.runtime.compiled_router import Kind, Layout
from qmoe_qiskit.backends.slots.assignment import Assignment, singles
from qmoe_qiskit.backends.slots.noisy import PackedNoisyRouter
from qmoe_qiskit.backends.slots.runtime import PackedRouter
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.circuits.observables import measurement_bases
from qmoe_qiskit.errors import InputError, LedgerError
from qmoe_qiskit.hardware.cost.device_timing import device_timing
from qmoe_qiskit.hardware.cost.estimate import estimate_work
from qmoe_qiskit.hardware.cost.plan_limits import plan_limits
from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.typing import FloatArray

FAILURE = 1e-6
SHOTS = 2048
PLAIN = {"resilience_level": 0}


def on_fake(
    router: RouterCircuit, *, slots: int = 2, fake: str = "fake_lagos", **options: Any
) -> PackedRouter:
    backend = open_backend(
        f"runtime:{fake}", slots=slots, shots=SHOTS, seed=1, options=PLAIN | options
    )
    compiled = backend.compile(router)
    assert isinstance(compiled, PackedRouter)
    return compiled


def sample(rng: np.random.Generator, n: int, router: RouterCircuit) -> tuple[Any, Any]:
    return rng.uniform(-3, 3, (n, router.n_inputs)), rng.uniform(-3, 3, router.n_weights)


def exact_noise(packed: PackedRouter, key: str, inputs: FloatArray, weights: FloatArray) -> Any:
    """Exact values under the noise of the slot, or the slots, in which each sample runs."""
    fake = packed.backend.device.name
    noisy = open_backend(f"noisy:{fake}", slots=packed.n_slots, seed=1).compile(packed.router)
    assert isinstance(noisy, PackedNoisyRouter)
    assert packed.slots is not None
    assert [s.qubits for s in noisy.slots] == [s.qubits for s in packed.slots]
    rows = Assignment.draw(singles(len(inputs)), packed.n_slots, key).points_RK
    sums, times = np.zeros((len(inputs), packed.router.n_outputs)), np.zeros((len(inputs), 1))
    for k, compiled in enumerate(noisy._compiled):
        values = compiled.expectations(inputs, weights).values
        np.add.at(sums, rows[:, k], values[rows[:, k]])
        np.add.at(times, rows[:, k], 1)
    return sums / times


@pytest.mark.parametrize("primitive", ["estimator", "sampler"])
def test_values(primitive: str, rng: np.random.Generator) -> None:
    router = angle_router(2, 1)
    options: dict[str, Any] = {} if primitive == "estimator" else {"primitive": primitive}
    backend = open_backend(
        "runtime:fake_lagos", slots=2, shots=SHOTS, seed=1, options=options or PLAIN
    )
    packed = backend.compile(router)
    assert isinstance(packed, PackedRouter)
    inputs, weights = sample(rng, 21, router)
    work = packed.work(inputs, weights)
    assert work.points_PG.shape == (11, 2 * 8)
    assert (len(work.observables), len(work.physical_qubits)) == (4, 4)
    assert work.circuit.num_qubits == 7
    found = packed.expectations(inputs, weights)
    distances = (found.values - exact_noise(packed, work.key, inputs, weights)) / found.std_errors
    for output in distances.T:  # the outputs come from the same shots
        assert chi2.sf((output**2).sum(), len(output)) > FAILURE / 4
        assert chi2.cdf((output**2).sum(), len(output)) > FAILURE / 4


@pytest.mark.parametrize("gradient", ["parameter-shift", "spsa"])
def test_both_points_of_a_difference_run_in_one_slot(
    gradient: str, rng: np.random.Generator
) -> None:
    """Angles of the two differ in one, or by twice the step, and their slots are the same."""
    router = angle_router(2, 1)
    packed = on_fake(router, gradient=gradient, spsa_directions=3)
    inputs, weights = sample(rng, 4, router)
    work = packed.gradient_work(inputs, weights)
    n_pairs = 4 * 8 if gradient == "parameter-shift" else 4 * 3
    assert len(work.points_PG) == n_pairs  # two rows of two slots per two pairs
    rows_R2G = work.points_PG.reshape(len(work.points_PG) // 2, 2, 2, 8)
    differences = rows_R2G[:, 0] - rows_R2G[:, 1]
    if gradient == "parameter-shift":
        assert ((np.abs(differences) > 1e-9).sum(axis=-1) == 1).all()
        assert np.abs(differences).max(axis=-1) == pytest.approx(np.pi)
    else:
        # An angle is an input or a weight: both steps of 0.2 rad, one to either side.
        assert np.abs(differences).max(axis=-1) == pytest.approx(0.4)
    kind: Kind = "shifts" if gradient == "parameter-shift" else "spsa"
    outcome = packed._outcome(kind, inputs, weights)
    wanted_PO = exact_at(packed, kind, packed._points(kind, inputs, weights), work.key)
    for output in ((outcome.values_PO - wanted_PO) / np.maximum(outcome.std_errors_PO, 1e-3)).T:
        assert chi2.sf((output**2).sum(), len(output)) > FAILURE / 4
    assert packed.jacobian(inputs, weights)[1].shape == (4, 2, 6)


def exact_at(packed: PackedRouter, kind: Kind, points_PG: FloatArray, key: str) -> FloatArray:
    """Exact values under the noise of the slots in which the points of a gradient run."""
    rotations, _ = router_of_rotations(packed.router)
    device = packed.backend.device.name
    rows = Assignment.draw(packed._groups(kind, len(points_PG), 1), packed.n_slots, key).points_RK
    sums, times = np.zeros((len(points_PG), packed.router.n_outputs)), np.zeros((len(points_PG), 1))
    assert packed.slots is not None
    for slot, column in zip(packed.slots, rows.T, strict=True):
        here = open_backend(f"noisy:{device}", qubits=slot.circuit.active).compile(rotations)
        for point in column:
            sums[point] += here.expectations(np.zeros((1, 0)), points_PG[point]).values[0]
            times[point] += 1
    return sums / times


def test_slots_are_part_of_the_key(rng: np.random.Generator) -> None:
    router = angle_router(2, 1)
    inputs, weights = sample(rng, 6, router)
    keys, points = set(), set()
    for settings in ({"slots": 2}, {"slots": "auto"}, {"slots": 2, "spacing": 0}, {}):
        for repetition in (0, 1):
            compiled = open_backend(
                "runtime:fake_lagos", seed=1, options={"repetition": repetition}, **settings
            ).compile(router)
            work = compiled.work(inputs, weights)  # type: ignore[attr-defined]
            keys.add(work.key)
            points.add((bool(settings), work.points_PG.tobytes()))
    assert len(keys) == 8
    # Repetitions of packed work draw other orders; unpacked work has one.
    assert len(points) == 7


def test_no_samples(rng: np.random.Generator) -> None:
    router = angle_router(2, 1)
    packed = on_fake(router)
    _, weights = sample(rng, 0, router)
    assert packed.expectations(np.zeros((0, 2)), weights).values.shape == (0, 2)
    assert packed.jacobian(np.zeros((0, 2)), weights)[1].shape == (0, 2, 6)


def test_as_many_bases_as_alone(rng: np.random.Generator) -> None:
    router = angle_router(2, 1).with_observables(
        [SparsePauliOp(["XY", "ZZ", "II"], [0.3, 1, 0.5]), "YI", {"IX": 2, "YX": 1}]
    )
    inputs, weights = sample(rng, 3, router)
    packed = on_fake(router, fake="fake_kolkata", slots=5, primitive="estimator")
    work = packed.work(inputs, weights)
    alone = open_backend("runtime:fake_kolkata", seed=1, options=PLAIN).compile(router)
    n_bases = len(measurement_bases(router.observables))
    assert len(measurement_bases(work.observables)) == n_bases == 3
    timing = device_timing(packed.backend.device.backend)
    costs = [
        estimate_work(each, timing, plan_limits(None))
        for each in (work, alone.work(inputs, weights))  # type: ignore[attr-defined]
    ]
    assert (costs[0].circuits, costs[1].circuits) == (n_bases, 3 * n_bases)
    found = packed.expectations(inputs, weights).values
    exact = open_backend("statevector").compile(router).expectations(inputs, weights).values
    assert np.abs(found - exact).max() < 0.5  # of values up to 3, under noise


def test_25_circuits_for_1000_samples(rng: np.random.Generator) -> None:
    router = angle_router(2, 3)
    backend = open_backend("runtime:fake_fez", slots="auto", seed=0, options=PLAIN)
    packed = backend.compile(router)
    assert isinstance(packed, PackedRouter)
    work = packed.work(*sample(rng, 1000, router))
    estimate = estimate_work(work, device_timing(backend.device.backend), plan_limits("open"))  # type: ignore[attr-defined]
    assert estimate.circuits <= 25
    assert estimate.executions <= 25 * 4096
    isa = packed.isa_circuit
    assert isa.num_qubits == 156
    assert len(isa.parameters) == 2 * packed.n_slots + 18


@pytest.fixture
def ibm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    with IBMService(["ibm_kolkata"], plan="premium") as service:
        for name, value in service.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("QMOE_LEDGER", str(tmp_path / "ledger.sqlite"))
        monkeypatch.setenv("HOME", str(tmp_path))
        yield service


def test_work_keeps_its_slots_when_the_calibration_changes(
    ibm: IBMService, rng: np.random.Generator
) -> None:
    """Paid work of three slots is read as that, whatever slots the device would have today."""
    router = angle_router(2, 1)
    inputs, weights = sample(rng, 7, router)
    settings: dict[str, Any] = {"shots": 64, "seed": 1, "options": PLAIN, "slots": "auto"}
    today = open_backend("runtime:ibm_kolkata", **settings, max_error=0.03).compile(router)
    tomorrow = open_backend("runtime:ibm_kolkata", **settings, max_error=0.04).compile(router)
    assert isinstance(today, PackedRouter)
    assert isinstance(tomorrow, PackedRouter)
    assert today.n_slots < tomorrow.n_slots
    found = today.expectations(inputs, weights)
    # The key does not hold the calibration.
    tomorrow._key = today._key  # type: ignore[method-assign]
    again = tomorrow.expectations(inputs, weights)
    assert len(ibm.jobs) == 1
    assert (again.values == found.values).all()
    assert (again.std_errors == found.std_errors).all()


def test_recorded_angles_must_be_those_of_the_request(
    ibm: IBMService, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another order, as of another version, is refused before wrong numbers are returned."""
    router = angle_router(2, 1)
    inputs, weights = sample(rng, 7, router)
    packed = open_backend("runtime:ibm_kolkata", shots=64, seed=1, options=PLAIN, slots=3).compile(
        router
    )
    packed.expectations(inputs, weights)
    monkeypatch.setattr(
        "qmoe_qiskit.backends.slots.assignment.permutation", lambda count, _: np.arange(count)
    )
    with pytest.raises(LedgerError, match="other angles in its slots"):
        packed.expectations(inputs, weights)
    assert len(ibm.jobs) == 1


def test_crosstalk_goes_on_in_the_slot_where_it_began(
    ibm: IBMService, rng: np.random.Generator
) -> None:
    router = angle_router(2, 1)
    inputs, weights = sample(rng, 10, router)
    packed = open_backend("runtime:ibm_kolkata", shots=64, seed=1, options=PLAIN, slots=3).compile(
        router
    )
    assert isinstance(packed, PackedRouter)
    assert packed.slots is not None
    alone, beside = packed.crosstalk_works(inputs, weights)
    assert alone.physical_qubits == packed.slots[0].qubits
    assert alone.points_PG == pytest.approx(beside.points_PG[:, :8])
    packed.backend.device.execute(alone)
    packed.__dict__["slots"] = packed.slots[::-1]  # another calibration, another order
    resumed, _ = packed.crosstalk_works(inputs, weights)
    assert resumed.physical_qubits == alone.physical_qubits
    packed.__dict__["slots"] = packed.slots[:2]  # those that were second and third
    with pytest.raises(InputError, match="no slot under today's calibration"):
        packed.crosstalk_works(inputs, weights)
    with Ledger() as ledger:
        assert ledger.work(beside.key) is None
    assert len(ibm.jobs) == 1


def test_a_recorded_layout_gives_the_same_circuit(rng: np.random.Generator) -> None:
    """The ledger has the packed circuit and the final qubits, from which the slots are parted."""
    router = angle_router(3, 1)
    packed = open_backend("runtime:fake_torino", seed=1, options=PLAIN, slots=3).compile(router)
    assert isinstance(packed, PackedRouter)
    work = packed.work(*sample(rng, 4, router))
    recorded = Layout(
        circuit=work.circuit, physical_qubits=work.physical_qubits, profile=None, placed=None
    )
    again = replace(packed.backend, layout=recorded).compile(router)
    assert isinstance(again, PackedRouter)
    assert (again.n_slots, again.slots, again.expected_error) == (3, None, None)
    assert again.physical_qubits == packed.physical_qubits
    assert again.isa_circuit.count_ops() == packed.isa_circuit.count_ops()
    inputs, weights = sample(rng, 4, router)
    assert (again.work(inputs, weights).points_PG == packed.work(inputs, weights).points_PG).all()
