"""Prequential learning: what is predicted when, drifts that are found, models that adapt."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from river.drift import ADWIN
from sklearn.base import clone

from qmoe_qiskit.adaptive import Stream, control_predictions
from qmoe_qiskit.data import load_dataset
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.train import QMoEClassifier

pytestmark = pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")
Rows = tuple[np.ndarray, np.ndarray]
CHANGE = 300


@pytest.fixture(scope="module")
def first() -> Rows:
    moons = load_dataset("moons", n_samples=200, seed=1)
    return moons.features_NF, moons.labels_N


@pytest.fixture(scope="module")
def rows() -> Rows:
    """Moons that are turned by half a turn around their middle from row 300 on."""
    moons = load_dataset("moons", n_samples=700, seed=2)
    features_NF = moons.features_NF.copy()
    features_NF[CHANGE:] = np.array([1.0, 0.5]) - features_NF[CHANGE:]
    return features_NF, moons.labels_N


@pytest.fixture(scope="module")
def model(first: Rows) -> QMoEClassifier:
    settings = {"max_epochs": 15, "learning_rate": 0.1, "random_state": 0, "verbose": False}
    return QMoEClassifier("mlp:8", **settings).fit(*first)


def test_never_is_the_model_itself(model: QMoEClassifier, rows: Rows) -> None:
    stream = Stream(model, policy="never")
    said = stream.learn(*rows)
    assert np.array_equal(said, model.predict(rows[0]))
    assert stream.report.correct == (said == rows[1]).tolist()
    assert stream.report.accuracy == pytest.approx(model.score(*rows), abs=1e-12)
    assert stream.model is model
    # The detector is River's own, fed with the errors.
    detector, drifts = ADWIN(delta=0.002), []
    for row, right in enumerate(stream.report.correct):
        detector.update(not right)
        if detector.drift_detected:
            drifts.append(row)
    assert stream.report.drifts == drifts
    assert CHANGE < drifts[0] < CHANGE + 100


def test_online_is_partial_fit_on_every_batch(model: QMoEClassifier, rows: Rows) -> None:
    X, y = rows[0][:100], rows[1][:100]
    before = {k: v.clone() for k, v in model.module_.state_dict().items()}
    stream = Stream(model, policy="online", batch_size=40)
    said = stream.learn(X, y)
    assert all(v.equal(before[k]) for k, v in model.module_.state_dict().items())
    settings = {**model.get_params(), "warm_start": False}
    by_hand = clone(model).set_params(**settings).fit(*_first_rows())
    expected = [by_hand.predict(X[:40])]
    expected.append(by_hand.partial_fit(X[:40], y[:40]).predict(X[40:80]))
    expected.append(by_hand.partial_fit(X[40:80], y[40:80]).predict(X[80:]))
    assert np.array_equal(said, np.concatenate(expected))


def _first_rows() -> Rows:
    moons = load_dataset("moons", n_samples=200, seed=1)
    return moons.features_NF, moons.labels_N


@pytest.mark.parametrize("policy", ["never", "online", "periodic:70", "detected"])
def test_how_rows_arrive_does_not_matter(model: QMoEClassifier, rows: Rows, policy: str) -> None:
    """At once, or in pieces of any size."""
    X, y = rows[0][200:420], rows[1][200:420]
    at_once, in_pieces = (Stream(model, policy=policy, window=60) for _ in range(2))
    said = at_once.learn(X, y)
    pieces = [in_pieces.learn(X[k : k + 37], y[k : k + 37]) for k in range(0, len(X), 37)]
    assert np.array_equal(said, np.concatenate(pieces))
    assert at_once.report == in_pieces.report


def test_periodic_is_a_fit_on_the_window(model: QMoEClassifier, rows: Rows) -> None:
    X, y = rows[0][:100], rows[1][:100]
    stream = Stream(model, policy="periodic:70", window=50)
    said = stream.learn(X, y)
    fresh = clone(model).fit(X[20:70], y[20:70])
    assert np.array_equal(said, np.concatenate([model.predict(X[:70]), fresh.predict(X[70:])]))
    assert stream.report.refits == [69]


def test_a_drift_is_found_and_learned(model: QMoEClassifier, rows: Rows) -> None:
    never, detected = Stream(model, policy="never"), Stream(model, window=150)
    never.learn(*rows)
    detected.learn(*rows)
    drift = detected.report.drifts[0]
    assert drift == never.report.drifts[0]
    assert detected.report.refits == [drift + size for size in (30, 60, 120, 150)]
    last = slice(drift + 150, None)
    gained = np.mean(detected.report.correct[last]) - np.mean(never.report.correct[last])
    assert gained > 0.1
    accuracies = detected.report.accuracies(100)
    assert accuracies[-1] == pytest.approx(np.mean(detected.report.correct[-100:]))
    assert accuracies[4] == pytest.approx(np.mean(detected.report.correct[:5]))


def test_rows_of_one_class_are_not_fitted(model: QMoEClassifier, rows: Rows) -> None:
    X = rows[0][rows[1] == 0][:120]
    stream = Stream(model, policy="periodic:40", window=40)
    stream.learn(X, np.zeros(len(X), dtype=int))
    assert stream.report.refits == []


def test_data_frames_keep_their_columns(first: Rows, rows: Rows) -> None:
    names = ["a", "b"]
    frame = pd.DataFrame(first[0], columns=names)
    model = QMoEClassifier("linear", max_epochs=2, random_state=0, verbose=False)
    model.fit(frame, first[1])
    arrived = pd.DataFrame(rows[0][:80], columns=names)
    for policy in ("online", "periodic:40"):
        stream = Stream(model, policy=policy)
        stream.learn(arrived, rows[1][:80])
        assert stream.model.feature_names_in_.tolist() == names
    with pytest.raises(ValueError, match="feature names should match"):
        Stream(model).learn(arrived.rename(columns={"b": "c"}), rows[1][:80])


def test_other_columns_and_labels_are_refused(model: QMoEClassifier, rows: Rows) -> None:
    stream = Stream(model)
    with pytest.raises(ValueError, match="X has 3 features"):
        stream.learn(np.zeros((4, 3)), rows[1][:4])
    with pytest.raises(InputError, match="label 7 of the stream is none of the model's classes"):
        stream.learn(rows[0][:4], [0, 1, 7, 0])
    assert stream.report.correct == []


def test_rows_without_labels_are_refused(model: QMoEClassifier, rows: Rows) -> None:
    for X, y in ((rows[0][:20], rows[1][:10]), (rows[0][:10], rows[1][:20])):
        stream = Stream(model, policy="never")
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            stream.learn(X, y)
        assert not stream.report.correct


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"policy": "often"}, "policy 'often' is not known"),
        ({"policy": "periodic:0"}, "policy 'periodic:0' is not known"),
        ({"detector": "adwim"}, "unknown detector 'adwim'.*'adwin'"),
        ({"detector": "adwin:2"}, "above 0 and at most 1 after the colon"),
        ({"detector": "adwin:x"}, "above 0 and at most 1 after the colon"),
        ({"window": 0}, "window"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_bad_settings(model: QMoEClassifier, settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Stream(model, **settings)  # type: ignore[arg-type]


def test_controls_predict_before_they_learn(first: Rows, rows: Rows) -> None:
    """Labels that come later change no prediction."""
    X, y = rows[0][:60], rows[1][:60]
    said = control_predictions("arf", first, X, y, seed=3)
    changed = y.copy()
    changed[50:] = 1 - changed[50:]
    assert np.array_equal(control_predictions("arf", first, X, changed, seed=3)[:51], said[:51])
    assert np.mean(said == y) > 0.8
    with pytest.raises(InputError, match="unknown control 'forest'"):
        control_predictions("forest", first, X, y, seed=0)


def test_without_the_extra(model: QMoEClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "river.drift", None)
    with pytest.raises(InputError, match='extra "adaptive"'):
        Stream(model)
