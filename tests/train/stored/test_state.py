"""A fitted model as plain data, and back: the same predictions, or a `RunError`."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save
from sklearn.datasets import make_moons
from sklearn.exceptions import NotFittedError

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.backends.given import spec_of
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.errors import InputError, OutOfRangeWarning, RunError
from qmoe_qiskit.noise_profiles import load_profile
from qmoe_qiskit.train import ModelState, QMoEClassifier, model_state, restore_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Rows = tuple[np.ndarray, np.ndarray]


def through_files(state: ModelState) -> ModelState:
    """What is left of a state behind JSON and safetensors."""
    return ModelState(
        config=json.loads(json.dumps(state.config, allow_nan=False)),
        tensors=load(save(state.tensors)),
        circuit=state.circuit,
        noise_profile=state.noise_profile,
    )


def fitted(rows: Rows, **settings: Any) -> QMoEClassifier:
    return QMoEClassifier(**{"max_epochs": 2, "random_state": 0, **settings}).fit(*rows)


MODELS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "circuit settings": {
        "n_layers": 1,
        "reuploads": 2,
        "rotation": "z",
        "entanglement": "ring",
        "n_experts": 3,
    },
    "probabilities": {"readout": "probabilities", "n_experts": 4},
    "three qubits": {"n_qubits": 3, "early_stopping": True, "validation_fraction": 0.2},
    "linear": {"router": "linear"},
    "quadratic": {"router": "quadratic", "n_qubits": 8},
    "mlp": {"router": "mlp:4", "feature_range": (-1, 1)},
    "fourier": {"router": "fourier", "n_qubits": 2, "reuploads": 2},
    "own circuit": {"router": angle_router(2, 1)},
    "own circuit's probabilities": {"router": angle_router(3, 1), "readout": "probabilities"},
    "open backend": {"backend": open_backend("statevector"), "n_qubits": 2},
    "noisy": {"backend": "noisy:ibm_perth", "n_qubits": 3, "n_layers": 1},
    "noisy on given qubits": {
        "backend": "noisy:ibmq_manila",
        "n_qubits": 2,
        "device_qubits": [1, 0],
        "mitigation": "readout",
    },
    "calibration": {"backend": load_profile("ibmq_manila").scale(2.0), "n_qubits": 2},
    "open noisy backend": {
        "backend": open_backend("noisy:ibmq_manila", mitigation="readout", seed=3, qubits=(2, 3)),
        "n_qubits": 2,
    },
    "noise without device": {"backend": "noisy:depolarizing:0.05", "n_qubits": 2},
    "classical beside a calibration": {
        "router": "linear",
        "backend": replace(load_profile("ibmq_manila"), device="lab"),
    },
}


@pytest.fixture(scope="module")
def model_of(wide: Rows) -> Callable[[str], QMoEClassifier]:
    return functools.cache(lambda name: fitted(wide, **MODELS[name]))


@pytest.mark.parametrize("name", MODELS)
def test_a_restored_model_predicts_the_same(
    model_of: Callable[[str], QMoEClassifier], name: str, assert_same: Callable[..., None]
) -> None:
    model = model_of(name)
    restored = restore_model(through_files(model_state(model)))
    assert_same(restored, model)
    X = model.feature_map_.minimum_F + np.random.default_rng(0).uniform(size=(9, 8)) * (
        model.feature_map_.maximum_F - model.feature_map_.minimum_F
    )
    np.testing.assert_array_equal(restored.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(restored.routing_weights(X), model.routing_weights(X))
    assert restored.n_parameters_ == model.n_parameters_
    assert restored.n_features_in_ == 8
    assert not restored.module_.training
    with pytest.warns(OutOfRangeWarning, match="1 of 1 rows"):
        restored.predict([model.feature_map_.maximum_F * 2 + 1])


@pytest.mark.parametrize("name", MODELS)
def test_a_restored_model_is_taken_apart_into_the_same_state(
    model_of: Callable[[str], QMoEClassifier], name: str
) -> None:
    state = model_state(model_of(name))
    again = model_state(restore_model(through_files(state)))
    assert again.config == state.config
    assert again.tensors.keys() == state.tensors.keys()


def test_a_restored_model_can_be_trained_anew(
    moons: Rows, assert_same: Callable[..., None]
) -> None:
    model = fitted(moons)
    restored = restore_model(model_state(model)).set_params(random_state=0)
    assert_same(restored.fit(*moons), model)


def test_a_state_does_not_change_with_the_model(moons: Rows) -> None:
    model = fitted(moons, router="linear")
    state = model_state(model)
    before = {name: tensor.clone() for name, tensor in state.tensors.items()}
    with torch.no_grad():
        for parameter in model.module_.parameters():
            parameter.add_(1)
    assert all(torch.equal(before[name], tensor) for name, tensor in state.tensors.items())
    restored = restore_model(state)
    with torch.no_grad():
        for parameter in restored.module_.parameters():
            parameter.add_(1)
    assert all(torch.equal(before[name], tensor) for name, tensor in state.tensors.items())


@pytest.mark.parametrize(
    "names",
    [
        np.array(["été", "hiver"]),
        np.array(["a", "b"], dtype=object),
        np.array([False, True]),
        np.array([-1, 1]),
        np.array([0, 255], dtype=np.uint8),
        np.array([0.0, 1.0]),
        np.array([0, 1], dtype=np.float32),
    ],
    ids=lambda names: str(names.dtype),
)
def test_labels_keep_their_type(moons: Rows, names: np.ndarray) -> None:
    X, codes = moons
    model = fitted((X, names[codes]), router="linear")
    labels, expected = (
        m.predict(X) for m in (restore_model(through_files(model_state(model))), model)
    )
    assert labels.tolist() == expected.tolist()
    assert {type(label) for label in labels.tolist()} == {type(n) for n in names.tolist()}
    if names.dtype.kind != "U":  # text comes back as objects of type str
        assert labels.dtype == names.dtype


def test_feature_names_are_kept(moons: Rows) -> None:
    frame = pd.DataFrame(moons[0], columns=["left", "right"])
    model = fitted((frame, moons[1]), router="linear")
    restored = restore_model(through_files(model_state(model)))
    np.testing.assert_array_equal(restored.predict_proba(frame), model.predict_proba(frame))
    with pytest.raises(ValueError, match="feature names should match"):
        restored.predict(frame.rename(columns={"left": "west"}))
    unnamed = restore_model(model_state(fitted(moons, router="linear")))
    assert not hasattr(unnamed, "feature_names_in_")


def test_a_model_that_is_not_fitted_has_no_state() -> None:
    with pytest.raises(NotFittedError):
        model_state(QMoEClassifier())


def test_the_calibration_is_kept_with_the_model(moons: Rows, tmp_path: Path) -> None:
    """Whatever becomes of the file; its name tells nothing of the machine."""
    file = tmp_path / "device.json"
    load_profile("ibmq_manila").drift(1).save(file)
    model = fitted(moons, backend=f"noisy:{file}")
    state = through_files(model_state(model))
    file.unlink()
    assert state.config["settings"]["backend"] == spec_of(load_profile("ibmq_manila").drift(1))
    assert str(tmp_path) not in str(state.config)
    np.testing.assert_array_equal(
        restore_model(state).predict_proba(moons[0]), model.predict_proba(moons[0])
    )


def test_shots_begin_anew_in_a_restored_model(moons: Rows) -> None:
    state = model_state(fitted(moons, backend="noisy:ibmq_manila"))
    one, other = (restore_changed(state, shots=40) for _ in range(2))
    first = one.predict_proba(moons[0])
    np.testing.assert_array_equal(other.predict_proba(moons[0]), first)
    assert (one.predict_proba(moons[0]) != first).any()
    assert restore_model(model_state(one)).shots == 40


def test_what_is_replaced_and_what_stays(moons: Rows) -> None:
    state = model_state(fitted(moons, backend="noisy:ibmq_manila", device_qubits=[1, 2]))
    with_shots = restore_changed(state, shots=10)
    assert with_shots.backend_.name == "noisy:ibmq_manila"
    assert set(with_shots.compiled_router.physical_qubits) == {1, 2}
    elsewhere = restore_changed(state, backend="noisy:ibm_torino", mitigation="readout")
    assert (elsewhere.shots, elsewhere.mitigation, elsewhere.device_qubits) == (
        None,
        "readout",
        None,
    )
    profile = load_profile("ibmq_manila").scale(0)
    np.testing.assert_allclose(
        restore_changed(state, backend=profile).predict_proba(moons[0]),
        restore_changed(state, backend="statevector").predict_proba(moons[0]),
        atol=1e-9,
    )
    six = np.random.default_rng(0).uniform(size=(20, 6)), np.arange(20) % 2
    wide_state = model_state(fitted(six, n_layers=1, max_epochs=1))
    with pytest.raises(InputError, match=r"^the router has 6 qubits, ibmq_manila has 5"):
        restore_changed(wide_state, backend="noisy:ibmq_manila")
    for other in ({"shots": 10}, {"backend": "noisy:ideal", "shots": 0}, {"mitigation": "x"}):
        with pytest.raises(InputError) as caught:
            restore_changed(model_state(fitted(moons)), **other)
        assert not isinstance(caught.value, RunError)


def test_models_from_before_there_was_noise(moons: Rows, assert_same: Callable[..., None]) -> None:
    model = fitted(moons)
    state = through_files(model_state(model))
    del state.config["backend_seed"]
    for name in ("shots", "mitigation", "device_qubits"):
        del state.config["settings"][name]
    assert_same(restore_model(state), model)


def test_another_backend(moons: Rows) -> None:
    state = model_state(fitted(moons))
    assert restore_changed(state, backend="statevector").predict(moons[0]).shape == (60,)
    with pytest.raises(InputError, match="unknown backend 'qpu': known are "):
        restore_changed(state, backend="qpu")


def restore_changed(state: ModelState, **changes: Any) -> QMoEClassifier:
    """Restore a model with parts of its choice of a backend replaced."""
    return restore_model(state, state.backend_spec().replaced(**changes))


@pytest.fixture(scope="module")
def states() -> list[ModelState]:
    rows = make_moons(40, noise=0.1, random_state=0)
    circuit = angle_router(2, 1)
    return [
        through_files(model_state(fitted(rows, **settings, max_epochs=1)))
        for settings in ({}, {"router": "linear", "n_qubits": 1}, {"router": circuit})
    ]


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 5),
    st.floats(),
    st.sampled_from(["", "x", "text", "float64", "int8", "linear", "mlp:3", "quantum", "M8[s]"]),
    st.lists(st.one_of(st.none(), st.integers(-2, 2), st.text("ab", max_size=2)), max_size=3),
    st.just({}),
    st.just([[0, 1], [1, 2]]),
)


def places(part: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to everything inside a JSON document."""
    if not isinstance(part, dict | list):
        return []
    keys = part.keys() if isinstance(part, dict) else range(len(part))
    return [path for key in keys for path in ((*at, key), *places(part[key], (*at, key)))]


