"""Explaining a fitted model's routing on labelled rows."""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from qmoe_qiskit.data import Dataset
from qmoe_qiskit.errors import NO_NAMES, InputError, OutOfRangeWarning, require_positive
from qmoe_qiskit.runs.explaining.explanation import Explanation
from qmoe_qiskit.runs.explaining.linear_control import fit_linear_control
from qmoe_qiskit.runs.explaining.sensitivity import measure_sensitivity, router_weights
from qmoe_qiskit.runs.explaining.specialization import measure_specialization
from qmoe_qiskit.runs.explaining.spectrum import measure_spectrum
from qmoe_qiskit.runs.metrics import class_codes
from qmoe_qiskit.runs.provenance import described, execution_of
from qmoe_qiskit.train.features import projection_sentence
from qmoe_qiskit.train.rows import checked_features

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from qmoe_qiskit.runs.explaining.spectrum import RouterSpectrum
    from qmoe_qiskit.runs.store.loading import Run
    from qmoe_qiskit.train import QMoEClassifier

PERMUTATIONS = 5
MOST_PERMUTATIONS = 1000
_QUARTERS = 4


def explain(
    model: QMoEClassifier | Run,
    X: ArrayLike | None = None,
    y: ArrayLike | None = None,
    *,
    n_permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Explanation:
    """Explain which rows a fitted model's router sends to which expert, and why.

    Everything is computed from the model on these rows: the model is not trained, and nothing is
    taken from its history. The expert of a row is the one with the largest weight.

    Args:
        model: A fitted model, or a run with one, as `load_run` returns it.
        X: Rows, (N, F), in raw units; columns of a data frame give their names. For a run, None
            stands for the rows that `evaluate_run` measures on.
        y: Their labels, (N,); numbers of a regression are compared by quarters.
        n_permutations: Number of permutations of each feature.
        seed: Seed of permutations, bootstrap and folds.

    Raises:
        InputError: If the rows do not fit the model, or its circuit is evaluated with shots, whose
            derivatives would be noise.

    >>> from qmoe_qiskit import QMoEClassifier
    >>> from qmoe_qiskit.data import load_dataset
    >>> moons = load_dataset("moons", n_samples=60)
    >>> model = QMoEClassifier(n_layers=1, max_epochs=3, random_state=0)
    >>> model = model.fit(moons.features_NF, moons.labels_N)
    >>> explanation = explain(model, moons.features_NF, moons.labels_N)
    >>> explanation.sensitivity.slope_F.shape, int(explanation.specialization.counts_EC.sum())
    ((2,), 60)
    """
    given: Any = model
    is_run = hasattr(given, "classifier")
    if (X is None) != (y is None) or (X is None and not is_run):
        raise InputError("X and y are given together; only for a run both may be left out")
    if X is None or y is None:
        from qmoe_qiskit.runs.evaluation import select_rows

        rows = select_rows(given).dataset
    else:
        rows = _labelled(given.classifier if is_run else given, X, y)
    return explain_rows(model, rows, n_permutations=n_permutations, seed=seed)


def explain_rows(
    model: QMoEClassifier | Run,
    rows: Dataset,
    *,
    n_permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Explanation:
    """Explain the routing of a data set's rows; see `explain`."""
    require_positive("n_permutations", n_permutations, at_most=MOST_PERMUTATIONS)
    given: Any = model
    classifier: QMoEClassifier = getattr(given, "classifier", given)
    if len(rows.labels_N) < 2:
        raise InputError(f"an explanation needs at least 2 rows, got {len(rows.labels_N)}")
    _require_exact(classifier)
    rows, classes, codes_N = _in_classes(classifier, rows)
    features_NF, features = rows.features_NF, classifier.feature_map_
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfRangeWarning)
        warnings.filterwarnings("ignore", NO_NAMES)
        weights_NE = router_weights(classifier, features.scale(features_NF))
        experts_N = weights_NE.argmax(axis=1)
        spectrum, no_spectrum = _spectrum(classifier, rows.feature_names)
        router = classifier.get_params(deep=False)["router"]
        name = router if isinstance(router, str) else "circuit"
        return Explanation(
            router=described(getattr(given, "router", name), execution_of(classifier)),
            sees=sees_of(classifier),
            rows=rows,
            classes=classes,
            weights_NE=weights_NE,
            sensitivity=measure_sensitivity(
                classifier, features_NF, n_permutations=n_permutations, seed=seed
            ),
            spectrum=spectrum,
            no_spectrum=no_spectrum,
            specialization=measure_specialization(
                experts_N, codes_N, (weights_NE.shape[1], len(classes)), seed=seed
            ),
            linear_control=fit_linear_control(features.scale(features_NF), experts_N, seed=seed),
            seed=seed,
            model=classifier,
        )


def sees_of(classifier: QMoEClassifier) -> str:
    """Return a sentence on what a fitted model's router sees of the features."""
    features, circuit = classifier.feature_map_, classifier.compiled_router
    said = projection_sentence(
        classifier.get_params(deep=False).get("projection", "auto"),
        n_features=len(features.minimum_F),
        n_inputs=features.n_router_inputs,
        n_qubits=None if circuit is None else circuit.router.n_qubits,
        feature_range=(features.low, features.high),
        explained_variance=features.explained_variance,
    )
    return said or "The router sees every feature."


def _require_exact(classifier: QMoEClassifier) -> None:
    from qmoe_qiskit.backends.runtime.compiled_router import RuntimeRouter
    from qmoe_qiskit.backends.surrogate import FourierSurrogate

    compiled = classifier.compiled_router
    if compiled is None or isinstance(compiled, FourierSurrogate):
        return
    shots = getattr(classifier.backend_, "shots", None)
    if shots is not None or isinstance(compiled, RuntimeRouter):
        raise InputError(
            f"the circuit runs on {classifier.backend_.name!r} with shots, whose noise would "
            "hide the derivatives: explain the model on an exact backend (--backend statevector, "
            "or noisy:DEVICE), or on a measured surrogate (--surrogate FILE)"
        )


def _spectrum(
    classifier: QMoEClassifier, feature_names: tuple[str, ...]
) -> tuple[RouterSpectrum | None, str]:
    """Return the spectrum, or None and a sentence that says why it is left out."""
    if classifier.compiled_router is None:
        return None, "The router is classical: it has no circuit, whose spectrum is finite."
    projection = classifier.get_params(deep=False).get("projection", "auto")
    features = classifier.feature_map_
    names = tuple(map(str, feature_names))
    if projection == "linear" or features.projects:
        kind = "Z" if projection == "linear" else "PC"  # short: waves are named by several
        names = tuple(f"{kind}{k}" for k in range(1, features.n_router_inputs + 1))
    try:
        found = measure_spectrum(classifier, names)
    except InputError as error:
        return None, f"The spectrum is left out: {error}."
    return found, "" if found else "The router is constant: it has no waves."


def _in_classes(
    classifier: QMoEClassifier, rows: Dataset
) -> tuple[Dataset, tuple[str, ...], NDArray[np.intp]]:
    """Return rows with names of classes, and codes of their labels."""
    classes_C = getattr(classifier, "classes_", None)
    if classes_C is not None:
        codes_N = class_codes(classes_C, rows.labels_N)
        return rows, tuple(map(str, classes_C.tolist())), codes_N
    ends = np.unique(np.quantile(rows.labels_N.astype(float), np.linspace(0, 1, _QUARTERS + 1)))
    codes_N = np.searchsorted(ends[1:-1], rows.labels_N, side="left")
    names = [
        f"{part + 1}: {low:.3g} ... {high:.3g}" for part, (low, high) in enumerate(pairwise(ends))
    ] or [f"{ends[0]:.3g}"]
    return replace(rows, labels_N=np.array(names)[codes_N]), tuple(names), codes_N


def _labelled(classifier: QMoEClassifier, X: ArrayLike, y: ArrayLike) -> Dataset:
    features_NF, labels_N = checked_features(classifier, X), np.asarray(y)
    if labels_N.shape != (len(features_NF),):
        raise InputError(
            f"y must hold a label for each of {len(features_NF)} rows, got shape {labels_N.shape}"
        )
    names = getattr(X, "columns", getattr(classifier, "feature_names_in_", None))
    return Dataset.of_rows(features_NF, y, names)
