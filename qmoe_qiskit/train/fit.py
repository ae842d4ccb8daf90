"""A fit of an estimator: prepared, with data and settings checked once, and then run."""

from __future__ import annotations

import copy
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmoe_qiskit.backends import Backend
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.train.continuing import check_for_more, keep_module
from qmoe_qiskit.train.features import FeatureMap, n_coordinates
from qmoe_qiskit.train.fingerprint import check_identity, training_identity
from qmoe_qiskit.train.loop.early_stopping import best_epoch
from qmoe_qiskit.train.loop.net import StopTraining
from qmoe_qiskit.train.loop.optimization import Optimization
from qmoe_qiskit.train.loop.progress import EpochProgress
from qmoe_qiskit.train.loop.routing_load import load_remark
from qmoe_qiskit.train.loop.training import Training
from qmoe_qiskit.train.model import circuit_of
from qmoe_qiskit.train.on_device.settings import HardwareTraining
from qmoe_qiskit.train.private import refusals
from qmoe_qiskit.train.private.features import declared_features
from qmoe_qiskit.train.private.settings import Privacy
from qmoe_qiskit.train.rows import TargetRows
from qmoe_qiskit.train.settings import check_settings
from qmoe_qiskit.train.stored.checkpoint import (
    Checkpoint,
    load_checkpoint,
    restore_training,
    save_checkpoint,
)

if TYPE_CHECKING:
    from qmoe_qiskit.train.estimator import MixtureEstimator
    from qmoe_qiskit.train.on_device.steps import HardwareSteps
    from qmoe_qiskit.train.private.training import PrivateTraining

ModelT = TypeVar("ModelT", bound="MixtureEstimator")
_log = logging.getLogger(__name__)


