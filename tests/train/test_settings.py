"""Settings and data that are not accepted: a sentence that names them, and nothing half fitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.train import QMoEClassifier

Rows = tuple[np.ndarray, np.ndarray]

COUNTS = ("n_experts", "n_layers", "n_qubits", "reuploads", "max_epochs", "batch_size", "patience")
NO_COUNTS = (0, -1, 2.5, "2", True, [2])
BAD: list[tuple[str, Any, str]] = [
    *(
        (name, value, "must be a whole number of at least 1")
        for name in COUNTS
        for value in NO_COUNTS
    ),
    *((name, None, "must be a whole number") for name in COUNTS if name != "n_qubits"),
    ("n_qubits", 3, "but the data has 2 feature"),
    *(
        ("learning_rate", value, "must be a positive number")
        for value in (0, -0.1, np.nan, np.inf, "0.1", None, True, [0.1])
    ),
    *(
        ("validation_fraction", value, "must lie between 0 and 1")
        for value in (0, 1, -0.5, 1.5, np.nan, "0.1", None)
    ),
    *(("early_stopping", value, "must be True or False") for value in ("no", None, 1)),
    *(
        ("feature_range", value, "with low < high")
        for value in ((1, 0), (0, 0), (0, np.nan), (0, np.inf), (0,), (0, 1, 2), None, 3, "no")
    ),
    *(
        ("router", value, "known are fourier, linear, mlp:H, quadratic, quantum, rff:N")
        for value in ("quantun", "", None, 3, ["linear"])
    ),
    *(
        ("router", value, "needs its number of hidden units")
        for value in ("mlp", "mlp:", "mlp:x", "mlp:-1", "mlp:1.5", "mlp:²", "mlp:" + "9" * 5000)
    ),
    *(("router", value, "needs its number of waves") for value in ("rff", "rff:", "rff:-1")),
    *(("backend", value, "backend must be a name") for value in (None, 3)),
    ("backend", "qpu", "unknown backend 'qpu': known are "),
    *(("shots", value, "must be a whole number of at least 1") for value in NO_COUNTS),
    *(("mitigation", value, "known are none, readout") for value in ("twirling", None)),
    *(
        ("device_qubits", value, "must be None or numbers of qubits")
        for value in ("3", 3, [], [True], [1.5], ["3"])
    ),
    *(("rotation", value, "known are x, y, z") for value in ("w", None)),
    *(
        ("entanglement", value, "known are device, linear, none, ring, strong")
        for value in ("full", None)
    ),
    *(("readout", value, "known are expectations, probabilities") for value in ("x", None)),
    *(("random_state", value, "random_state must be") for value in (-1, 2**32, "a", 0.5)),
    *(("checkpoint", value, "must be a file's path or None") for value in (3, True)),
]


def describe(value: object) -> str:
    return repr(value)[:20]


@pytest.mark.parametrize(("name", "value", "says"), BAD, ids=describe)
def test_a_setting_that_is_not_accepted(moons: Rows, name: str, value: Any, says: str) -> None:
    model = QMoEClassifier(**{"max_epochs": 1, name: value})
    with pytest.raises(InputError) as caught:
        model.fit(*moons)
    message = str(caught.value)
    assert says in message
    assert name in message
    assert repr(value) in message
    with pytest.raises(NotFittedError):
        model.predict(moons[0])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"router": "mlp:0"}, "hidden units .* at least 1, got 0"),
        ({"readout": "probabilities", "n_experts": 5}, "5 experts .* 2 qubits have 4"),
        (
            {"router": angle_router(3, 1)},
            "circuit given as router takes 3 inputs, .* has 2 feature",
        ),
        ({"router": "fourier", "reuploads": 200}, "160801? |at most 100000"),
        ({"shots": 100}, "'statevector' is exact"),
        ({"backend": "noisy:ibm_tornio"}, "did you mean 'ibm_torino'"),
        ({"backend": "noisy:readout:0.02", "device_qubits": [3]}, "no device qubits to choose"),
        (
            {"backend": "noisy:ibmq_manila", "device_qubits": [4, 5]},
            r"\[5\] are not on ibmq_manila",
        ),
        ({"backend": "noisy:ibmq_manila", "device_qubits": [0, 4]}, "are not connected"),
        ({"backend": open_backend("statevector"), "shots": 100}, "is open already"),
        (
            {"early_stopping": True, "validation_fraction": 0.01},
            "validation_fraction=0.01 .* 59 and 1",
        ),
        (
            {"early_stopping": True, "validation_fraction": 0.99},
            "validation_fraction=0.99 .* 0 and 60",
        ),
    ],
    ids=describe,
)
def test_settings_that_do_not_fit_together(
    moons: Rows, settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        QMoEClassifier(**settings, max_epochs=1).fit(*moons)


@pytest.mark.parametrize("backend", ["abacus", "noisy:ibm_tornio", "noisy:readout:2"])
def test_backends_are_checked_where_the_router_has_no_circuit(moons: Rows, backend: str) -> None:
    with pytest.raises(InputError, match=r"abacus|ibm_torino|between 0 and 1, got 2"):
        QMoEClassifier("linear", backend=backend).fit(*moons)


@pytest.mark.parametrize("router", ["linear", "mlp:2"])
@pytest.mark.parametrize("name", ["rotation", "entanglement", "readout"])
def test_names_are_checked_where_the_router_has_no_use_for_them(
    moons: Rows, router: str, name: str
) -> None:
    with pytest.raises(InputError, match=f"unknown {name} 'nope'"):
        QMoEClassifier(router, **{name: "nope"}).fit(*moons)


def test_numbers_of_numpy_are_numbers(moons: Rows, tmp_path: Path) -> None:
    """As `GridSearchCV` passes them on from `np.arange`; a checkpoint can hold them."""
    model = QMoEClassifier(
        "linear",
        n_experts=np.int64(3),
        n_qubits=np.int32(2),
        max_epochs=np.int64(2),
        batch_size=np.uint8(8),
        learning_rate=np.float32(0.1),
        validation_fraction=np.float64(0.2),
        early_stopping=np.bool_(True),
        feature_range=np.array([0.0, 1.0]),
        checkpoint=tmp_path / "checkpoint",
        random_state=np.int64(3),
    ).fit(*moons)
    assert len(model.history_) == 2
    assert model.resume(*moons).settings()["n_experts"] == 3


def test_a_fit_that_fails_leaves_nothing_of_the_fit_before(moons: Rows) -> None:
    X, y = moons
    model = QMoEClassifier("linear", max_epochs=1).fit(X, y)
    model.set_params(max_epochs=0)
    with pytest.raises(InputError, match="max_epochs"):
        model.fit(X, np.arange(60) % 3)
    with pytest.raises(NotFittedError):
        model.predict(X)
    assert model.set_params(max_epochs=1).fit(X, y).predict(X).shape == (60,)


@pytest.mark.parametrize(
    ("value", "says"),
    [(np.nan, "contains NaN"), (np.inf, "contains infinity"), ("text", "could not convert")],
)
def test_features_that_are_no_numbers(moons: Rows, value: Any, says: str) -> None:
    X, y = moons
    broken = X.astype(object)
    broken[3, 1] = value
    with pytest.raises(ValueError, match=says):
        QMoEClassifier("linear").fit(broken, y)
    model = QMoEClassifier("linear", max_epochs=1).fit(X, y)
    with pytest.raises(ValueError, match=says):
        model.predict(broken)


def test_labels_that_are_none(moons: Rows) -> None:
    X, y = moons
    model = QMoEClassifier("linear", max_epochs=1)
    with pytest.raises(InputError, match="at least two classes, got one class, a"):
        model.fit(X, ["a"] * 60)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        model.fit(X, y + np.linspace(0, 0.5, 60))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X, y[:-1])
    with pytest.raises(ValueError, match="NaN"):
        model.fit(X, np.where(y, np.nan, 1.0))
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_early_stopping_needs_two_rows_of_every_class(moons: Rows) -> None:
    X, y = moons
    y = y.copy()
    y[0] = 2
    with pytest.raises(InputError, match="the smallest has 1"):
        QMoEClassifier("linear", early_stopping=True).fit(X, y)


@pytest.mark.parametrize("place", ["missing/checkpoint", "folder"])
def test_a_checkpoint_that_cannot_be_written_is_known_before_training(
    moons: Rows, tmp_path: Path, place: str
) -> None:
    (tmp_path / "folder").mkdir()
    model = QMoEClassifier("linear", max_epochs=10**9, checkpoint=tmp_path / place)
    with pytest.raises(InputError, match=f"checkpoint .*{place} cannot be written"):
        model.fit(*moons)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
