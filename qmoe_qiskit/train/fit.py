"""A fit of a classifier: prepared, with data and settings checked once, and then run."""

from __future__ import annotations

import copy
import logging
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets

from qmoe_qiskit import limits
from qmoe_qiskit.backends import Backend
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.train.checkpoint import (
    Checkpoint,
    load_checkpoint,
    optimizer_tensors,
    restore_training,
    save_checkpoint,
)
from qmoe_qiskit.train.continuing import check_for_more, keep_module
from qmoe_qiskit.train.features import DEFAULT_MAX_QUBITS, FeatureMap
from qmoe_qiskit.train.fingerprint import check_identity, training_identity
from qmoe_qiskit.train.loop.early_stopping import best_epoch, hold_out
from qmoe_qiskit.train.loop.net import StopTraining
from qmoe_qiskit.train.loop.optimization import Optimization
from qmoe_qiskit.train.loop.progress import EpochProgress
from qmoe_qiskit.train.loop.routing_load import load_remark
from qmoe_qiskit.train.loop.training import Training
from qmoe_qiskit.train.model import circuit_of
from qmoe_qiskit.train.on_device.settings import HardwareTraining
from qmoe_qiskit.train.rows import LabelledRows, checked_rows, codes_of
from qmoe_qiskit.train.settings import check_settings
from qmoe_qiskit.train.weights import row_weights
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qmoe_qiskit.train.classifier import QMoEClassifier
    from qmoe_qiskit.train.on_device.steps import HardwareSteps

ModelT = TypeVar("ModelT", bound="QMoEClassifier")
_log = logging.getLogger(__name__)


