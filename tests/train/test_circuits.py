"""Families of circuits in the classifier: trained, stored, and run elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qmoe_qiskit import QMoEClassifier
from qmoe_qiskit.circuits import CIRCUITS, angle_router
from qmoe_qiskit.data import load_dataset
from qmoe_qiskit.errors import InputError

SETTINGS: dict[str, Any] = {
    "n_layers": 2, "max_epochs": 1, "random_state": 0, "verbose": False, "n_experts": 2,
}  # fmt: skip


def rows() -> tuple[np.ndarray, np.ndarray]:
    moons = load_dataset("moons", n_samples=40)
    third_N1 = moons.features_NF[:, :1] * moons.features_NF[:, 1:]
    return np.hstack([moons.features_NF, third_N1]), moons.labels_N


@pytest.mark.parametrize("circuit", CIRCUITS.names)
def test_every_family_is_trained_and_stored(circuit: str, tmp_path: Path) -> None:
    x, y = rows()
    scaled = circuit != "amplitude"
    model = QMoEClassifier(
        circuit=circuit, input_scaling=scaled, initialization="identity-block", **SETTINGS
    ).fit(x, y)
    model.save(tmp_path / "model.safetensors")
    loaded = QMoEClassifier.load(tmp_path / "model.safetensors")
    assert loaded.get_params()["circuit"] == circuit
    assert loaded.get_params()["input_scaling"] == scaled
    np.testing.assert_array_equal(loaded.predict_proba(x), model.predict_proba(x))
    ((inputs_BF, weights_W),) = model.circuit_arguments(x)
    compiled = model.compiled_router
    assert compiled is not None
    assert inputs_BF.shape == (40, compiled.router.n_inputs)
    assert np.isfinite(compiled.expectations(inputs_BF, weights_W).values).all()
    if scaled:
        assert np.abs(weights_W[-3:] - 1).min() > 0  # the factors were trained


def test_a_stored_circuit_keeps_the_couplers_of_its_device(tmp_path: Path) -> None:
    x, y = rows()
    model = QMoEClassifier(
        circuit="hardware-efficient", backend="noisy:ibm_sherbrooke", n_layers=1, max_epochs=1,
        random_state=0, verbose=False,
    ).fit(x, y)  # fmt: skip
    model.save(tmp_path / "model.safetensors")
    there = QMoEClassifier.load(tmp_path / "model.safetensors", backend="noisy:ibm_fez")
    for one in (model, there):
        assert one.compiled_router is not None
        assert one.compiled_router.router.circuit.count_ops()["ecr"] == 2
    assert there.score(x, y) > 0.5


def test_the_defaults_are_recorded_as_before() -> None:
    recorded = QMoEClassifier().settings()
    assert not {"circuit", "input_scaling", "initialization"} & recorded.keys()
    recorded = QMoEClassifier(circuit="zz", input_scaling=True).settings()
    assert (recorded["circuit"], recorded["input_scaling"]) == ("zz", True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"circuit": "tree"}, "unknown circuit 'tree'"),
        ({"initialization": "zero"}, "unknown initialization 'zero'"),
        ({"input_scaling": 1}, "input_scaling must be True or False, got 1"),
        ({"n_layers": 3, "initialization": "identity-block"}, "must be even"),
        ({"router": angle_router(2, 1), "n_layers": 3, "circuit": "zz"}, "circuit='zz' would have"),
        ({"circuit": "amplitude", "reuploads": 2}, "reuploads=2 would have no effect"),
    ],
)
def test_bad_input(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        QMoEClassifier(**{**SETTINGS, **settings}).fit(*rows())
