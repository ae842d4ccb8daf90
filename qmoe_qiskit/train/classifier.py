"""The scikit-learn estimator: a mixture of experts behind fit, predict and score."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.moe import ProjectedRouter, QuantumRouter
from qmoe_qiskit.train.checkpoint import (
    Checkpoint,
    load_checkpoint,
    optimizer_tensors,
    restore_training,
    save_checkpoint,
)
from qmoe_qiskit.train.early_stopping import best_epoch, hold_out
from qmoe_qiskit.train.execution import Where, open_for
from qmoe_qiskit.train.features import FeatureMap
from qmoe_qiskit.train.fingerprint import check_identity, settings_for_json, training_identity
from qmoe_qiskit.train.model import build_mixture, build_router
from qmoe_qiskit.train.progress import EpochProgress
from qmoe_qiskit.train.settings import check_settings, plain
from qmoe_qiskit.train.training import StopTraining, Training
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qmoe_qiskit.backends import Backend, CompiledRouter
    from qmoe_qiskit.moe import MixtureOfExperts

# Without n_qubits the router sees the features themselves up to this many.
DEFAULT_MAX_QUBITS = 6
_PREDICTION_ROWS = 4096


class QMoEClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # untyped bases
    """Mixture of linear experts behind a quantum (or classical) router.

    Features are scaled to `feature_range` by their smallest and largest training values. The
    experts see all of them; the router sees them all up to `n_qubits`, beyond that their first
    `n_qubits` principal components. Everything is computed in float64, and with a fixed
    `random_state` a fit repeats bit for bit on one machine, shots included.

    With a noisy backend the router is trained under that noise: by exact gradients, or, where
    `shots` is set, by parameter shift from shots, which takes minutes rather than seconds. Shots
    are drawn anew at every evaluation, so that such a model predicts a little differently each
    time; and a training that is resumed draws other ones than the training that was not
    interrupted would have drawn: both are as good, but not equal bit for bit.

    Args:
        router: "quantum", "linear", "quadratic", "mlp:H", "fourier", "rff:N", or a `RouterCircuit`;
            see `build_router`.
        n_experts: Number of experts, E.
        n_layers: Entangling layers of the circuit, see `angle_router`.
        n_qubits: Qubits of the circuit, and number of coordinates that any router sees; by default
            the number of features, at most 6.
        rotation: See `angle_router`.
        reuploads: See `angle_router`; also the degree of router "fourier".
        entanglement: See `angle_router`.
        readout: "expectations" or "probabilities", see `QuantumRouter`.
        backend: Where the circuit runs: a specification for `open_backend`, the `NoiseProfile` of
            a device, or a backend that is open already and then has the next three settings itself.
        shots: Shots per sample; None for exact values and derivatives.
        mitigation: "none", or "readout" to undo readout errors by the calibrated probabilities.
        device_qubits: Qubits of the device to run on; by default those with the smallest expected
            error.
        feature_range: Range that every feature is scaled to; for the circuit, in radians.
        max_epochs: Passes over the training data.
        batch_size: Rows in a training step.
        learning_rate: Adam's.
        balance_weight: Factor of the load-balancing loss, see `qmoe_qiskit.moe.balance_loss`, that
            is added to the cross entropy in training; 0.01 in Switch Transformers.
        early_stopping: Hold `validation_fraction` of the rows out, stop when the loss on them has
            not improved for `patience` epochs, and keep the model of the best epoch.
        validation_fraction: See `early_stopping`.
        patience: See `early_stopping`.
        checkpoint: File that the training's state is kept in for `resume`: from the start of a fit,
            which replaces an older one, and behind every epoch.
        verbose: Show a progress bar, on a terminal, in a fit of more than a second.
        random_state: Seed of initial weights, shuffling, validation split and shots.

    Attributes:
        classes_: Labels, sorted.
        n_features_in_: Number of features, F.
        module_: The trained `MixtureOfExperts`, on scaled features.
        feature_map_: The fitted `FeatureMap`.
        history_: Per epoch: epoch, train_loss (balance loss included) and, with early stopping,
            valid_loss (cross entropy alone); in nat.
        n_parameters_: Trainable numbers: {"router": ..., "experts": ...}.
        backend_: The open backend.
    """

    def __init__(
        self,
        router: str | RouterCircuit = "quantum",
        *,
        n_experts: int = 2,
        n_layers: int = 3,
        n_qubits: int | None = None,
        rotation: str = "x",
        reuploads: int = 1,
        entanglement: str = "strong",
        readout: str = "expectations",
        backend: Where = "statevector",
        shots: int | None = None,
        mitigation: str = "none",
        device_qubits: Sequence[int] | None = None,
        feature_range: tuple[float, float] = (0.0, math.pi),
        max_epochs: int = 30,
        batch_size: int = 32,
        learning_rate: float = 0.05,
        balance_weight: float = 0.0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        checkpoint: str | Path | None = None,
        verbose: bool = True,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.router = router
        self.n_experts = n_experts
        self.n_layers = n_layers
        self.n_qubits = n_qubits
        self.rotation = rotation
        self.reuploads = reuploads
        self.entanglement = entanglement
        self.readout = readout
        self.backend = backend
        self.shots = shots
        self.mitigation = mitigation
        self.device_qubits = device_qubits
        self.feature_range = feature_range
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.balance_weight = balance_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.checkpoint = checkpoint
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train on rows X, shape (N, F), with labels y, shape (N,).

        Raises:
            InputError: If a setting is not accepted or the training diverges.
            ValueError: If scikit-learn refuses the data.
        """
        return self._train(X, y, self._seed(), None)

    def resume(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Go on from `checkpoint` with the same data and settings (max_epochs may differ).

        The result is that of a fit that was never interrupted, bit for bit unless it uses shots.

        Raises:
            RunError: If there is no usable checkpoint, or it belongs to other data or settings.
        """
        if self.checkpoint is None:
            raise RunError("resume needs the file that fit kept: set checkpoint=FILE")
        check_settings(self.get_params(deep=False))
        saved = load_checkpoint(Path(self.checkpoint))
        seed = saved.identity["seed"]
        if isinstance(self.random_state, int | np.integer) and self._seed() != seed:
            raise RunError(
                f"the checkpoint was not made with random_state={self.random_state!r}: resume with "
                "the same settings, or train anew"
            )
        return self._train(X, y, seed, saved)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable label of every row, shape (N,)."""
        probabilities_NC = self.predict_proba(X)
        labels: NDArray[Any] = self.classes_[np.argmax(probabilities_NC, axis=1)]
        return labels

    def predict_proba(self, X: ArrayLike) -> FloatArray:
        """Return the probability of every label, shape (N, C), columns as in `classes_`."""
        return self.predict_routed(X)[0]

    def routing_weights(self, X: ArrayLike) -> FloatArray:
        """Return the weight of every expert for every row, shape (N, E)."""
        scaled = self._scaled(X)
        with torch.no_grad():
            parts = [self.module_.router(x) for x in torch.split(scaled, _PREDICTION_ROWS)]
        return torch.cat(parts).numpy()

    def predict_routed(self, X: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return the probability of every label, (N, C), and the weight of every expert, (N, E).

        Both are from one evaluation of the circuit, so that they belong together where shots make
        each one different.
        """
        scaled = self._scaled(X)
        weights: list[torch.Tensor] = []
        handle = self.module_.router.register_forward_hook(
            lambda _router, _inputs, output: weights.append(output)
        )
        try:
            with torch.no_grad():
                logits = [self.module_(x) for x in torch.split(scaled, _PREDICTION_ROWS)]
        finally:
            handle.remove()
        return torch.softmax(torch.cat(logits), dim=1).numpy(), torch.cat(weights).numpy()

    def circuit_arguments(self, X: ArrayLike) -> list[tuple[FloatArray, FloatArray]]:
        """Return inputs (B, F) and weights (W,) of each evaluation that `predict_routed` makes.

        Nothing is evaluated: what a device would have to execute can be known before it does.

        Raises:
            InputError: If the router is classical.
        """
        scaled, router = self._scaled(X), self.module_.router
        quantum = getattr(router, "router", router)
        if not isinstance(quantum, QuantumRouter):
            raise InputError(f"router {self.router!r} is classical: it has no circuit to execute")
        weights_W = quantum.connector.weight.detach().double().numpy()
        with torch.no_grad():
            seen = [
                router.seen(x) if isinstance(router, ProjectedRouter) else x
                for x in torch.split(scaled, _PREDICTION_ROWS)
            ]
        return [(inputs_BF.double().numpy(), weights_W) for inputs_BF in seen]

    @property
    def compiled_router(self) -> CompiledRouter | None:
        """The circuit as compiled for its backend, or None for a classical router."""
        check_is_fitted(self)
        return self._compiled()

    def __sklearn_is_fitted__(self) -> bool:
        # Set last: a fit that fails or is interrupted leaves nothing half fitted.
        return hasattr(self, "history_")

    def _seed(self) -> int:
        try:
            return int(check_random_state(self.random_state).randint(2**31))
        except ValueError as error:
            raise InputError(
                "random_state must be None, a RandomState or a whole number from 0 to 2**32 - 1, "
                f"got {self.random_state!r}"
            ) from error

    def _train(self, X: ArrayLike, y: ArrayLike, seed: int, saved: Checkpoint | None) -> Self:
        self.__dict__.pop("history_", None)
        X_NF: FloatArray
        X_NF, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, codes_N = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(
                f"training needs rows of at least two classes, got one class, {self.classes_[0]}"
            )
        check_settings(self.get_params(deep=False))
        identity = training_identity(
            self.settings(),
            backend=self._opened(seed),
            seed=seed,
            features_NF=X_NF,
            codes_N=codes_N,
            classes_C=self.classes_,
        )
        if saved is not None:
            check_identity(saved.identity, identity)
            if len(saved.history) > self.max_epochs:
                raise RunError(
                    f"the checkpoint has {len(saved.history)} epochs behind it, max_epochs is "
                    f"{self.max_epochs}: raise max_epochs, or train anew"
                )

        train, validation = (X_NF, codes_N), None
        if self.early_stopping:
            train, validation = hold_out(X_NF, codes_N, self.validation_fraction, seed=seed)
        self.feature_map_ = FeatureMap.fit(
            train[0],
            n_router_inputs=self._router_inputs(X_NF.shape[1]),
            feature_range=self.feature_range,
        )
        self.rebuild(seed)
        training = Training(
            self.module_,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            seed=seed,
            history=saved.history if saved else [],
            validation=self._tensors(*validation) if validation else None,
            balance_weight=self.balance_weight,
        )
        best = dict(saved.best) if saved else {}

        def save() -> None:
            if self.checkpoint is not None:
                save_checkpoint(
                    Path(self.checkpoint),
                    Checkpoint(
                        module=self.module_.state_dict(),
                        optimizer=optimizer_tensors(training.optimizer),
                        best=best,
                        history=training.history,
                        identity=identity,
                    ),
                )

        def after_epoch(entry: dict[str, float]) -> None:
            if self.early_stopping and best_epoch(training.history) == len(training.history):
                best.update({k: v.clone() for k, v in self.module_.state_dict().items()})
            save()
            progress.advance(entry["train_loss"])
            if self._out_of_patience(training.history):
                raise StopTraining

        if saved is None:
            save()
        else:
            restore_training(saved, self.module_, training.optimizer)
        with EpochProgress(
            self.max_epochs, done=len(training.history), enabled=self.verbose
        ) as progress:
            if not self._out_of_patience(training.history):
                training.run(
                    *self._tensors(*train), max_epochs=self.max_epochs, after_epoch=after_epoch
                )
        if best:
            self.module_.load_state_dict(best)
        self.history_ = training.history
        return self

    def _router_inputs(self, n_features: int) -> int:
        if isinstance(self.router, RouterCircuit):
            return self.router.n_inputs
        return min(n_features, DEFAULT_MAX_QUBITS) if self.n_qubits is None else self.n_qubits

    def rebuild(self, seed: int | None = None) -> None:
        """Make `module_` anew from the settings, `feature_map_` and `classes_`: untrained.

        Args:
            seed: Of the initial weights and of the backend.

        Raises:
            InputError: If router or backend are not accepted or do not go together.
        """
        self.backend_: Backend = self._opened(seed)
        generator = torch.Generator().manual_seed(seed or 0)
        router = build_router(
            self.router,
            self.feature_map_.n_router_inputs,
            self.n_experts,
            n_layers=self.n_layers,
            rotation=self.rotation,
            reuploads=self.reuploads,
            entanglement=self.entanglement,
            readout=self.readout,
            backend=self.backend_,
            generator=generator,
        )
        self.module_: MixtureOfExperts = build_mixture(
            router,
            self.feature_map_,
            len(self.classes_),
            n_experts=self.n_experts,
            generator=generator,
        )
        self.n_parameters_ = {
            "router": _count(self.module_.router),
            "experts": _count(self.module_.experts),
        }

    def _opened(self, seed: int | None) -> Backend:
        return open_for(
            self.backend,
            shots=plain(self.shots),
            mitigation=self.mitigation,
            device_qubits=self.device_qubits,
            seed=seed,
        )

    def _compiled(self) -> CompiledRouter | None:
        router = getattr(self.module_.router, "router", self.module_.router)
        return router.connector.compiled if isinstance(router, QuantumRouter) else None

    def _tensors(
        self, X: FloatArray, codes_N: NDArray[np.intp]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        scaled_NF = self.feature_map_.scale(X)
        return torch.from_numpy(scaled_NF), torch.from_numpy(codes_N.astype(np.int64))

    def _out_of_patience(self, history: list[dict[str, float]]) -> bool:
        return self.early_stopping and len(history) - best_epoch(history) >= self.patience

    def settings(self) -> dict[str, Any]:
        """Return the settings that decide a training's result, in a form for JSON."""
        return settings_for_json(self.get_params())

    def _scaled(self, X: ArrayLike) -> torch.Tensor:
        check_is_fitted(self)
        checked_NF: FloatArray = validate_data(self, X, reset=False, dtype=np.float64)
        self.feature_map_.warn_outside(checked_NF)
        return torch.from_numpy(self.feature_map_.scale(checked_NF))


def _count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