# A model that was given feature names warns where it predicts from rows without any.
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@settings(max_examples=4 * settings().max_examples)
@given(data=st.data())
def test_a_changed_config_is_refused_or_harmless(
    states: list[ModelState], data: st.DataObject
) -> None:
    """Never another exception, and never a model that cannot predict."""
    state = data.draw(st.sampled_from(states))
    config = json.loads(json.dumps(state.config))
    *parents, last = data.draw(st.sampled_from(places(config)))
    parent = config
    for key in parents:
        parent = parent[key]
    if data.draw(st.booleans()):
        parent[last] = data.draw(VALUES)
    else:
        del parent[last]
    try:
        restored = restore_model(replace(state, config=config))
    except RunError:
        return
    inside = [(restored.feature_map_.minimum_F + restored.feature_map_.maximum_F) / 2]
    assert restored.predict_proba(inside).shape == (1, 2)
    assert np.isfinite(restored.predict_proba(inside)).all()
    assert restored.predict(inside).shape == (1,)


@pytest.mark.parametrize("config", [None, [], {}, "text", {"settings": None}, {"settings": {}}])
def test_a_config_that_is_none(states: list[ModelState], config: Any) -> None:
    with pytest.raises(RunError, match="the stored model"):
        restore_model(replace(states[0], config=config))


