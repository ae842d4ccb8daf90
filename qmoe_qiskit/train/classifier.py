"""The scikit-learn estimator: a mixture of experts with fit, predict and score."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from qmoe_qiskit.backends import Backend, BackendSpec, CompiledRouter
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import MixtureOfExperts, ProjectedRouter, QuantumRouter, linear_experts
from qmoe_qiskit.train.execution import Where
from qmoe_qiskit.train.features import FeatureMap
from qmoe_qiskit.train.fingerprint import settings_for_json
from qmoe_qiskit.train.fit import Fit
from qmoe_qiskit.train.model import build_router, compiled_router
from qmoe_qiskit.train.settings import backend_spec_of
from qmoe_qiskit.typing import FloatArray

_PREDICTION_ROWS = 4096
_CIRCUIT_SETTINGS = ("n_layers", "rotation", "reuploads", "entanglement", "readout")


class QMoEClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # untyped bases
    """Mixture of linear experts that a quantum (or classical) router weights.

    Features are scaled to `feature_range` by their smallest and largest training values. The
    experts see all of them. The router sees all of them if there are at most `n_qubits`, otherwise
    their first `n_qubits` principal components. Everything is computed in float64, and with a fixed
    `random_state` a fit repeats bit for bit on one machine, shots included.

    With a noisy backend the router is trained under that noise: by exact gradients, or, if `shots`
    is set, by the parameter-shift rule from shots, which takes minutes rather than seconds. Shots
    are drawn anew at every evaluation: such a model predicts a little differently each time, and a
    resumed training draws other shots than an uninterrupted one. Both are equally good, but not
    equal bit for bit.

    Args:
        router: A name from `qmoe_qiskit.moe.ROUTERS`, such as "quantum" or "mlp:16", or a
            `RouterCircuit`.
        n_experts: Number of experts, E.
        n_layers: Number of entangling layers of the circuit, see `angle_router`.
        n_qubits: Number of qubits of the circuit, and of coordinates that any router sees; by
            default the number of features, at most 6.
        rotation: Axis of the embedding, see `angle_router`.
        reuploads: Number of times that the circuit takes its inputs, see `angle_router`; also the
            degree of router "fourier".
        entanglement: Entangler of the circuit, see `angle_router`.
        readout: "expectations" or "probabilities", see `QuantumRouter`.
        backend: Where the circuit runs: a specification or another object for `open_backend`, such
            as the `NoiseProfile` of a device or a fake; or an open backend, which has the next
            three settings itself.
        shots: Number of shots per sample; None for exact values and derivatives.
        mitigation: Name of an entry of `qmoe_qiskit.backends.MITIGATIONS`.
        device_qubits: Device qubits to run on; by default those with the smallest expected error.
        feature_range: Range that every feature is scaled to; for the circuit, in radians.
        max_epochs: Number of passes over the training data.
        batch_size: Number of rows in a training step.
        learning_rate: Learning rate of Adam.
        balance_weight: Factor of the load-balancing loss, see `qmoe_qiskit.moe.balance_loss`, that
            is added to the cross entropy in training; 0.01 in Switch Transformers.
        early_stopping: Whether to hold out `validation_fraction` of the rows, to stop when the loss
            on them has not improved for `patience` epochs, and to keep the best epoch's model.
        validation_fraction: Share of the rows that early stopping holds out.
        patience: Number of epochs without improvement after which early stopping stops.
        checkpoint: File that holds the training's state for `resume`. It is written at the start of
            a fit and after every epoch, and replaces an older file.
        verbose: Whether to show a progress bar, on a terminal, in a fit of more than a second.
        random_state: Seed of initial weights, shuffling, validation split and shots.

    Attributes:
        classes_: Labels, sorted.
        n_features_in_: Number of features, F.
        module_: The trained `MixtureOfExperts`, on scaled features.
        feature_map_: The fitted `FeatureMap`.
        history_: Per epoch: epoch, train_loss (balance loss included) and, with early stopping,
            valid_loss (cross entropy alone); in nat.
        n_parameters_: Number of trainable parameters: {"router": ..., "experts": ...}.
        backend_: The open backend.

    >>> from qmoe_qiskit.data import load_dataset
    >>> moons = load_dataset("moons", n_samples=60)
    >>> model = QMoEClassifier(n_layers=1, max_epochs=3, random_state=0)
    >>> model.fit(moons.features_NF, moons.labels_N).predict([[2.0, -0.5]]).shape
    (1,)
    >>> model.routing_weights([[2.0, -0.5]]).shape
    (1, 2)
    """

    classes_: NDArray[Any]
    feature_map_: FeatureMap
    history_: list[dict[str, float]]

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
        return Fit(self, X, y).run()

    def resume(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Go on from `checkpoint` with the same data and settings (max_epochs may differ).

        The result is that of a fit that was never interrupted, bit for bit unless it uses shots.

        Raises:
            RunError: If there is no usable checkpoint, or it belongs to other data or settings.
        """
        return Fit.resumed(self, X, y).run()

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable label of every row, shape (N,)."""
        best_N = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[best_N]
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

        Both come from one evaluation of the circuit: they belong together even with shots, which
        make every evaluation different.
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

        Nothing is evaluated: the work of a device is known before the device does it.

        Raises:
            InputError: If the router is classical.
        """
        scaled, router = self._scaled(X), self.module_.router
        quantum = getattr(router, "router", router)
        if not isinstance(quantum, QuantumRouter):
            raise InputError(f"router {self.router!r} is classical: it has no circuit to execute")
        weights_W = quantum.connector.weight.detach().double().numpy()
        with torch.no_grad():
            inputs = [
                router.router_inputs(x) if isinstance(router, ProjectedRouter) else x
                for x in torch.split(scaled, _PREDICTION_ROWS)
            ]
        return [(inputs_BF.double().numpy(), weights_W) for inputs_BF in inputs]

    @property
    def compiled_router(self) -> CompiledRouter | None:
        """The circuit as compiled for its backend, or None for a classical router."""
        check_is_fitted(self)
        return compiled_router(self.module_)

    @property
    def backend_spec(self) -> BackendSpec:
        """The choice of the backend that the settings make."""
        return backend_spec_of(self.get_params(deep=False))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "history_")

    def draw_seed(self) -> int:
        """Return the seed of a training, drawn from `random_state`.

        Raises:
            InputError: If `random_state` is not accepted.
        """
        try:
            return int(check_random_state(self.random_state).randint(2**31))
        except ValueError as error:
            raise InputError(
                "random_state must be None, a RandomState or a whole number from 0 to 2**32 - 1, "
                f"got {self.random_state!r}"
            ) from error

    def rebuild(self, seed: int | None = None, backend: Backend | None = None) -> None:
        """Build an untrained `module_` from the settings, `feature_map_` and `classes_`.

        Args:
            seed: Seed of the initial weights, and of the backend if it is opened here.
            backend: The open backend; None to open the one that the settings choose.

        Raises:
            InputError: If router or backend are not accepted or do not go together.
        """
        self.backend_: Backend = backend or self.backend_spec.open(seed=seed)
        generator = torch.Generator().manual_seed(seed or 0)
        features = self.feature_map_
        router = build_router(
            self.router,
            features.n_router_inputs,
            self.n_experts,
            **{name: getattr(self, name) for name in _CIRCUIT_SETTINGS},
            backend=self.backend_,
            generator=generator,
        )
        if features.projects:
            matrix_FK, offset_K = map(torch.tensor, (features.matrix_FK, features.offset_K))
            router = ProjectedRouter(router, matrix_FK, offset_K)
        experts = linear_experts(
            self.n_experts, len(features.minimum_F), len(self.classes_), generator=generator
        )
        self.module_ = MixtureOfExperts(router, experts).double()
        self.n_parameters_ = {
            part: sum(p.numel() for p in module.parameters() if p.requires_grad)
            for part, module in self.module_.named_children()
        }

    def settings(self) -> dict[str, Any]:
        """Return the settings that decide a training's result, in a form for JSON."""
        return settings_for_json(self.get_params())

    def _scaled(self, X: ArrayLike) -> torch.Tensor:
        check_is_fitted(self)
        checked_NF: FloatArray = validate_data(self, X, reset=False, dtype=np.float64)
        self.feature_map_.warn_outside(checked_NF)
        return torch.from_numpy(self.feature_map_.scale(checked_NF))
