"""A profile's target and noise model are those of the device it was captured from."""

from __future__ import annotations

import copy
import pickle
from typing import Any, NoReturn

import numpy as np
import pytest
from qiskit.providers import BackendV2, Options
from qiskit.quantum_info import SuperOp
from qiskit.transpiler import Target
from qiskit_aer.noise import NoiseModel, QuantumError
from qiskit_ibm_runtime import fake_provider
from qiskit_ibm_runtime.fake_provider.fake_backend import FakeBackendV2

from qmoe_qiskit.noise_profiles import NoiseProfile, list_profiles, load_profile

TOLERANCE = 1e-12
NOT_NOISY_GATES = {"measure", "delay"}
# Control flow is not stored, and these variants are not among Qiskit's standard gates.
NOT_STORED = {"if_else", "for_loop", "switch_case", "while_loop", "measure_2", "reset_2"}


def fake_of(profile: NoiseProfile) -> FakeBackendV2:
    _, place = profile.device.split("_")
    kinds = vars(fake_provider)
    name = f"Fake{place.capitalize()}"
    return (kinds.get(f"{name}V2") or kinds[name])()


class Part(BackendV2):
    """Some qubits of a device, described by its own target; without dead couplers."""

    def __init__(self, whole: Target, qubits: list[int], dead: set[tuple[int, ...]]) -> None:
        super().__init__(name="part")
        new = {old: number for number, old in enumerate(qubits)}
        self._part = Target(
            num_qubits=len(qubits),
            dt=whole.dt,
            qubit_properties=[whole.qubit_properties[q] for q in qubits],
        )
        for name in set(whole.operation_names) - NOT_STORED:
            places = {
                tuple(new[q] for q in place): properties
                for place, properties in whole[name].items()
                if new.keys() >= set(place) and place not in dead
            }
            if places:
                self._part.add_instruction(whole.operation_from_name(name), places, name=name)

    @property
    def target(self) -> Target:
        return self._part

    @property
    def max_circuits(self) -> None:
        return None

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(self, run_input: object, **options: object) -> NoReturn:
        raise NotImplementedError


def some_region(profile: NoiseProfile, n_qubits: int, rng: np.random.Generator) -> list[int]:
    """Connected qubits, grown from a random coupler."""
    pairs = {pair for a, b in profile.couplings for pair in ((a, b), (b, a))}
    region = list(profile.couplings[rng.integers(len(profile.couplings))])
    while len(region) < n_qubits:
        border = sorted({b for a, b in pairs if a in region} - set(region))
        region.append(border[rng.integers(len(border))])
    return region


def is_same_mixture(found: QuantumError, expected: QuantumError) -> bool:
    """Whether equal circuits have equal probabilities, which takes less time than the channels.

    No entry of a circuit's channel is larger than 1.
    """
    one, other = (
        [
            [
                (step["name"], step["qubits"], np.array(step.get("params", [])).tolist())
                for step in c
            ]
            for c in error.to_dict()["instructions"]
        ]
        for error in (found, expected)
    )
    off = np.subtract(found.probabilities, expected.probabilities) if one == other else np.inf
    return bool(np.abs(off).sum() <= TOLERANCE)


def assert_same_channels(ours: NoiseModel, reference: NoiseModel) -> None:
    assert ours._local_quantum_errors.keys() == reference._local_quantum_errors.keys()
    for name, places in reference._local_quantum_errors.items():
        assert ours._local_quantum_errors[name].keys() == places.keys()
        for place, expected in places.items():
            found = ours._local_quantum_errors[name][place]
            if not is_same_mixture(found, expected):
                assert np.abs(SuperOp(found).data - SuperOp(expected).data).max() <= TOLERANCE
    assert not ours._default_quantum_errors
    assert not reference._default_quantum_errors


