"""Slots as a setting of the classifier: evaluated in slots, saved with the model, and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.backends.slots.noisy import PackedNoisyRouter
from qmoe_qiskit.data import Dataset, load_dataset
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.train import QMoEClassifier

DEVICE = "noisy:ibmq_kolkata"
SLOTS = 3


@pytest.fixture(scope="module")
def moons() -> Dataset:
    return load_dataset("moons", n_samples=30)


def classifier(**settings: Any) -> QMoEClassifier:
    given = {"n_layers": 1, "max_epochs": 1, "backend": DEVICE, "random_state": 2}
    return QMoEClassifier(**{**given, **settings}, verbose=False)


def test_rows_run_in_slots_and_the_model_keeps_them(moons: Dataset, tmp_path: Path) -> None:
    """Each row has the value of one slot by itself, from the backend of its qubits."""
    model = classifier(slots=SLOTS).fit(moons.features_NF, moons.labels_N)
    packed: Any = model.compiled_router
    assert isinstance(packed, PackedNoisyRouter)
    assert packed.n_slots == SLOTS
    (arguments,) = model.circuit_arguments(moons.features_NF)
    found_NO = packed.expectations(*arguments).values
    alone_KNO = [
        open_backend(DEVICE, qubits=slot.circuit.active)
        .compile(packed.router)
        .expectations(*arguments)
        .values
        for slot in packed.slots
    ]
    nearest_KN = np.abs(np.array(alone_KNO) - found_NO).max(axis=2)
    assert nearest_KN.min(axis=0).max() < 1e-9
    assert len(set(nearest_KN.argmin(axis=0))) == SLOTS
    model.save(tmp_path / "model")
    loaded = QMoEClassifier.load(tmp_path / "model")
    assert loaded.slots == SLOTS
    wanted_NC = model.predict_proba(moons.features_NF)
    np.testing.assert_array_equal(loaded.predict_proba(moons.features_NF), wanted_NC)
    elsewhere = QMoEClassifier.load(tmp_path / "model", backend="statevector")
    assert elsewhere.slots is None


def test_an_open_backend_is_saved_with_its_slots(moons: Dataset, tmp_path: Path) -> None:
    backend = open_backend(DEVICE, slots=SLOTS, seed=2)
    model = classifier(backend=backend).fit(moons.features_NF, moons.labels_N)
    model.save(tmp_path / "model")
    loaded = QMoEClassifier.load(tmp_path / "model")
    assert isinstance(loaded.compiled_router, PackedNoisyRouter)
    np.testing.assert_array_equal(
        loaded.predict_proba(moons.features_NF), model.predict_proba(moons.features_NF)
    )


def test_settings_without_slots_are_as_before() -> None:
    assert "slots" not in classifier().settings()


@pytest.mark.parametrize("other", [{"slots": 2}, {"slots": SLOTS, "spacing": 2}])
def test_another_backend_resumes_no_training(
    other: dict[str, Any], moons: Dataset, tmp_path: Path
) -> None:
    def on(**slots: Any) -> QMoEClassifier:
        backend = open_backend(DEVICE, seed=2, **slots)
        return classifier(backend=backend, checkpoint=tmp_path / "checkpoint")

    on(slots=SLOTS).fit(moons.features_NF, moons.labels_N)
    with pytest.raises(RunError, match="made with slots"):
        on(**other).set_params(max_epochs=2).resume(moons.features_NF, moons.labels_N)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"slots": 0}, "slots must be 'auto' or a number of at least 1, got 0"),
        ({"slots": 2, "backend": "statevector"}, "no device to pack slots on"),
        ({"slots": 99}, "holds at most"),
        (
            {"slots": 2, "backend": "runtime:fake_manila", "hardware_training": {"max_steps": 1}},
            "set its slots",
        ),
    ],
)
def test_refused_before_training(settings: dict[str, Any], said: str, moons: Dataset) -> None:
    with pytest.raises(InputError, match=said):
        classifier(**settings).fit(moons.features_NF, moons.labels_N)
