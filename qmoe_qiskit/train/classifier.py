"""The scikit-learn estimator: a mixture of experts with fit, predict and score."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from qmoe_qiskit.backends import Backend, BackendSpec
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.figures.methods import PlotMethods
from qmoe_qiskit.moe import MixtureOfExperts, ProjectedRouter, linear_experts
from qmoe_qiskit.train.execution import Where
from qmoe_qiskit.train.fingerprint import settings_for_json
from qmoe_qiskit.train.loop.optimization import PASSED_ON, OptimizerState
from qmoe_qiskit.train.model import build_router
from qmoe_qiskit.train.on_device.settings import HardwareTraining
from qmoe_qiskit.train.prediction import Predictions
from qmoe_qiskit.train.saving import load_model, save_model
from qmoe_qiskit.train.settings import BACKEND_SETTINGS, backend_spec_of
from qmoe_qiskit.train.state import ModelState, restored_as
from qmoe_qiskit.train.weights import ClassWeight

if TYPE_CHECKING:
    from qmoe_qiskit.backends.surrogate import FourierSurrogate
    from qmoe_qiskit.train.on_device.steps import HardwareReport

_CIRCUIT_SETTINGS = (
    "circuit", "n_layers", "rotation", "reuploads", "entanglement", "input_scaling",
    "initialization", "readout", "routing",
)  # fmt: skip


class QMoEClassifier(PlotMethods, Predictions):
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
            `RouterCircuit` of yours, with at most F inputs. Then circuit, n_layers, rotation,
            reuploads, entanglement and input_scaling stay at their defaults: they describe our
            circuit.
        n_experts: Number of experts, E.
        circuit: Name of a family of circuits, an entry of `qmoe_qiskit.circuits.CIRCUITS`. With
            "amplitude", K coordinates take log2 K qubits, and one of them at least must differ from
            0. "hardware-efficient" follows the couplers of the backend's device, and a stored model
            keeps them wherever it runs later.
        n_layers: Number of entangling layers of the circuit, see `angle_router`.
        n_qubits: Number of qubits of the circuit, and of coordinates that any router sees; by
            default the number of features, at most 6.
        rotation: Axis of the embedding, see `angle_router`.
        reuploads: Number of times that the circuit takes its inputs, see `angle_router`; also the
            degree of router "fourier".
        entanglement: Entangler of the circuit, see `angle_router`; of circuit "hardware-efficient"
            it is "device", whether or not it is said.
        input_scaling: Whether the circuit multiplies its inputs by trained weights, see
            `angle_router`.
        initialization: How the circuit's angles start, an entry of
            `qmoe_qiskit.moe.INITIALIZATIONS`.
        readout: "expectations" or "probabilities", see `QuantumRouter`.
        routing: "weighted": logits are the sum of the experts' outputs with the router's weights.
            "sampled": one expert is drawn per row and vote with these weights as probabilities, and
            gives the probabilities of the labels; the exact likelihood of this, log sum_e P(e|x)
            p_e(y|x), is trained. A circuit then needs readout "probabilities": a measured bit
            string is the choice of an expert, see `QuantumRouter`. Classical routers are drawn from
            as well.
        n_votes: Number of votes per row with routing "sampled": predictions are the mean of the
            probabilities of the experts that are drawn. None for the whole mixture. Training is the
            same for all numbers.
        backend: Where the circuit runs: a specification or another object for `open_backend`, such
            as the `NoiseProfile` of a device or a fake; or an open backend, which has the next
            three settings itself.
        shots: Number of shots per sample; None for exact values and derivatives.
        mitigation: Name of an entry of `qmoe_qiskit.backends.MITIGATIONS`.
        device_qubits: Device qubits to run on; by default those with the smallest expected error.
        feature_range: Range that every feature is scaled to; for the circuit, in radians.
        max_epochs: Number of passes over the training data.
        batch_size: Number of rows in a training step.
        learning_rate: Learning rate of the optimizer.
        optimizer: Name of an optimizer of `torch.optim`, or a class. Further arguments such as
            `optimizer__weight_decay=0.01` go to it, as in skorch.
        criterion: Loss of the logits (B, C) and labels (B,): "CrossEntropyLoss", "NLLLoss" or
            "MultiMarginLoss" of `torch.nn`, or a class. Further arguments such as
            `criterion__label_smoothing=0.1` go to it.
        class_weight: Factor of the weights of a label's rows, by label; "balanced" for factors that
            give all labels the same total weight; None for 1.
        callbacks: Callbacks of skorch, such as `skorch.callbacks.LRScheduler`, for a fit. They see
            a net with scaled features and labels from 0 to C - 1. Numbers that they record for an
            epoch are in `history_`. One that raises `StopTraining` ends the fit.
        warm_start: Whether `fit` begins with the weights, the classes and the scaling of the fit
            before, with a new optimizer.
        balance_weight: Factor of the load-balancing loss, see `qmoe_qiskit.moe.balance_loss`, that
            is added to the cross entropy in training; 0.01 in Switch Transformers.
        early_stopping: Whether to hold out `validation_fraction` of the rows, to stop when the loss
            on them has not improved for `patience` epochs, and to keep the best epoch's model.
        validation_fraction: Share of the rows that early stopping holds out.
        patience: Number of epochs without improvement after which early stopping stops.
        checkpoint: File that holds the training's state for `resume`. It is written at the start of
            a fit and after every epoch, and replaces an older file.
        hardware_training: How to train on a device of IBM Quantum within a budget, with backend
            "runtime:...": a `HardwareTraining` or a dict of its settings. Then every step sees all
            rows, and max_epochs and batch_size have no effect. Predictions of the fitted model come
            from the surrogate that was measured, and cost nothing. Interrupted or killed, `resume`
            goes on, and pays for no job twice.
        verbose: Whether to show a progress bar in a fit of more than a second: on a terminal, and
            in a notebook.
        random_state: Seed of initial weights, shuffling, validation split and shots.

    Attributes:
        classes_: Labels, sorted.
        n_features_in_: Number of features, F.
        module_: The trained `MixtureOfExperts`, on scaled features.
        feature_map_: The fitted `FeatureMap`.
        history_: Per epoch: epoch, train_loss (balance loss included) and, with early stopping,
            valid_loss (without balance loss), in nat; then what callbacks record.
        built_with_: The settings that `module_` was built with.
        optimizer_state_: The optimizer's state after training, for `partial_fit`.
        n_parameters_: Number of trainable parameters: {"router": ..., "experts": ...}.
        backend_: The open backend.
        votes_seed_: The seed of the votes.
        surrogate_: After a training on a device, the `FourierSurrogate` of the circuit.
        hardware_report_: After a training on a device, its steps and what they took.

    >>> from qmoe_qiskit.data import load_dataset
    >>> moons = load_dataset("moons", n_samples=60)
    >>> model = QMoEClassifier(n_layers=1, max_epochs=3, random_state=0)
    >>> model.fit(moons.features_NF, moons.labels_N).predict([[2.0, -0.5]]).shape
    (1,)
    >>> model.routing_weights([[2.0, -0.5]]).shape
    (1, 2)
    """

    built_with_: dict[str, Any]
    history_: list[dict[str, float]]
    optimizer_state_: OptimizerState | None = None
    votes_seed_: int
    surrogate_: "FourierSurrogate"
    hardware_report_: "HardwareReport"

    def __init__(
        self,
        router: str | RouterCircuit = "quantum",
        *,
        n_experts: int = 2,
        circuit: str = "angle",
        n_layers: int = 3,
        n_qubits: int | None = None,
        rotation: str = "x",
        reuploads: int = 1,
        entanglement: str = "strong",
        input_scaling: bool = False,
        initialization: str = "uniform",
        readout: str = "expectations",
        routing: str = "weighted",
        n_votes: int | None = 1,
        backend: Where = "statevector",
        shots: int | None = None,
        mitigation: str = "none",
        device_qubits: Sequence[int] | None = None,
        feature_range: tuple[float, float] = (0.0, math.pi),
        max_epochs: int = 30,
        batch_size: int = 32,
        learning_rate: float = 0.05,
        optimizer: str | type[torch.optim.Optimizer] = "Adam",
        criterion: str | type[torch.nn.Module] = "CrossEntropyLoss",
        class_weight: ClassWeight = None,
        callbacks: Sequence[Any] | None = None,
        warm_start: bool = False,
        balance_weight: float = 0.0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        checkpoint: str | Path | None = None,
        hardware_training: HardwareTraining | Mapping[str, Any] | None = None,
        verbose: bool = True,
        random_state: int | np.random.RandomState | None = None,
        # A name of such a setting itself, since scikit-learn's checks pass it as one.
        **optimizer__further: Any,  # noqa: ANN401
    ) -> None:
        self.router = router
        self.n_experts = n_experts
        self.circuit = circuit
        self.n_layers = n_layers
        self.n_qubits = n_qubits
        self.rotation = rotation
        self.reuploads = reuploads
        self.entanglement = entanglement
        self.input_scaling = input_scaling
        self.initialization = initialization
        self.readout = readout
        self.routing = routing
        self.n_votes = n_votes
        self.backend = backend
        self.shots = shots
        self.mitigation = mitigation
        self.device_qubits = device_qubits
        self.feature_range = feature_range
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.criterion = criterion
        self.class_weight = class_weight
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.balance_weight = balance_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.checkpoint = checkpoint
        self.hardware_training = hardware_training
        self.verbose = verbose
        self.random_state = random_state
        for name, value in optimizer__further.items():
            if not name.startswith(PASSED_ON):
                raise TypeError(f"QMoEClassifier got an unexpected keyword argument {name!r}")
            setattr(self, name, value)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings, with those for optimizer, criterion and callbacks."""
        further = {k: v for k, v in vars(self).items() if k.startswith(PASSED_ON)}
        return {**super().get_params(deep=deep), **further}

    def set_params(self, **params: Any) -> Self:  # noqa: ANN401
        """Change settings, also those for optimizer, criterion and callbacks."""
        further = {name: value for name, value in params.items() if name.startswith(PASSED_ON)}
        super().set_params(**{name: params[name] for name in params.keys() - further})
        self.__dict__.update(further)
        return self

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train on rows X, shape (N, F), dense or sparse, with labels y, shape (N,).

        A row of weight 2 in `sample_weight`, shape (N,), counts as two equal rows, one of weight 0
        as none. Early stopping holds rows out with their weights.

        Raises:
            InputError: If a setting is not accepted or the training diverges.
            ValueError: If scikit-learn refuses the data.
        """
        from qmoe_qiskit.train.fit import Fit

        return Fit(self, X, y, sample_weight).run()

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch on rows of which there may be more; arguments as for `fit`.

        The first call of a classifier that is not fitted takes all labels as `classes`, and scales
        features by its own rows. Later calls go on with that scaling, the weights, and the state of
        the optimizer. `sample_weight` compares rows of one call. `early_stopping` holds no rows
        out. If a call fails, the model stays as it was before.

        Raises:
            InputError: As for `fit`; and if a label is none of the classes.
            ValueError: If scikit-learn refuses the data.
        """
        from qmoe_qiskit.train.fit import Fit

        return Fit(self, X, y, sample_weight, incremental=True, classes=classes).run()

    def resume(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Go on from `checkpoint` with the same data and settings (max_epochs may differ).

        The result is that of a fit that was never interrupted, bit for bit unless it uses shots.

        Raises:
            RunError: If there is no usable checkpoint, or it belongs to other data or settings.
        """
        from qmoe_qiskit.train.fit import Fit

        return Fit.resumed(self, X, y, sample_weight).run()

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the fitted classifier as one file: no code, no pickle.

        Weights are stored in safetensors, the circuit in QPY, settings, labels and history in JSON.
        Callbacks, and the state of the optimizer, are not stored; of an optimizer or a loss of
        yours its name is.

        Args:
            path: Path of the file, such as "model.safetensors".
            overwrite: Whether to replace an existing file.

        Raises:
            RunError: If the file exists or cannot be written.
            sklearn.exceptions.NotFittedError: If the classifier is not fitted.
        """
        save_model(self, path, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | Path, *, backend: Where | None = None) -> Self:
        """Return the classifier that `save` wrote; it predicts the same, bit for bit.

        Args:
            path: Path of the file.
            backend: Where the circuit is to run, see `backend` of the class; None for where it was
                trained, with its shots from the start.

        Raises:
            InputError: If the backend is not accepted, or cannot run the model's circuit.
            RunError: If the file is missing or damaged, or was not written by `save`.
        """
        return load_model(cls, path, backend=backend)

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

    def rebuild(
        self,
        seed: int | None = None,
        backend: Backend | None = None,
        circuit: RouterCircuit | None = None,
    ) -> None:
        """Build an untrained `module_` from the settings, `feature_map_` and `classes_`.

        Args:
            seed: Seed of the initial weights, and of the backend if it is opened here.
            backend: The open backend; None to open the one that the settings choose.
            circuit: The router's circuit, if it is stored; None to build it.

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
            built=circuit,
            generator=generator,
        )
        if features.projects:
            matrix_FK, offset_K = map(torch.tensor, (features.matrix_FK, features.offset_K))
            router = ProjectedRouter(router, matrix_FK, offset_K)
        experts = linear_experts(
            self.n_experts, len(features.minimum_F), len(self.classes_), generator=generator
        )
        self.module_ = MixtureOfExperts(router, experts, routing=self.routing).double()
        self.n_parameters_ = {
            part: sum(p.numel() for p in module.parameters() if p.requires_grad)
            for part, module in self.module_.named_children()
        }
        self.built_with_ = self.architecture()

    def architecture(self) -> dict[str, Any]:
        """Return the settings that decide what `rebuild` makes of the fitted features."""
        names = ("router", "n_experts", "n_qubits", "feature_range", *_CIRCUIT_SETTINGS)
        return {name: getattr(self, name) for name in (*names, *BACKEND_SETTINGS)}

    def settings(self) -> dict[str, Any]:
        """Return the settings that decide a training's result, in a form for JSON."""
        return settings_for_json(self.get_params())


def restore_model(state: ModelState, where: BackendSpec | None = None) -> QMoEClassifier:
    """Rebuild a classifier from plain data, see `restored_as`."""
    return restored_as(QMoEClassifier, state, where)
