"""Kernels of circuits: against Qiskit, against what theory says, and machines on them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from qiskit_machine_learning.kernels import FidelityStatevectorKernel
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.svm import SVC

from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.studies.kernel.gram import (
    SplitPoints,
    centred_alignment,
    circuit_kernel,
    eigenvalues,
    gram_rank,
    linear_kernel,
    participation,
    pauli_features,
    rbf_kernel,
    tuned_machine,
)


@pytest.mark.parametrize("rotation", ["x", "y", "z"])
@pytest.mark.parametrize(("n_features", "uploads"), [(1, 3), (2, 1), (2, 2), (3, 2)])
def test_gram_matrix_is_qiskits(
    rng: np.random.Generator, rotation: str, n_features: int, uploads: int
) -> None:
    circuit = angle_router(n_features, 2, rotation=rotation, reuploads=uploads)
    weights_W = rng.uniform(-np.pi, np.pi, circuit.n_weights)
    rows, columns = (rng.uniform(0, np.pi, (n, n_features)) for n in (6, 4))
    bound = circuit.circuit.assign_parameters(dict(zip(circuit.weights, weights_W, strict=True)))
    expected = FidelityStatevectorKernel(feature_map=bound).evaluate(rows, columns)
    gram = circuit_kernel("", circuit, weights_W).gram(1.0, rows, columns)
    np.testing.assert_allclose(gram, expected, atol=1e-12)


@pytest.mark.parametrize("entanglement", ["strong", "none"])
def test_one_upload_is_a_product_that_no_training_changes(
    rng: np.random.Generator, entanglement: str
) -> None:
    circuit = angle_router(3, 2, entanglement=entanglement)
    rows, columns = (rng.uniform(0, np.pi, (n, 3)) for n in (5, 4))
    kernel = circuit_kernel("", circuit, rng.uniform(-3, 3, circuit.n_weights), (1.0, 0.5))
    for bandwidth in kernel.parameters:
        gaps = bandwidth * (rows[:, None] - columns[None])
        expected = np.prod(np.cos(gaps / 2) ** 2, axis=-1)
        np.testing.assert_allclose(kernel.gram(bandwidth, rows, columns), expected, atol=1e-13)


def test_features_are_expectation_values(rng: np.random.Generator) -> None:
    """The feature of ZI is that of qubit 1: the router's own output, up to the factor."""
    circuit = angle_router(2, 2, reuploads=2)
    weights_W, inputs_BF = rng.uniform(-3, 3, circuit.n_weights), rng.uniform(0, 3, (7, 2))
    from qmoe_qiskit.backends import open_backend

    values = open_backend("statevector").compile(circuit).expectations(inputs_BF, weights_W).values
    features = pauli_features(circuit, inputs_BF, weights_W)
    z_of = [3, 3 * 4]  # letter Z is 3, qubit k is digit k in base 4
    np.testing.assert_allclose(2 * features[:, z_of], values, atol=1e-12)
    np.testing.assert_allclose(np.sum(features**2, axis=1), 1)  # pure states


@pytest.mark.parametrize(
    ("n_features", "uploads", "expected"),
    [
        (1, 1, 3), (2, 1, 9), (3, 1, 27),  # (2L + 1)^F
        (1, 2, 4), (2, 2, 16), (2, 3, 16),  # 4^n, which is smaller
    ],
)  # fmt: skip
def test_rank_of_the_gram_matrix(
    rng: np.random.Generator, n_features: int, uploads: int, expected: int
) -> None:
    circuit = angle_router(n_features, 3, reuploads=uploads)
    points = rng.uniform(-np.pi, np.pi, (60, n_features))
    kernel = circuit_kernel("", circuit, rng.uniform(-3, 3, circuit.n_weights))
    values_N = eigenvalues(kernel.gram(1.0, points, points))
    assert gram_rank(values_N) == expected
    assert values_N.sum() == pytest.approx(1)
    assert 1 <= participation(values_N) <= expected


def test_rank_and_participation_of_matrices_that_are_known() -> None:
    even = eigenvalues(np.diag([2.0, 2, 2, 0]))
    assert (gram_rank(even), participation(even)) == (3, pytest.approx(3))
    one = eigenvalues(np.ones((5, 5)))
    assert (gram_rank(one), participation(one)) == (1, pytest.approx(1))


def test_alignment(rng: np.random.Generator) -> None:
    labels_N = np.array(["a", "b", "b", "a", "b", "b"])
    signs_N = np.where(labels_N == "a", 1.0, -1.0)
    assert centred_alignment(np.outer(signs_N, signs_N), labels_N) == pytest.approx(1)
    assert centred_alignment(np.ones((6, 6)), labels_N) == 0
    # The definition, with matrices written out.
    root = rng.normal(size=(6, 3))
    gram = root @ root.T
    h = np.eye(6) - 1 / 6
    one, other = h @ gram @ h, h @ np.outer(signs_N, signs_N) @ h
    expected = np.trace(one @ other) / np.sqrt(np.trace(one @ one) * np.trace(other @ other))
    assert centred_alignment(gram, labels_N) == pytest.approx(expected)
    assert centred_alignment(3 * gram + 2, labels_N) == pytest.approx(expected)


def blobs(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    labels_N = np.arange(n) % 2
    return rng.normal(size=(n, 2)) + 1.2 * labels_N[:, None], labels_N


def test_machines_are_tuned_as_scikit_learn_does(rng: np.random.Generator) -> None:
    gammas, costs = (0.01, 0.1, 1.0, 10.0), (0.1, 1.0, 10.0)
    train_NF, labels_N = blobs(rng, 60)
    test_MF, test_labels_M = blobs(rng, 40)
    rows = SplitPoints(
        train_NF=train_NF, labels_N=labels_N, test_MF=test_MF, test_labels_M=test_labels_M
    )
    ours = tuned_machine(rbf_kernel(gammas), rows, costs=costs, folds=4, seed=3)
    folds = StratifiedKFold(4, shuffle=True, random_state=3)
    search = GridSearchCV(SVC(), {"gamma": gammas, "C": costs}, cv=folds).fit(train_NF, labels_N)
    assert ours.validation == pytest.approx(search.best_score_)
    scores = {
        (entry["gamma"], entry["C"]): score
        for entry, score in zip(
            search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
        )
    }
    best = [key for key in itertools.product(gammas, costs) if scores[key] == max(scores.values())]
    assert (ours.parameter, ours.cost) == best[0]
    machine = SVC(gamma=ours.parameter, C=ours.cost).fit(train_NF, labels_N)
    assert ours.accuracy == pytest.approx(machine.score(test_MF, test_labels_M))


def test_held_out_rows_have_no_part_in_tuning(rng: np.random.Generator) -> None:
    train_NF, labels_N = blobs(rng, 40)
    test_MF, test_labels_M = blobs(rng, 20)
    found = [
        tuned_machine(
            kernel,
            SplitPoints(
                train_NF=train_NF, labels_N=labels_N, test_MF=test_MF, test_labels_M=labels_M
            ),
            costs=(0.1, 1.0),
            folds=3,
            seed=0,
        )
        for kernel in (rbf_kernel((0.1, 1.0)), linear_kernel())
        for labels_M in (test_labels_M, 1 - test_labels_M)
    ]
    for one, other in (found[:2], found[2:]):
        assert (one.parameter, one.cost) == (other.parameter, other.cost)
        assert one.accuracy == pytest.approx(1 - other.accuracy)