WRONG_TENSORS: list[Callable[[torch.Tensor], Any]] = [
    lambda tensor: tensor[:0],
    lambda tensor: tensor[..., None],
    lambda tensor: torch.cat([tensor, tensor]),
    lambda tensor: torch.full_like(tensor, torch.nan),
    lambda tensor: tensor[0],
]


@pytest.mark.parametrize("change", [None, *range(len(WRONG_TENSORS))])
def test_a_damaged_tensor_is_refused(states: list[ModelState], change: int | None) -> None:
    for state in states:
        for name, tensor in state.tensors.items():
            tensors = {k: v for k, v in state.tensors.items() if k != name}
            if change is not None:
                tensors[name] = WRONG_TENSORS[change](tensor)
            with pytest.raises(RunError, match="the stored model"):
                restore_model(replace(state, tensors=tensors))


def test_a_tensor_too_many_is_refused(states: list[ModelState]) -> None:
    tensors = {**states[0].tensors, "module/other": torch.ones(1)}
    with pytest.raises(RunError, match="other"):
        restore_model(replace(states[0], tensors=tensors))


@pytest.mark.parametrize(
    ("index", "change"),
    [(0, {"rotation": "y"}), (0, {"entanglement": "none"}), (1, {"router": "quantum"})],
    ids=str,
)
def test_settings_that_do_not_describe_the_stored_circuit(
    states: list[ModelState], index: int, change: dict[str, str]
) -> None:
    state = states[index]
    config = {**state.config, "settings": {**state.config["settings"], **change}}
    with pytest.raises(RunError, match="circuit is not the one"):
        restore_model(replace(state, config=config))


@pytest.mark.parametrize("circuit", [None, b"", b"QISKIT", b"\0" * 100], ids=repr)
def test_a_damaged_circuit_is_refused(states: list[ModelState], circuit: bytes | None) -> None:
    with pytest.raises(RunError, match="circuit"):
        restore_model(replace(states[2], circuit=circuit))
