"""What all clients agree on before the first round: ranges, classes, and the initial model."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.data.dataset import Dataset
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.train.classifier import QMoEClassifier
from qmoe_qiskit.train.features import FeatureMap, n_coordinates, scaled_range
from qmoe_qiskit.train.rows import TargetRows, codes_of
from qmoe_qiskit.train.settings import check_settings
from qmoe_qiskit.train.stored.state import ModelState, restored_as
from qmoe_qiskit.typing import FloatArray

# Ranges of the features of the built-in data sets: they follow from how these are made, not from
# rows. Points with noise may lie a little outside.
BOUNDS: Mapping[str, tuple[tuple[float, float], ...]] = MappingProxyType(
    {
        "moons": ((-1.4, 2.4), (-0.9, 1.4)),
        "circles": ((-1.3, 1.3),),
        "xor": ((-1.0, 1.0),),
        "spirals": ((-1.1, 1.1),),
        "digits": ((0.0, 16.0),),
        "digits10": ((0.0, 16.0),),
    }
)
# Settings that a client's training has no place for, with the values that leave them out.
_LEFT_OUT = {
    "early_stopping": False,
    "checkpoint": None,
    "callbacks": None,
    "hardware_training": None,
    "class_weight": None,
    "warm_start": False,
}


def agreed_bounds(bounds: ArrayLike | None, parts: Sequence[Dataset]) -> FloatArray:
    """Return the declared lower and upper bound of every feature, (F, 2).

    Args:
        bounds: One pair (low, high) for all features, or a pair for each, (F, 2); None for those
            of a built-in data set.
        parts: Rows of the clients, of which only name and number of features are looked at.

    Raises:
        InputError: If no bounds are known, or they are not accepted.
    """
    name, n_features = parts[0].name, parts[0].features_NF.shape[1]
    given: Any = BOUNDS.get(name) if bounds is None else bounds
    if given is None:
        raise InputError(
            f"the bounds of the features of {name!r} are needed: clients agree on them before the "
            "first round, and nobody sees all rows; give bounds=(low, high), or a pair for each "
            f"of the {n_features} features"
        )
    try:
        bounds_F2 = np.array(given, dtype=np.float64).reshape(-1, 2)
    except (TypeError, ValueError):
        bounds_F2 = np.empty((0, 2))
    if len(bounds_F2) == 1:
        bounds_F2 = np.repeat(bounds_F2, n_features, axis=0)
    widths_F = bounds_F2[:, 1] - bounds_F2[:, 0]
    if len(bounds_F2) != n_features or not (np.isfinite(widths_F).all() and (widths_F > 0).all()):
        raise InputError(
            f"bounds must be a pair (low, high) with low < high, or one for each of {n_features} "
            f"features, got {bounds!r}"
        )
    return bounds_F2


def agreed_classes(classes: ArrayLike | None, parts: Sequence[Dataset]) -> NDArray[Any]:
    """Return the sorted labels that every client knows: declared, or announced by the clients.

    Raises:
        InputError: If there are fewer than two.
    """
    announced = [np.unique(part.labels_N) for part in parts]
    known_C = np.unique(np.concatenate(announced) if classes is None else np.asarray(classes))
    if len(known_C) < 2:
        raise InputError(f"training needs at least two classes, got {known_C.tolist()}")
    return known_C


def agreed_features(
    bounds_F2: FloatArray, n_router_inputs: int, feature_range: tuple[float, float], seed: int
) -> FeatureMap:
    """Return scaling and projection that follow from the bounds and a seed alone.

    With K < F the router sees K orthogonal directions that are drawn from the seed, through the
    middle of the range: principal components would need the rows of all clients. The share of the
    variance that K random directions hold is K / F on average, and is given as such.

    Raises:
        InputError: If the range is empty, or `n_router_inputs` is above F.
    """
    low, high = scaled_range(feature_range)
    n_features = len(bounds_F2)
    if n_router_inputs > n_features:
        raise InputError(
            f"n_qubits is {n_router_inputs}, but the data has {n_features} feature(s): use at most "
            f"{n_features}"
        )
    matrix_FK, offset_K = np.eye(n_features), np.zeros(n_features)
    if n_router_inputs < n_features:
        # A stream of its own: the seed's first numbers also deal out the rows.
        random_FK = np.random.default_rng([seed, n_features]).normal(
            size=(n_features, n_router_inputs)
        )
        matrix_FK = np.linalg.qr(random_FK)[0]
        middle = (low + high) / 2
        offset_K = middle - np.full(n_features, middle) @ matrix_FK
    return FeatureMap(
        minimum_F=bounds_F2[:, 0].copy(),
        maximum_F=bounds_F2[:, 1].copy(),
        low=low,
        high=high,
        matrix_FK=matrix_FK,
        offset_K=offset_K,
        explained_variance=n_router_inputs / n_features,
    )


def agreed_model(
    model: QMoEClassifier, bounds_F2: FloatArray, classes_C: NDArray[Any], seed: int
) -> QMoEClassifier:
    """Return the model that every client begins with: the settings of a model, initial weights.

    Raises:
        InputError: If a setting is not accepted.
    """
    if not isinstance(model, QMoEClassifier):
        raise InputError(f"federated training is for QMoEClassifier, got {type(model).__name__}")
    settings = model.get_params(deep=False)
    for name, value in _LEFT_OUT.items():
        if settings[name] is not value:
            raise InputError(
                f"{name}={settings[name]!r} has no place in federated training: leave it at {value}"
            )
    check_settings(settings, model.task)
    if settings["privacy"] is not None:
        raise InputError(
            "privacy of rows is for one training: protect whole clients with the privacy of "
            "federate, a ClientPrivacy"
        )
    if settings["projection"] == "pca":
        raise InputError(
            "projection='pca' needs the rows of all clients: use 'auto', whose directions come "
            "from the seed, or 'linear' or 'groups'"
        )
    if str(settings["backend"]).startswith("runtime:"):
        raise InputError(
            f"backend {settings['backend']!r} would take jobs for every step of a client: train "
            "ideally or under a device's calibration, such as noisy:ibm_fez"
        )
    start = QMoEClassifier(**{**settings, "random_state": seed, "verbose": False})
    training_seed = start.draw_seed()
    start.classes_, start.n_features_in_ = classes_C, len(bounds_F2)
    start.feature_map_ = agreed_features(
        bounds_F2, _n_router_inputs(start, len(bounds_F2)), start.feature_range, seed
    )
    start.rebuild(training_seed)
    start.history_, start.votes_seed_ = [], training_seed
    return start


def client_seeds(model: QMoEClassifier, n_clients: int) -> list[int]:
    """Return the seeds of the clients' batches and shots; that of the first one is the model's."""
    seed = model.draw_seed()
    others = [
        int(np.random.SeedSequence([seed, index]).generate_state(1)[0])
        for index in range(1, n_clients)
    ]
    return [seed, *others]


def client_model(state: ModelState, seed: int) -> QMoEClassifier:
    """Return a client's own copy of the agreed model, whose shots are drawn from a seed."""
    config = {**state.config, "backend_seed": seed}
    return restored_as(QMoEClassifier, replace(state, config=config))


def labelled(part: Dataset, classes_C: NDArray[Any], whose: str) -> TargetRows:
    """Return rows with the codes of their labels.

    Raises:
        InputError: If there are no rows, a feature is not finite, or a label was not declared.
    """
    if not part.labels_N.size:
        raise InputError(f"{whose} has no rows: leave it out")
    if not np.isfinite(part.features_NF).all():
        raise InputError(f"{whose} has features that are not finite: remove or fill them first")
    try:
        targets_N = codes_of(part.labels_N, classes_C)
    except InputError:
        strange = part.labels_N[~np.isin(part.labels_N, classes_C)].tolist()[0]
        raise InputError(
            f"{whose} has the label {strange!r}, which was not declared: the classes are "
            f"{classes_C.tolist()}"
        ) from None
    return TargetRows(features_NF=part.features_NF, targets_N=targets_N)


def _n_router_inputs(model: QMoEClassifier, n_features: int) -> int:
    if isinstance(model.router, RouterCircuit):
        return model.router.n_inputs
    n_qubits = n_coordinates(model.n_qubits, n_features)
    return n_features if model.projection == "groups" else n_qubits