class Fit(Generic[ModelT]):
    """A training that can begin: its data, settings, backend and circuit were accepted.

    A fit of an estimator that is fitted and has `warm_start`, and all but the first of incremental
    fits, go on with the fitted module, classes and scaling. Such a fit that fails leaves the
    estimator as it was; any other leaves it without a fitted model.

    Args:
        estimator: The estimator that `run` fits in place.
        X: Features of the training rows, (N, F).
        y: Targets of the training rows, see `Task`.
        sample_weight: Weights of the rows, (N,), or None.
        seed: Seed of the training; by default drawn from the estimator's `random_state`.
        saved: Checkpoint of an interrupted training to go on with, or None.
        incremental: Whether this is one epoch of many, on rows of its own, as in `partial_fit`.
        classes: Labels of all incremental fits; None if the estimator is fitted, or is a regressor.

    Raises:
        InputError: If a setting is not accepted.
        RunError: If the checkpoint belongs to other data or settings.
        ValueError: If scikit-learn refuses the data.
    """

    def __init__(
        self,
        estimator: ModelT,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        seed: int | None = None,
        saved: Checkpoint | None = None,
        incremental: bool = False,
        classes: ArrayLike | None = None,
    ) -> None:
        self.estimator, self._is_resumed = estimator, saved is not None
        self._incremental = incremental
        self._stops_early = bool(estimator.early_stopping) and not incremental
        hardware = HardwareTraining.of(estimator.hardware_training)
        privacy = self._privacy = Privacy.of(getattr(estimator, "privacy", None))
        self._goes_on = (
            (saved is None or hardware is not None)
            and (incremental or bool(estimator.warm_start))
            and estimator.__sklearn_is_fitted__()
        )
        seed = self._seed = estimator.draw_seed() if seed is None else seed
        if not self._goes_on:
            for name in ("history_", "optimizer_state_", "privacy_spent_"):
                estimator.__dict__.pop(name, None)
        task = estimator.task
        X_NF, y_N = task.read_rows(estimator, X, y, reset=not self._goes_on)
        if saved is None:  # otherwise `resumed` has checked them
            check_settings(estimator.get_params(deep=False), task)
        targets_N = task.learn(
            estimator,
            y_N,
            self._declared_classes(y_N, classes, has_weights=sample_weight is not None),
            goes_on=self._goes_on,
            incremental=incremental or privacy is not None,
        )
        optimization = Optimization.of(estimator.get_params(deep=False))
        if estimator.checkpoint is not None:
            optimization.check_resumable()
        if incremental or self._goes_on:
            check_for_more(estimator.get_params(deep=False), incremental=incremental)
        rows = TargetRows(
            features_NF=X_NF,
            targets_N=targets_N,
            weights_N=task.row_weights(estimator, X_NF, targets_N, sample_weight, of_targets=True),
        )
        weighted = rows.weights_N is not None
        optimization.check_criterion(
            task.example(task.n_outputs(estimator)), task.n_outputs(estimator), weighted=weighted
        )
        backend: Backend | None = None
        if hardware is not None:
            # IBM's client, which takes half a second to import, is for those who need a device.
            from qmoe_qiskit.train.on_device.opening import check_with_hardware, open_device

            check_with_hardware(estimator.get_params(deep=False))
            backend = open_device(estimator.backend_spec, hardware, seed=seed)
        elif not self._goes_on:
            backend = estimator.backend_spec.open(seed=seed)
        self._identity: dict[str, Any] = {}
        if estimator.checkpoint is not None:  # of a checkpoint
            self._identity = training_identity(
                estimator.settings(),
                backend=backend or estimator.backend_,
                seed=seed,
                features_NF=X_NF,
                targets_N=targets_N,
                classes=task.document(estimator).get("classes"),
                weights_N=task.row_weights(  # that of classes is a setting
                    estimator, X_NF, targets_N, sample_weight, of_targets=False
                ),
            )
        if saved is not None:
            check_identity(saved.identity, self._identity)
            if hardware is None and len(saved.history) > estimator.max_epochs:
                raise RunError(
                    f"the checkpoint is from after epoch {len(saved.history)}, max_epochs is "
                    f"{estimator.max_epochs}: raise max_epochs, or train anew"
                )
        train, validation = self._split(rows, seed)
        self._prepare_module(train, seed, backend)
        self._rows = train.tensors(estimator)
        self._best = dict(saved.best) if saved else {}
        self._training: Training | HardwareSteps
        if hardware is not None:
            from qmoe_qiskit.train.on_device.preparing import prepare_steps

            self._training = prepare_steps(
                estimator,
                hardware,
                self._rows,
                validation.tensors(estimator) if validation else None,
                optimization=optimization,
                seed=seed,
                saved=saved,
                weighted=weighted,
                goes_on=self._goes_on,
            )
            return
        before = saved.history if saved else []
        history = estimator.history_ if self._goes_on and incremental else before
        self._training = (
            self._private_training(privacy, optimization, seed, saved)
            if privacy is not None
            else Training(
                estimator.module_,
                learning_rate=estimator.learning_rate,
                batch_size=estimator.batch_size,
                seed=seed,
                history=history,
                validation=validation.tensors(estimator) if validation else None,
                balance=estimator.balance,
                balance_weight=estimator.balance_weight,
                bias_rate=estimator.bias_rate,
                is_regression=task.name == "regression",
                optimization=optimization,
                optimizer_state=estimator.optimizer_state_ if history and incremental else None,
                weighted=weighted,
                verbose=estimator.verbose,
            )
        )
        if saved is not None:
            restore_training(saved, estimator.module_, self._training.optimizer)

    def _declared_classes(
        self, targets_N: NDArray[Any], classes: ArrayLike | None, *, has_weights: bool
    ) -> ArrayLike | None:
        """Return the classes that a private training declares, or those that were given."""
        if self._privacy is None:
            return classes
        refusals.check_private(
            self.estimator.get_params(deep=False),
            has_weights=has_weights,
            incremental=self._incremental,
        )
        refusals.check_rows(self._privacy, targets_N)
        return self._privacy.labels()

    def _private_training(
        self, privacy: Privacy, optimization: Optimization, seed: int, saved: Checkpoint | None
    ) -> PrivateTraining:
        """Return a training by DP-SGD, whose packages are imported for it."""
        from qmoe_qiskit.train.private.training import PrivateTraining

        estimator = self.estimator
        refusals.check_exact(estimator.backend_)
        return PrivateTraining.planned(
            estimator.module_,
            privacy,
            n_rows=len(self._rows[0]),
            batch_size=estimator.batch_size,
            max_epochs=estimator.max_epochs,
            counted=saved.counted if saved else {},
            seed=seed,
            learning_rate=estimator.learning_rate,
            history=saved.history if saved else [],
            optimization=optimization,
            verbose=estimator.verbose,
        )

    @classmethod
    def resumed(
        cls, estimator: ModelT, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Return the continuation of the training in an estimator's checkpoint.

        Raises:
            RunError: If there is no usable checkpoint, or it belongs to other data or settings.
        """
        if estimator.checkpoint is None:
            raise RunError("resume needs the file that fit kept: set checkpoint=FILE")
        check_settings(estimator.get_params(deep=False), estimator.task)
        saved = load_checkpoint(Path(estimator.checkpoint))
        seed = saved.identity["seed"]
        given = estimator.random_state
        if isinstance(given, int | np.integer) and estimator.draw_seed() != seed:
            raise RunError(
                f"the checkpoint was not made with random_state={given!r}: resume with the same "
                "settings, or train anew"
            )
        return cls(estimator, X, y, sample_weight, seed=seed, saved=saved)

    @property
    def circuit(self) -> RouterCircuit | None:
        """The router's circuit, or None for a classical router."""
        return circuit_of(self.estimator.module_)

    @property
    def n_epochs_done(self) -> int:
        """Number of epochs that are finished."""
        return len(self._training.history)

    def run(self) -> ModelT:
        """Train up to `max_epochs`, or one epoch if incremental, and return the fitted estimator.

        Raises:
            DivergenceError: If a loss or a parameter is no longer finite.
            RunError: If the checkpoint cannot be written.
        """
        estimator, training = self.estimator, self._training
        module = estimator.module_
        before = copy.deepcopy(module.state_dict()) if self._goes_on else None
        try:
            self._train()
        except BaseException:
            if before is not None:
                module.load_state_dict(before)
            raise
        finally:  # a fitted module, also one whose training was over or failed, predicts
            module.eval()
        # Set last: a fit that fails or is interrupted leaves no estimator that seems fitted.
        estimator.history_ = training.history
        if self._privacy is None:  # what goes on without privacy is private no more
            estimator.__dict__.pop("privacy_spent_", None)
        if isinstance(training, Training):
            estimator.optimizer_state_ = training.optimizer_state
        training.hand_over(estimator)
        estimator.votes_seed_ = self._seed
        return estimator

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
        self.estimator.module_.train()
        with EpochProgress(
            training.max_steps, done=self.n_epochs_done, enabled=self.estimator.verbose
        ) as progress:
            training.run(after_step)
        _log.info("trained on a device: %s", training.report)

    def _train_epochs(self, training: Training) -> None:
        estimator = self.estimator

        def after_epoch(entry: dict[str, float]) -> None:
            if self._stops_early and best_epoch(training.history) == len(training.history):
                state = estimator.module_.state_dict()
                self._best.update({name: tensor.clone() for name, tensor in state.items()})
            self._save()
            _log_epoch(entry, last_epoch)
            # Of private rows no loss is recorded.
            progress.advance(entry.get("train_loss"), load_remark(entry))
            if self._is_out_of_patience():
                raise StopTraining

        started = time.monotonic()
        # A private training counts in its checkpoint the epoch that comes, also after a resume.
        if not self._is_resumed or self._privacy is not None:
            self._save()
        last_epoch = self.n_epochs_done + 1 if self._incremental else estimator.max_epochs
        with EpochProgress(
            last_epoch, done=self.n_epochs_done, enabled=estimator.verbose
        ) as progress:
            if not self._is_out_of_patience():
                training.run(*self._rows, max_epochs=last_epoch, after_epoch=after_epoch)
        _log.info("trained for %d epochs in %.1f s", self.n_epochs_done, time.monotonic() - started)
        if self._best:
            estimator.module_.load_state_dict(self._best)

    def _split(self, rows: TargetRows, seed: int) -> tuple[TargetRows, TargetRows | None]:
        """Return the training rows, those of weight 0 left out, and the validation rows."""
        estimator = self.estimator
        if rows.weights_N is not None:
            rows = rows.at(rows.weights_N > 0)
            if not self._incremental:
                estimator.task.check_remaining(estimator, rows.targets_N)
        if not self._stops_early:
            return rows, None
        fraction = estimator.validation_fraction
        train, validation = estimator.task.hold_out(rows.targets_N, fraction, seed=seed)
        return rows.at(train), rows.at(validation)

    def _prepare_module(self, train: TargetRows, seed: int, backend: Backend | None) -> None:
        """Build the module and what it sees of the features, or keep those that are fitted."""
        estimator = self.estimator
        if self._goes_on:
            keep_module(estimator, seed, backend)
            return
        n_features = train.features_NF.shape[1]
        n_router_inputs = self._n_router_inputs(n_features)
        if self._privacy is not None:
            estimator.feature_map_ = declared_features(
                self._privacy,
                n_features=n_features,
                n_router_inputs=n_router_inputs,
                feature_range=estimator.feature_range,
            )
        else:
            estimator.feature_map_ = FeatureMap.fit(
                train.features_NF,
                n_router_inputs=n_router_inputs,
                feature_range=estimator.feature_range,
                weights_N=train.weights_N,
                rotate=estimator.projection == "pca",
            )
        estimator.task.fit_scale(estimator, train)
        estimator.rebuild(seed, backend)

    def _save(self) -> None:
        if self.estimator.checkpoint is not None:
            checkpoint = Checkpoint.of(
                self.estimator.module_,
                self._training,
                best=self._best,
                identity=self._identity,
            )
            save_checkpoint(Path(self.estimator.checkpoint), checkpoint)

    def _is_out_of_patience(self) -> bool:
        if not self._stops_early:
            return False
        history = self._training.history
        return len(history) - best_epoch(history) >= self.estimator.patience

    def _n_router_inputs(self, n_features: int) -> int:
        router, n_qubits = self.estimator.router, self.estimator.n_qubits
        if not isinstance(router, RouterCircuit):
            n_qubits = n_coordinates(n_qubits, n_features)
            return n_features if self.estimator.projection == "groups" else n_qubits
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