def assert_same_delay_noise(ours: NoiseModel, reference: NoiseModel) -> None:
    (found,), (expected,) = ours._custom_noise_passes, reference._custom_noise_passes
    assert found._dt == expected._dt
    assert found._ops == expected._ops
    for name in ("_t1s", "_t2s", "_p1s"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def assert_calibrated_readout(ours: NoiseModel, fake: FakeBackendV2, qubits: list[int]) -> None:
    properties = fake.properties()
    assert len(ours._local_readout_errors) == len(qubits)
    for number, qubit in enumerate(qubits):
        values = properties.qubit_property(qubit)
        wrong_0, wrong_1 = values["prob_meas1_prep0"][0], values["prob_meas0_prep1"][0]
        expected = [[1 - wrong_0, wrong_0], [wrong_1, 1 - wrong_1]]
        found = ours._local_readout_errors[(number,)].probabilities
        np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


# One device of each generation; `make trials` takes all.
KEPT = {"ibm_fez", "ibm_lagos", "ibm_torino", "ibmq_manila"}
DEVICES = [
    pytest.param(name, marks=() if name in KEPT else pytest.mark.trial) for name in list_profiles()
]


@pytest.mark.parametrize(
    "name",
    ["ibmq_manila", "ibm_lagos", pytest.param("ibmq_kolkata", marks=pytest.mark.trial)],
)
def test_whole_device(name: str) -> None:
    profile = load_profile(name)
    fake = fake_of(profile)
    ours, reference = profile.to_noise_model(), NoiseModel.from_backend(fake)
    assert_same_channels(ours, reference)
    assert_same_delay_noise(ours, reference)
    assert_calibrated_readout(ours, fake, list(range(profile.n_qubits)))
    assert set(ours.basis_gates) == set(reference.basis_gates) - NOT_STORED


@pytest.mark.parametrize("name", DEVICES)
def test_every_gate_and_a_region_of_every_device(name: str, rng: np.random.Generator) -> None:
    profile = load_profile(name)
    fake = fake_of(profile)
    assert_same_target(profile, fake.target)
    region = some_region(profile, min(5, profile.n_qubits), rng)
    ours = profile.subset(region).to_noise_model()
    dead = {repair.qubits for repair in profile.repairs if len(repair.qubits) == 2}
    reference = NoiseModel.from_backend(Part(fake.target, region, dead))
    assert_same_channels(ours, reference)
    assert_same_delay_noise(ours, reference)
    assert_calibrated_readout(ours, fake, region)


def assert_same_target(profile: NoiseProfile, theirs: Target) -> None:
    """Aer makes each channel from these numbers alone, so equal numbers are equal channels."""
    ours = profile.to_target()
    assert (ours.num_qubits, ours.dt) == (theirs.num_qubits, theirs.dt)
    assert set(ours.operation_names) == set(theirs.operation_names) - NOT_STORED
    dead_qubits = {q.qubit for q in profile.qubits if not q.operational}
    dead_gates = {(repair.item, repair.qubits) for repair in profile.repairs}
    for name in ours.operation_names:
        for place, expected in theirs[name].items():
            if dead_qubits & set(place) or (name, place) in dead_gates:
                assert place not in ours[name]
                continue
            found = ours[name][place]
            if name not in NOT_NOISY_GATES:
                assert (found.error, found.duration) == (expected.error, expected.duration)
        assert ours[name].keys() <= theirs[name].keys()
    changed = {r.qubits[0] for r in profile.repairs if (r.action, r.item) == ("changed", "T2")}
    for qubit, (found, expected) in enumerate(
        zip(ours.qubit_properties, theirs.qubit_properties, strict=True)
    ):
        assert (found.t1, found.frequency) == (expected.t1, expected.frequency)
        assert found.t2 == (2 * expected.t1 if qubit in changed else expected.t2)
        assert (qubit in changed) == bool(expected.t2 and expected.t2 > 2 * expected.t1)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])  # noqa: S301
def test_readout_stays_asymmetric_in_a_copied_target(lagos: NoiseProfile, copied: Any) -> None:
    measure = copied(lagos.to_target())["measure"]
    for qubit in lagos.qubits:
        properties = measure[(qubit.qubit,)]
        assert properties.prob_meas1_prep0 == qubit.p_meas1_prep0
        assert properties.prob_meas0_prep1 == qubit.p_meas0_prep1
        assert properties.error == qubit.readout_error
        assert properties.duration == qubit.readout_length
