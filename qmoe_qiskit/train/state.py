"""A fitted classifier as plain data: what a run folder stores, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.moe import QuantumRouter
from qmoe_qiskit.train.classifier import QMoEClassifier
from qmoe_qiskit.train.features import FeatureMap


@dataclass(frozen=True, kw_only=True)
class ModelState:
    """A fitted classifier without code: enough to predict from in another process.

    Attributes:
        config: Settings, labels, history and scaling range, in JSON types.
        tensors: Parameters of the module and arrays of the feature map.
        circuit: The router's circuit in QPY, or None for a classical router.
    """

    config: dict[str, Any]
    tensors: dict[str, torch.Tensor]
    circuit: bytes | None


def model_state(classifier: QMoEClassifier) -> ModelState:
    """Take a fitted classifier apart.

    Raises:
        sklearn.exceptions.NotFittedError: If it is not fitted.
    """
    check_is_fitted(classifier)
    features = classifier.feature_map_
    classes = classifier.classes_
    router = classifier.module_.router
    router = getattr(router, "router", router)
    tensors = {f"module/{k}": v.clone() for k, v in classifier.module_.state_dict().items()}
    tensors |= {
        f"features/{name}": torch.from_numpy(np.array(getattr(features, name)))
        for name in ("minimum_F", "maximum_F", "matrix_FK", "offset_K")
    }
    return ModelState(
        config={
            "settings": classifier.settings(),
            "max_epochs": classifier.max_epochs,
            "custom_circuit": isinstance(classifier.router, RouterCircuit),
            "classes": classes.tolist(),
            "label_kind": "text" if classes.dtype.kind in "OUS" else str(classes.dtype),
            "range": [features.low, features.high],
            "explained_variance": features.explained_variance,
            "n_parameters": classifier.n_parameters_,
            "history": classifier.history_,
        },
        tensors=tensors,
        circuit=router.circuit.to_qpy() if isinstance(router, QuantumRouter) else None,
    )


def restore_model(state: ModelState, *, backend: str | None = None) -> QMoEClassifier:
    """Put a classifier back together; `backend` replaces the one that it was trained on.

    Raises:
        RunError: If the parts do not fit together.
    """
    config, tensors = state.config, state.tensors
    try:
        settings = dict(config["settings"])
        if config["custom_circuit"]:
            if state.circuit is None:
                raise RunError("the model's router is a circuit of its own, but none is stored")
            settings["router"] = RouterCircuit.from_qpy(state.circuit)
        if backend is not None:
            settings["backend"] = backend
        settings["feature_range"] = tuple(settings["feature_range"])
        classifier = QMoEClassifier(**settings, max_epochs=config["max_epochs"])
        kind = config["label_kind"]
        classifier.classes_ = np.array(config["classes"], dtype=object if kind == "text" else kind)
        low, high = config["range"]
        classifier.feature_map_ = FeatureMap(
            **{
                name: tensors[f"features/{name}"].numpy()
                for name in ("minimum_F", "maximum_F", "matrix_FK", "offset_K")
            },
            low=low,
            high=high,
            explained_variance=config["explained_variance"],
        )
        classifier.n_features_in_ = len(classifier.feature_map_.minimum_F)
        classifier.history_ = config["history"]
        classifier.rebuild()
        prefix = "module/"
        classifier.module_.load_state_dict(
            {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        )
        classifier.module_.eval()
    except InputError as error:
        if isinstance(error, RunError):
            raise
        raise RunError(f"the stored model cannot be rebuilt: {error}") from error
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
        raise RunError(f"the stored model is damaged: {error}") from error
    return classifier
