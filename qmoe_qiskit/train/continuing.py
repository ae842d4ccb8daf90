"""A training that goes on with a fitted model: what it may change, and what it keeps."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from qmoe_qiskit.backends import Backend
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.train.features import n_coordinates, scaled_range
from qmoe_qiskit.train.model import circuit_of

if TYPE_CHECKING:
    from qmoe_qiskit.train.classifier import QMoEClassifier

_SIMPLE = (str, int, float, tuple, np.integer, np.floating)
_BUILT = ("module_", "backend_", "n_parameters_", "built_with_")


def check_for_more(settings: Mapping[str, Any], *, incremental: bool) -> None:
    """Check settings that cannot be used in a training that goes on with a fitted model.

    Raises:
        InputError: If there is one, with what to do instead.
    """
    how = "partial_fit" if incremental else "warm_start"
    on_device = settings["hardware_training"] is not None
    if incremental and on_device:
        raise InputError(
            "hardware_training sees all rows in every step, and partial_fit sees some of them: use "
            "fit, with warm_start=True to go on with a fitted model"
        )
    if settings["checkpoint"] is not None and not on_device:
        raise InputError(
            f"{how} goes on with a fitted model, which a checkpoint does not hold: set "
            "checkpoint=None, and keep the model with save"
        )
    if incremental and settings.get("class_weight") == "balanced":
        raise InputError(
            "class_weight='balanced' needs all rows, and partial_fit sees some of them: give the "
            "weight of every class, as sklearn.utils.class_weight.compute_class_weight returns it"
        )


def keep_module(classifier: "QMoEClassifier", seed: int, backend: Backend | None = None) -> None:
    """Keep the fitted module, in one built anew if settings such as the backend have changed.

    With an open `backend` it is built anew in any case.

    Raises:
        InputError: If the settings describe another model.
    """
    now, before = classifier.architecture(), classifier.built_with_
    changed = [name for name, value in now.items() if not _is_same(value, before[name])]
    if not changed and backend is None:
        return
    kept = {name: getattr(classifier, name) for name in _BUILT}
    trained = classifier.module_
    try:
        classifier.rebuild(seed, backend)
        difference = _difference(classifier, changed, before)
        if difference is None and _hash(trained) != _hash(classifier.module_):
            difference = "its circuit is another one"
        if difference is None:
            try:
                classifier.module_.load_state_dict(trained.state_dict())
            except RuntimeError as error:  # torch names the weights
                difference = " ".join(str(error).split())
        if difference is not None:
            raise InputError(  # noqa: TRY301
                f"the fitted model does not fit the settings that have changed since "
                f"({', '.join(changed)}): {difference}; set them back, or train anew with "
                "warm_start=False"
            )
    except BaseException:
        classifier.__dict__.update(kept)
        raise


def _difference(
    classifier: "QMoEClassifier", changed: list[str], before: Mapping[str, Any]
) -> str | None:
    """Return how the fitted features differ from the settings, or None."""
    features = classifier.feature_map_
    if scaled_range(classifier.feature_range) != (features.low, features.high):
        return f"its features are scaled to {features.low} and {features.high}"
    if "projection" in changed:
        return f"its projection is {before['projection']!r}"
    if "n_qubits" in changed and classifier.projection == "groups":
        choices = (classifier.n_qubits, before["n_qubits"])
        now, kept = (n_coordinates(choice, len(features.minimum_F)) for choice in choices)
        return None if now == kept else f"its features enter {kept} qubits"
    if "n_qubits" in changed and classifier.n_qubits != features.n_router_inputs:
        return f"its router sees {features.n_router_inputs} coordinates"
    return None


def _hash(module: Any) -> str | None:  # noqa: ANN401
    circuit = circuit_of(module)
    return None if circuit is None else circuit.content_hash


def _is_same(one: object, other: object) -> bool:
    """Whether two settings are the same; of arrays and objects, whether they are one."""
    if one is other:
        return True
    return isinstance(one, _SIMPLE) and isinstance(other, _SIMPLE) and one == other
