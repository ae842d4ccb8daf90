"""Training and predicting under noise, exactly and from shots."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from qiskit_aer.noise import NoiseModel, depolarizing_error
from qiskit_ibm_runtime.fake_provider import FakeManilaV2
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from qmoe_qiskit.backends import BackendSpec, open_backend
from qmoe_qiskit.backends.given import spec_of
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.noise_profiles import list_profiles, load_profile
from qmoe_qiskit.runs.provenance import execution_of
from qmoe_qiskit.train import QMoEClassifier, model_state, restore_model
from qmoe_qiskit.train.execution import label_of
from qmoe_qiskit.train.fingerprint import ADDED, check_identity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Rows = tuple[np.ndarray, np.ndarray]

TORINO = "noisy:ibm_torino"
MANILA = "noisy:ibmq_manila"


def quick(**settings: Any) -> QMoEClassifier:
    return QMoEClassifier(**{"max_epochs": 2, "n_layers": 1, "random_state": 0, **settings})


@pytest.fixture(scope="module")
def few(moons: Rows) -> Rows:
    return moons[0][:16], moons[1][:16]


def test_a_router_learns_under_the_noise_of_a_device(moons: Rows) -> None:
    model = QMoEClassifier(backend=TORINO, max_epochs=15, learning_rate=0.1, random_state=0)
    losses = [epoch["train_loss"] for epoch in model.fit(*moons).history_]
    assert losses[-1] < 0.6 * losses[0]
    assert model.score(*moons) > 0.85
    compiled = model.compiled_router
    assert compiled is not None
    assert compiled.isa_circuit.num_qubits == 133
    assert len(set(compiled.physical_qubits)) == 2


def test_training_sees_the_noise(moons: Rows, assert_same: Callable[..., None]) -> None:
    ideal = quick().fit(*moons)
    losses = {
        factor: quick(backend=load_profile("ibmq_manila").scale(factor)).fit(*moons).history_
        for factor in (0.0, 1.0, 3.0)
    }
    for ours, theirs in zip(losses[0.0], ideal.history_, strict=True):
        assert ours["train_loss"] == pytest.approx(theirs["train_loss"], abs=1e-9)
    deviations = [abs(losses[k][-1]["train_loss"] - losses[0.0][-1]["train_loss"]) for k in (1, 3)]
    assert 1e-4 < deviations[0] < deviations[1]
    assert_same(quick(backend=MANILA).fit(*moons), quick(backend=MANILA).fit(*moons))


def test_a_calibration_is_a_backend_as_its_name_is(
    moons: Rows, assert_same: Callable[..., None]
) -> None:
    profile = load_profile("ibmq_manila")
    by_name = quick(backend=MANILA).fit(*moons)
    by_profile = clone(quick(backend=profile)).fit(*moons)
    opened = quick(backend=open_backend(MANILA)).fit(*moons)
    assert_same(by_profile, by_name)
    assert_same(opened, by_name)
    assert by_profile.settings() == by_name.settings() == opened.settings()
    assert "ibmq_manila" in repr(by_profile)


def test_every_bundled_profile_has_its_devices_name() -> None:
    """So that what is called noisy:NAME in records is what opens again by that name."""
    for name in list_profiles():
        assert label_of(load_profile(name)) == label_of(f"noisy:{name}") == f"noisy:{name}"


def test_other_calibrations_are_named_by_their_content(few: Rows, tmp_path: Path) -> None:
    """A name in records that opens a backend opens the one that ran; any other says which ran."""
    later = load_profile("ibmq_manila").drift(3)
    later.save(tmp_path / "ibmq_manila.json")
    by_file = quick(backend=f"noisy:{tmp_path}/ibmq_manila.json", max_epochs=1).fit(*few)
    for model in (by_file, restore_model(model_state(by_file)), quick(backend=later)):
        name = model.settings()["backend"]
        assert name == f"noisy:<ibmq_manila of 2024-05-28, hash {later.content_hash[:12]}>"
    with pytest.raises(InputError, match="names what was given"):
        open_backend(name)
    execution = execution_of(restore_model(model_state(by_file)))
    assert execution is not None
    assert execution.backend == name
    assert by_file.backend_.name == f"noisy:{tmp_path}/ibmq_manila.json"


def test_a_fakes_calibration_keeps_its_name_as_long_as_it_opens_it(few: Rows) -> None:
    model = quick(backend="noisy:fake_manila", max_epochs=1).fit(*few)
    state = model_state(model)
    assert restore_model(state).backend_.name == model.backend_.name == "noisy:fake_manila"
    newer = load_profile("ibmq_manila").drift(3)
    moved = restore_model(replace(state, noise_profile=newer.dumps().encode()))
    assert moved.backend_.name == spec_of(newer)
    gone = replace(state, config={**state.config, "settings": dict(state.config["settings"])})
    gone.config["settings"]["backend"] = "noisy:fake_atlantis"
    assert restore_model(gone).backend_.noise == model.backend_.noise


def test_objects_of_qiskit_are_backends_of_a_classifier(few: Rows) -> None:
    fake = quick(backend=FakeManilaV2(), shots=50, max_epochs=1).fit(*few)
    assert fake.settings()["backend"] == "runtime:fake_manila"
    assert restore_model(model_state(fake)).backend_.name == "runtime:fake_manila"
    noise = NoiseModel(["cz", "rz", "sx"])
    noise.add_all_qubit_quantum_error(depolarizing_error(0.02, 2), "cz")
    model = clone(quick(backend=noise, max_epochs=1)).fit(*few)
    assert model.settings()["backend"].startswith("noisy:<Aer noise model, hash ")
    with pytest.raises(RunError, match="names what was given as an object"):
        restore_model(model_state(model))
    elsewhere = restore_model(model_state(model), BackendSpec(backend=noise))
    np.testing.assert_array_equal(elsewhere.predict_proba(few[0]), model.predict_proba(few[0]))


def test_checkpoints_that_name_a_calibration_otherwise_are_resumed() -> None:
    """Earlier versions called any calibration by its device; its hash decides."""
    now = {"seed": 0, "data": "d", "runtime_options": None, "noise_profile": "one"}
    settings = {**ADDED, "balance_weight": 0.0}
    check_identity(
        {**now, "settings": {**settings, "backend": "noisy:ibmq_manila"}},
        {**now, "settings": {**settings, "backend": "noisy:<ibmq_manila of 2024-05-28>"}},
    )
    with pytest.raises(RunError, match="another calibration"):
        check_identity(
            {**now, "noise_profile": "two", "settings": {**settings, "backend": "noisy:a"}},
            {**now, "settings": {**settings, "backend": "noisy:a"}},
        )


def test_the_settings_reach_the_device(moons: Rows) -> None:
    plain = quick(backend=MANILA).fit(*moons)
    on_others = quick(backend=MANILA, device_qubits=np.array([1, 0])).fit(*moons)
    corrected = quick(backend=MANILA, mitigation="readout").fit(*moons)
    assert set(on_others.compiled_router.physical_qubits) == {0, 1}
    assert on_others.settings()["device_qubits"] == [1, 0]
    assert set(plain.compiled_router.physical_qubits) != {0, 1}
    assert corrected.history_ != plain.history_


def test_a_grid_search_over_backends(moons: Rows) -> None:
    backends = ["statevector", MANILA, load_profile("ibmq_manila").scale(20)]
    search = GridSearchCV(quick(), {"backend": backends}, cv=2, scoring="neg_log_loss")
    with pytest.warns(Warning, match="outside the range"):
        search.fit(*moons)
    assert len(set(search.cv_results_["mean_test_score"])) == 3
    assert search.best_estimator_.predict(moons[0]).shape == (60,)


@pytest.mark.parametrize("shots", [None, 30])
@pytest.mark.parametrize("copier", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])  # noqa: S301
def test_a_copy_goes_on_as_the_model_would(
    few: Rows,
    shots: int | None,
    copier: Callable[..., QMoEClassifier],
    assert_same: Callable[..., None],
) -> None:
    """From where the shots of the model are."""
    model = quick(backend=MANILA, shots=shots, max_epochs=1).fit(*few)
    copied = copier(model)
    np.testing.assert_array_equal(copied.predict_proba(few[0]), model.predict_proba(few[0]))
    assert_same(copied.fit(*few), model)


def test_training_from_shots_repeats(few: Rows, assert_same: Callable[..., None]) -> None:
    def fitted(seed: int) -> QMoEClassifier:
        return quick(backend=MANILA, shots=256, random_state=seed).fit(*few)

    one, other = fitted(3), fitted(3)
    assert_same(one, other)
    first = one.predict_proba(few[0])
    np.testing.assert_array_equal(other.predict_proba(few[0]), first)
    assert (one.predict_proba(few[0]) != first).any()
    assert fitted(4).history_ != one.history_
    exact = quick(backend=MANILA, random_state=3).fit(*few)
    assert one.history_ != exact.history_
    assert one.history_[0]["train_loss"] == pytest.approx(exact.history_[0]["train_loss"], rel=0.2)


def test_probabilities_and_weights_are_of_the_same_shots(few: Rows) -> None:
    model = quick(backend=MANILA, shots=20).fit(*few)
    probabilities_NC, weights_NE = model.predict_routed(few[0])
    with torch.no_grad():
        scaled_NF = torch.from_numpy(model.feature_map_.scale(few[0]))
        outputs_NEC = torch.stack([expert(scaled_NF) for expert in model.module_.experts], dim=1)
        mixed_NC = (torch.from_numpy(weights_NE)[:, :, None] * outputs_NEC).sum(dim=1)
    np.testing.assert_allclose(probabilities_NC, torch.softmax(mixed_NC, dim=1).numpy(), atol=1e-12)
    assert (model.predict_routed(few[0])[1] != weights_NE).any()
    assert not model.module_.router._forward_hooks


def test_a_classical_router_has_no_circuit(few: Rows) -> None:
    model = quick(router="linear", backend=MANILA, shots=10).fit(*few)
    assert model.compiled_router is None
    np.testing.assert_array_equal(model.predict_proba(few[0]), model.predict_proba(few[0]))