class Fit(Generic[ModelT]):
    """A training that can begin: its data, settings, backend and circuit were accepted.

    A fit of a classifier that is fitted and has `warm_start`, and all but the first of incremental
    fits, go on with the fitted module, classes and scaling. Such a fit that fails leaves the
    classifier as it was; any other leaves it without a fitted model.

    Args:
        classifier: The classifier that `run` fits in place.
        X: Features of the training rows, (N, F).
        y: Labels of the training rows, (N,).
        sample_weight: Weights of the rows, (N,), or None.
        seed: Seed of the training; by default drawn from the classifier's `random_state`.
        saved: Checkpoint of an interrupted training to go on with, or None.
        incremental: Whether this is one epoch of many, on rows of its own, as in `partial_fit`.
        classes: Labels of all incremental fits; None if the classifier is fitted.

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
        sample_weight: ArrayLike | None = None,
        *,
        seed: int | None = None,
        saved: Checkpoint | None = None,
        incremental: bool = False,
        classes: ArrayLike | None = None,
    ) -> None:
        self.classifier, self._is_resumed = classifier, saved is not None
        self._incremental = incremental
        self._stops_early = bool(classifier.early_stopping) and not incremental
        hardware = HardwareTraining.of(classifier.hardware_training)
        self._goes_on = (
            (saved is None or hardware is not None)
            and (incremental or bool(classifier.warm_start))
            and classifier.__sklearn_is_fitted__()
        )
        seed = self._seed = classifier.draw_seed() if seed is None else seed
        if not self._goes_on:
            classifier.__dict__.pop("history_", None)
            classifier.__dict__.pop("optimizer_state_", None)
        X_NF, codes_N = self._checked(X, y, classes)
        if saved is None:  # otherwise `resumed` has checked them
            check_settings(classifier.get_params(deep=False))
        optimization = Optimization.of(classifier.get_params(deep=False))
        if classifier.checkpoint is not None:
            optimization.check_resumable()
        if incremental or self._goes_on:
            check_for_more(classifier.get_params(deep=False), incremental=incremental)
        weigh = partial(
            row_weights, X_NF, codes_N, classifier.classes_, sample_weight=sample_weight
        )
        rows = LabelledRows(
            features_NF=X_NF,
            codes_N=codes_N,
            weights_N=weigh(class_weight=classifier.class_weight),
        )
        weighted = rows.weights_N is not None
        optimization.check_criterion(len(classifier.classes_), weighted=weighted)
        backend: Backend | None = None
        if hardware is not None:
            # IBM's client, which takes half a second to import, is for those who need a device.
            from qmoe_qiskit.train.on_device.opening import check_with_hardware, open_device

            check_with_hardware(classifier.get_params(deep=False))
            backend = open_device(classifier.backend_spec, hardware, seed=seed)
        elif not self._goes_on:
            backend = classifier.backend_spec.open(seed=seed)
        self._identity: dict[str, Any] = {}
        if classifier.checkpoint is not None:  # of a checkpoint
            self._identity = training_identity(
                classifier.settings(),
                backend=backend or classifier.backend_,
                seed=seed,
                features_NF=X_NF,
                codes_N=codes_N,
                classes_C=classifier.classes_,
                weights_N=weigh(class_weight=None),  # that of classes is a setting
            )
        if saved is not None:
            check_identity(saved.identity, self._identity)
            if hardware is None and len(saved.history) > classifier.max_epochs:
                raise RunError(
                    f"the checkpoint is from after epoch {len(saved.history)}, max_epochs is "
                    f"{classifier.max_epochs}: raise max_epochs, or train anew"
                )
        train, validation = self._split(rows, seed)
        self._prepare_module(train, seed, backend)
        features = classifier.feature_map_
        self._rows = train.tensors(features)
        history = saved.history if saved else []
        self._best = dict(saved.best) if saved else {}
        self._training: Training | HardwareSteps
        if hardware is not None:
            from qmoe_qiskit.train.on_device.preparing import prepare_steps

            self._training = prepare_steps(
                classifier,
                hardware,
                self._rows,
                validation.tensors(features) if validation else None,
                optimization=optimization,
                seed=seed,
                saved=saved,
                weighted=weighted,
                goes_on=self._goes_on,
            )
            return
        if self._goes_on and incremental:
            history = classifier.history_
        self._training = Training(
            classifier.module_,
            learning_rate=classifier.learning_rate,
            batch_size=classifier.batch_size,
            seed=seed,
            history=history,
            validation=validation.tensors(features) if validation else None,
            balance_weight=classifier.balance_weight,
            optimization=optimization,
            optimizer_state=classifier.optimizer_state_ if history and incremental else None,
            weighted=weighted,
            verbose=classifier.verbose,
        )
        if saved is not None:
            restore_training(saved, classifier.module_, self._training.optimizer)

    @classmethod
    def resumed(
        cls, classifier: ModelT, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
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
        return cls(classifier, X, y, sample_weight, seed=seed, saved=saved)

    @property
    def circuit(self) -> RouterCircuit | None:
        """The router's circuit, or None for a classical router."""
        return circuit_of(self.classifier.module_)

    @property
    def n_epochs_done(self) -> int:
        """Number of epochs that are finished."""
        return len(self._training.history)

    def run(self) -> ModelT:
        """Train up to `max_epochs`, or one epoch if incremental, and return the fitted classifier.

        Raises:
            DivergenceError: If a loss or a parameter is no longer finite.
            RunError: If the checkpoint cannot be written.
        """
        classifier, training = self.classifier, self._training
        module = classifier.module_
        before = copy.deepcopy(module.state_dict()) if self._goes_on else None
        try:
            self._train()
        except BaseException:
            if before is not None:
                module.load_state_dict(before)
            raise
        # Set last: a fit that fails or is interrupted leaves no classifier that seems fitted.
        classifier.history_ = training.history
        if isinstance(training, Training):
            classifier.optimizer_state_ = training.optimizer_state
        else:
            training.hand_over(classifier)
        classifier.votes_seed_ = self._seed
        return classifier

    def _train(self) -> None:
        if isinstance(self._training, Training):
            self._train_epochs(self._training)
        else:
            self._train_on_device(self._training)

    def _train_on_device(self, training: HardwareSteps) -> None:
        def after_step(entry: dict[str, float]) -> None:
            self._best = training.best
            self._save()
            _log_epoch(entry, training.max_steps, "step")
            progress.advance(entry["train_loss"], load_remark(entry))

        if not self._is_resumed:
            self._save()
        with EpochProgress(
            training.max_steps, done=self.n_epochs_done, enabled=self.classifier.verbose
        ) as progress:
            training.run(after_step)
        _log.info("trained on a device: %s", training.report)

    def _train_epochs(self, training: Training) -> None:
        classifier = self.classifier

        def after_epoch(entry: dict[str, float]) -> None:
            if self._stops_early and best_epoch(training.history) == len(training.history):
                state = classifier.module_.state_dict()
                self._best.update({name: tensor.clone() for name, tensor in state.items()})
            self._save()
            _log_epoch(entry, last_epoch)
            progress.advance(entry["train_loss"], load_remark(entry))
            if self._is_out_of_patience():
                raise StopTraining

        started = time.monotonic()
        if not self._is_resumed:
            self._save()
        last_epoch = self.n_epochs_done + 1 if self._incremental else classifier.max_epochs
        with EpochProgress(
            last_epoch, done=self.n_epochs_done, enabled=classifier.verbose
        ) as progress:
            if not self._is_out_of_patience():
                training.run(*self._rows, max_epochs=last_epoch, after_epoch=after_epoch)
        _log.info("trained for %d epochs in %.1f s", self.n_epochs_done, time.monotonic() - started)
        if self._best:
            classifier.module_.load_state_dict(self._best)

    def _checked(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None
    ) -> tuple[FloatArray, NDArray[np.intp]]:
        """Return features and codes of the labels, and set the classes."""
        classifier = self.classifier
        X_NF, y_N = checked_rows(classifier, X, y, reset=not self._goes_on)
        check_classification_targets(y_N)
        if self._goes_on:
            given_C = classifier.classes_ if classes is None else np.unique(classes)
            if not np.array_equal(given_C, classifier.classes_):
                raise InputError(
                    f"classes {given_C.tolist()} are not those that training began with, "
                    f"{classifier.classes_.tolist()}: leave them out, or train anew with fit"
                )
            return X_NF, codes_of(y_N, classifier.classes_)
        if self._incremental:
            if classes is None:
                raise InputError("classes must be given in the first call of partial_fit")
            known_C = np.unique(classes)
            codes_N = codes_of(y_N, known_C)
        else:
            known_C, codes_N = np.unique(y_N, return_inverse=True)
        if len(known_C) < 2:
            raise InputError(
                f"training needs rows of at least two classes, got one class, {known_C[0]}"
            )
        if len(known_C) > limits.CLASSES:
            raise InputError(
                f"the labels are of {len(known_C)} classes, at most {limits.CLASSES} are accepted: "
                "name another target"
            )
        classifier.classes_ = known_C
        return X_NF, codes_N

    def _split(self, rows: LabelledRows, seed: int) -> tuple[LabelledRows, LabelledRows | None]:
        """Return the training rows, those of weight 0 left out, and the validation rows."""
        classifier = self.classifier
        if rows.weights_N is not None:
            rows = rows.at(rows.weights_N > 0)
            left_C = np.unique(rows.codes_N)
            if len(left_C) < 2 and not self._incremental:
                raise InputError(
                    "training needs rows of at least two classes, and those that weigh more than "
                    f"zero are of one class, {classifier.classes_[left_C[0]]}"
                )
        if not self._stops_early:
            return rows, None
        fraction = classifier.validation_fraction
        train, validation = hold_out(rows.codes_N, fraction, seed=seed)
        return rows.at(train), rows.at(validation)

    def _prepare_module(self, train: LabelledRows, seed: int, backend: Backend | None) -> None:
        """Build the module and what it sees of the features, or keep those that are fitted."""
        classifier = self.classifier
        if self._goes_on:
            keep_module(classifier, seed, backend)
            return
        classifier.feature_map_ = FeatureMap.fit(
            train.features_NF,
            n_router_inputs=self._n_router_inputs(train.features_NF.shape[1]),
            feature_range=classifier.feature_range,
            weights_N=train.weights_N,
        )
        classifier.rebuild(seed, backend)

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
        if not self._stops_early:
            return False
        history = self._training.history
        return len(history) - best_epoch(history) >= self.classifier.patience

    def _n_router_inputs(self, n_features: int) -> int:
        router, n_qubits = self.classifier.router, self.classifier.n_qubits
        if not isinstance(router, RouterCircuit):
            return min(n_features, DEFAULT_MAX_QUBITS) if n_qubits is None else n_qubits
        if router.n_inputs > n_features:
            raise InputError(
                f"the circuit given as router takes {router.n_inputs} inputs, but the data has "
                f"{n_features} feature(s): use a circuit of at most {n_features} inputs"
            )
        return router.n_inputs


def _log_epoch(entry: dict[str, float], last_epoch: int, unit: str = "epoch") -> None:
    if _log.isEnabledFor(logging.INFO):
        numbers = ", ".join(
            f"{name} {value:.4g}" for name, value in entry.items() if name != "epoch"
        )
        _log.info("%s %d of %d: %s", unit, entry["epoch"], last_epoch, numbers)
