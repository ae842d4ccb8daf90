"""A fit of a classifier: prepared, with data and settings checked once, and then run."""

from pathlib import Path
from typing import TYPE_CHECKING, Generic, Self, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from qmoe_qiskit import limits
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.train.checkpoint import (
    Checkpoint,
    load_checkpoint,
    optimizer_tensors,
    restore_training,
    save_checkpoint,
)
from qmoe_qiskit.train.early_stopping import best_epoch, hold_out
from qmoe_qiskit.train.features import DEFAULT_MAX_QUBITS, FeatureMap
from qmoe_qiskit.train.fingerprint import check_identity, training_identity
from qmoe_qiskit.train.model import circuit_of
from qmoe_qiskit.train.progress import EpochProgress
from qmoe_qiskit.train.settings import check_settings
from qmoe_qiskit.train.training_loop import StopTraining, Training
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qmoe_qiskit.train.classifier import QMoEClassifier

ModelT = TypeVar("ModelT", bound="QMoEClassifier")


class Fit(Generic[ModelT]):
    """A training that can begin: its data, settings, backend and circuit were accepted.

    Args:
        classifier: The classifier that `run` fits in place.
        X: Features of the training rows, (N, F).
        y: Labels of the training rows, (N,).
        seed: Seed of the training; by default drawn from the classifier's `random_state`.
        saved: Checkpoint of an interrupted training to go on with, or None.

    Raises:
        InputError: If a setting is not accepted.
        RunError: If the checkpoint belongs to other data or settings.
        ValueError: If scikit-learn refuses the data.
    """

    def __init__(
        self,
        classifier: ModelT,
        X: ArrayLike,
        y: ArrayLike,
        *,
        seed: int | None = None,
        saved: Checkpoint | None = None,
    ) -> None:
        self.classifier, self._is_resumed = classifier, saved is not None
        seed = classifier.draw_seed() if seed is None else seed
        classifier.__dict__.pop("history_", None)
        X_NF: FloatArray
        X_NF, y = validate_data(classifier, X, y, dtype=np.float64)
        check_classification_targets(y)
        classifier.classes_, codes_N = np.unique(y, return_inverse=True)
        if len(classifier.classes_) < 2:
            raise InputError(
                "training needs rows of at least two classes, got one class, "
                f"{classifier.classes_[0]}"
            )
        if len(classifier.classes_) > limits.CLASSES:
            raise InputError(
                f"the labels are of {len(classifier.classes_)} classes, at most {limits.CLASSES} "
                "are accepted: name another target"
            )
        if saved is None:  # otherwise `resumed` has checked them
            check_settings(classifier.get_params(deep=False))
        backend = classifier.backend_spec.open(seed=seed)
        self._identity = training_identity(
            classifier.settings(),
            backend=backend,
            seed=seed,
            features_NF=X_NF,
            codes_N=codes_N,
            classes_C=classifier.classes_,
        )
        if saved is not None:
            check_identity(saved.identity, self._identity)
            if len(saved.history) > classifier.max_epochs:
                raise RunError(
                    f"the checkpoint is from after epoch {len(saved.history)}, max_epochs is "
                    f"{classifier.max_epochs}: raise max_epochs, or train anew"
                )
        train, validation = (X_NF, codes_N), None
        if classifier.early_stopping:
            fraction = classifier.validation_fraction
            train, validation = hold_out(X_NF, codes_N, fraction, seed=seed)
        classifier.feature_map_ = FeatureMap.fit(
            train[0],
            n_router_inputs=self._n_router_inputs(X_NF.shape[1]),
            feature_range=classifier.feature_range,
        )
        classifier.rebuild(seed, backend)
        self._rows = self._tensors(*train)
        self._training = Training(
            classifier.module_,
            learning_rate=classifier.learning_rate,
            batch_size=classifier.batch_size,
            seed=seed,
            history=saved.history if saved else [],
            validation=self._tensors(*validation) if validation else None,
            balance_weight=classifier.balance_weight,
        )
        self._best = dict(saved.best) if saved else {}
        if saved is not None:
            restore_training(saved, classifier.module_, self._training.optimizer)

    @classmethod
    def resumed(cls, classifier: ModelT, X: ArrayLike, y: ArrayLike) -> Self:
        """Return the continuation of the training in a classifier's checkpoint.

        Raises:
            RunError: If there is no usable checkpoint, or it belongs to other data or settings.
        """
        if classifier.checkpoint is None:
            raise RunError("resume needs the file that fit kept: set checkpoint=FILE")
        check_settings(classifier.get_params(deep=False))
        saved = load_checkpoint(Path(classifier.checkpoint))
        seed = saved.identity["seed"]
        given = classifier.random_state
        if isinstance(given, int | np.integer) and classifier.draw_seed() != seed:
            raise RunError(
                f"the checkpoint was not made with random_state={given!r}: resume with the same "
                "settings, or train anew"
            )
        return cls(classifier, X, y, seed=seed, saved=saved)

    @property
    def circuit(self) -> RouterCircuit | None:
        """The router's circuit, or None for a classical router."""
        return circuit_of(self.classifier.module_)

    @property
    def n_epochs_done(self) -> int:
        """Number of epochs that are finished."""
        return len(self._training.history)

    def run(self) -> ModelT:
        """Train up to `max_epochs`, and return the fitted classifier.

        Raises:
            DivergenceError: If a loss or a parameter is no longer finite.
            RunError: If the checkpoint cannot be written.
        """
        classifier, training = self.classifier, self._training

        def after_epoch(entry: dict[str, float]) -> None:
            if classifier.early_stopping and best_epoch(training.history) == len(training.history):
                state = classifier.module_.state_dict()
                self._best.update({name: tensor.clone() for name, tensor in state.items()})
            self._save()
            progress.advance(entry["train_loss"])
            if self._is_out_of_patience():
                raise StopTraining

        if not self._is_resumed:
            self._save()
        with EpochProgress(
            classifier.max_epochs, done=self.n_epochs_done, enabled=classifier.verbose
        ) as progress:
            if not self._is_out_of_patience():
                training.run(*self._rows, max_epochs=classifier.max_epochs, after_epoch=after_epoch)
        if self._best:
            classifier.module_.load_state_dict(self._best)
        # Set last: a fit that fails or is interrupted leaves no classifier that seems fitted.
        classifier.history_ = training.history
        return classifier

    def _save(self) -> None:
        if self.classifier.checkpoint is not None:
            checkpoint = Checkpoint(
                module=self.classifier.module_.state_dict(),
                optimizer=optimizer_tensors(self._training.optimizer),
                best=self._best,
                history=self._training.history,
                identity=self._identity,
            )
            save_checkpoint(Path(self.classifier.checkpoint), checkpoint)

    def _is_out_of_patience(self) -> bool:
        if not self.classifier.early_stopping:
            return False
        history = self._training.history
        return len(history) - best_epoch(history) >= self.classifier.patience

    def _n_router_inputs(self, n_features: int) -> int:
        router, n_qubits = self.classifier.router, self.classifier.n_qubits
        if isinstance(router, RouterCircuit):
            return router.n_inputs
        return min(n_features, DEFAULT_MAX_QUBITS) if n_qubits is None else n_qubits

    def _tensors(
        self, features_NF: FloatArray, codes_N: NDArray[np.intp]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        scaled_NF = self.classifier.feature_map_.scale(features_NF)
        return torch.from_numpy(scaled_NF), torch.from_numpy(codes_N.astype(np.int64))
