"""Metrics and their intervals."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import log_loss

from qmoe_qiskit.data import load_dataset, split_dataset
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.runs.metrics import METRIC_NAMES, class_codes, measure
from qmoe_qiskit.stats.intervals import wilson_interval
from qmoe_qiskit.train import QMoEClassifier


@given(st.data())
def test_wilson_interval_is_scipys(data: st.DataObject) -> None:
    trials = data.draw(st.integers(1, 10_000))
    successes = data.draw(st.integers(0, trials))
    low, high = wilson_interval(successes, trials)
    theirs = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert 0 <= low <= successes / trials <= high <= 1


def test_wilson_interval_covers_as_often_as_it_says(rng: np.random.Generator) -> None:
    """Coverage of 95 % on average over shares; 4 sigma of 20 000 draws is 0.6 %."""
    shares = rng.uniform(size=20_000)
    hits = rng.binomial(125, shares)
    ends = [wilson_interval(int(k), 125) for k in hits]
    covered = np.mean([low <= p <= high for p, (low, high) in zip(shares, ends, strict=True)])
    assert covered == pytest.approx(0.95, abs=0.01)


@pytest.fixture(scope="module")
def measured_parts() -> tuple[QMoEClassifier, np.ndarray, np.ndarray]:
    split = split_dataset(load_dataset("moons", n_samples=60))
    model = QMoEClassifier("linear", n_experts=3, max_epochs=3, random_state=0)
    model.fit(split.train.features_NF, split.train.labels_N)
    return model, split.test.features_NF, split.test.labels_N


def test_metrics_are_what_their_names_say(
    measured_parts: tuple[QMoEClassifier, np.ndarray, np.ndarray],
) -> None:
    model, features_NF, labels_N = measured_parts
    features_NF = features_NF.copy()
    features_NF[0] = 100.0  # far outside: that is counted, not warned about
    metrics = measure(model, features_NF, labels_N, "some rows")

    inside_NF = np.clip(features_NF, model.feature_map_.minimum_F, model.feature_map_.maximum_F)
    with torch.no_grad():
        scaled_NF = torch.from_numpy(model.feature_map_.scale(features_NF))
        weights_NE = model.module_.router(scaled_NF).numpy()
        labels = model.classes_[model.module_(scaled_NF).argmax(dim=1).numpy()]
    values = {name: metric.value for name, metric in metrics.items()}
    assert set(values) <= METRIC_NAMES
    assert values["accuracy"] == np.mean(labels == labels_N)
    load_E = [float(np.mean(weights_NE.argmax(axis=1) == e)) for e in range(3)]
    assert values["expert_load"] == load_E
    entropy_N = -np.sum(weights_NE * np.log(weights_NE), axis=1)
    assert values["routing_entropy"] == pytest.approx(entropy_N.mean())
    assert 0 <= values["routing_entropy"] <= np.log(3)
    assert values["rows_outside_range"] == np.sum(np.any(inside_NF != features_NF, axis=1)) >= 1
    assert {metric.produced_by for metric in metrics.values()} == {"some rows"}


def test_cross_entropy_and_its_interval(
    measured_parts: tuple[QMoEClassifier, np.ndarray, np.ndarray],
) -> None:
    model, _, _ = measured_parts
    features_NF = model.feature_map_.minimum_F + np.linspace(0.1, 0.9, 7)[:, None] * (
        model.feature_map_.maximum_F - model.feature_map_.minimum_F
    )
    labels_N = np.array([0, 1, 0, 1, 0, 1, 1])
    metric = measure(model, features_NF, labels_N, "rows")["cross_entropy"]
    probabilities_NC = model.predict_proba(features_NF)
    assert metric.value == pytest.approx(log_loss(labels_N, probabilities_NC))
    losses_N = -np.log(probabilities_NC[np.arange(7), labels_N])
    reach = 1.959964 * losses_N.std(ddof=1) / np.sqrt(7)
    assert metric.uncertainty is not None
    assert metric.uncertainty.high - metric.number == pytest.approx(reach, rel=1e-6)


def test_single_row_has_no_interval_of_a_mean(
    measured_parts: tuple[QMoEClassifier, np.ndarray, np.ndarray],
) -> None:
    model, features_NF, labels_N = measured_parts
    metrics = measure(model, features_NF[:1], labels_N[:1], "a row")
    assert metrics["cross_entropy"].uncertainty is None
    assert metrics["accuracy"].uncertainty is not None


def test_unknown_label_is_named() -> None:
    with pytest.raises(InputError, match=r"label 'c' is none of the model's classes.*'a', 'b'"):
        class_codes(np.array(["a", "b"]), np.array(["a", "c"]))


def test_labels_are_compared_as_text() -> None:
    assert class_codes(np.array(["1", "2", "x"]), np.array([2, 1])).tolist() == [1, 0]
    assert class_codes(np.array([False, True]), np.array([True, False])).tolist() == [1, 0]
