"""What the estimators share: settings, the module that they describe, training and files."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from qmoe_qiskit.backends import Backend, BackendSpec
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import MixtureOfExperts, ProjectedRouter, TrainedProjection, build_experts
from qmoe_qiskit.train.execution import Where
from qmoe_qiskit.train.features import n_coordinates
from qmoe_qiskit.train.fingerprint import settings_for_json
from qmoe_qiskit.train.loop.optimization import PASSED_ON, OptimizerState
from qmoe_qiskit.train.model import build_router
from qmoe_qiskit.train.on_device.settings import HardwareTraining
from qmoe_qiskit.train.prediction import RoutedPredictions
from qmoe_qiskit.train.settings import BACKEND_SETTINGS, SPARSE_SETTINGS, backend_spec_of
from qmoe_qiskit.train.stored.saving import load_model, save_model
from qmoe_qiskit.train.tasks.protocol import Task

if TYPE_CHECKING:
    from qmoe_qiskit.backends.surrogate import FourierSurrogate
    from qmoe_qiskit.moe.experts.registry import Experts
    from qmoe_qiskit.train.on_device.steps import HardwareReport

InitT = TypeVar("InitT", bound=Callable[..., None])

_CIRCUIT_SETTINGS = (
    "circuit", "n_layers", "rotation", "reuploads", "entanglement", "input_scaling",
    "initialization", "readout", "routing",
)  # fmt: skip


class MixtureEstimator(RoutedPredictions):
    """A mixture of experts as an estimator; its settings are described in `QMoEClassifier`.

    Attributes:
        task: What is predicted.
    """

    task: ClassVar[Task[Any]]
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
        expert: "Experts" = "linear",
        circuit: str = "angle",
        n_layers: int = 3,
        n_qubits: int | None = None,
        projection: str = "auto",
        rotation: str = "x",
        reuploads: int = 1,
        entanglement: str = "strong",
        input_scaling: bool = False,
        initialization: str = "uniform",
        readout: str = "expectations",
        routing: str = "weighted",
        top_k: int | None = None,
        capacity_factor: float | None = None,
        router_noise: float = 0.0,
        backend: Where = "statevector",
        shots: int | None = None,
        mitigation: str = "none",
        device_qubits: Sequence[int] | None = None,
        slots: str | int | None = None,
        feature_range: tuple[float, float] = (0.0, math.pi),
        max_epochs: int = 30,
        batch_size: int = 32,
        learning_rate: float = 0.05,
        optimizer: str | type[torch.optim.Optimizer] = "Adam",
        criterion: str | type[torch.nn.Module],
        callbacks: Sequence[Any] | None = None,
        warm_start: bool = False,
        balance: str = "switch",
        balance_weight: float = 0.0,
        bias_rate: float = 0.0,
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
        self.expert = expert
        self.circuit = circuit
        self.n_layers = n_layers
        self.n_qubits = n_qubits
        self.projection = projection
        self.rotation = rotation
        self.reuploads = reuploads
        self.entanglement = entanglement
        self.input_scaling = input_scaling
        self.initialization = initialization
        self.readout = readout
        self.routing = routing
        self.top_k = top_k
        self.capacity_factor = capacity_factor
        self.router_noise = router_noise
        self.backend = backend
        self.shots = shots
        self.mitigation = mitigation
        self.device_qubits = device_qubits
        self.slots = slots
        self.feature_range = feature_range
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.criterion = criterion
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.balance = balance
        self.balance_weight = balance_weight
        self.bias_rate = bias_rate
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.checkpoint = checkpoint
        self.hardware_training = hardware_training
        self.verbose = verbose
        self.random_state = random_state
        for name, value in optimizer__further.items():
            if not name.startswith(PASSED_ON):
                raise TypeError(
                    f"{type(self).__name__} got an unexpected keyword argument {name!r}"
                )
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
        """Train on rows X, shape (N, F), dense or sparse, with targets y, shape (N,).

        A regressor takes y of shape (N, T) as well. A row of weight 2 in `sample_weight`, shape
        (N,), counts as two equal rows, one of weight 0 as none; but it takes the place of one in a
        batch, and in an expert's `capacity_factor`. Early stopping holds rows out with their
        weights.

        Raises:
            InputError: If a setting is not accepted or the training diverges.
            ValueError: If scikit-learn refuses the data.
        """
        from qmoe_qiskit.train.fit import Fit

        return Fit(self, X, y, sample_weight).run()

    def resume(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Go on from `checkpoint` with the same data and settings (max_epochs may differ).

        The result is that of a fit that was never interrupted, bit for bit unless it uses shots.

        Raises:
            RunError: If there is no usable checkpoint, or it belongs to other data or settings.
        """
        from qmoe_qiskit.train.fit import Fit

        return Fit.resumed(self, X, y, sample_weight).run()

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the fitted estimator as one file: no code, no pickle.

        Weights are stored in safetensors, the circuit in QPY, settings, labels and history in JSON.
        Callbacks, and the state of the optimizer, are not stored; of an optimizer or a loss of
        yours its name is.

        Args:
            path: Path of the file, such as "model.safetensors".
            overwrite: Whether to replace an existing file.

        Raises:
            RunError: If the file exists or cannot be written.
            sklearn.exceptions.NotFittedError: If the estimator is not fitted.
        """
        save_model(self, path, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | Path, *, backend: Where | None = None) -> Self:
        """Return the estimator that `save` wrote; it predicts the same, bit for bit.

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
        """Build an untrained `module_` from the settings, `feature_map_` and targets.

        It is in evaluation mode.

        Args:
            seed: Seed of the initial weights, and of the backend if it is opened here.
            backend: The open backend; None to open the one that the settings choose.
            circuit: The router's circuit, if it is stored; None to build it.

        Raises:
            InputError: If router or backend are not accepted or do not go together.
        """
        self.backend_: Backend = backend or self.backend_spec.open(seed=seed)
        if self.expert == "quantum" and hasattr(self.backend_, "device"):
            raise InputError(
                f"expert 'quantum' runs circuits of its own, and only the router's is sent to "
                f"{self.backend_.name!r}: use expert 'linear' or 'mlp:H', or a simulation"
            )
        generator = torch.Generator().manual_seed(seed or 0)
        features = self.feature_map_
        router = build_router(
            self.router,
            features.n_router_inputs,
            self.n_experts,
            n_qubits=self._n_grouped_qubits,
            **{name: getattr(self, name) for name in _CIRCUIT_SETTINGS},
            backend=self.backend_,
            built=circuit,
            generator=generator,
        )
        matrix_FK, offset_K = map(torch.tensor, (features.matrix_FK, features.offset_K))
        if self.projection == "linear":
            router = TrainedProjection(router, matrix_FK, offset_K, features.low, features.high)
        elif features.projects:
            router = ProjectedRouter(router, matrix_FK, offset_K)
        experts = build_experts(
            self.expert,
            self.n_experts,
            len(features.minimum_F),
            self.task.n_outputs(self),
            backend=self.backend_,
            generator=generator,
        )
        sparse = {name: getattr(self, name) for name in SPARSE_SETTINGS}
        module = MixtureOfExperts(router, experts, routing=self.routing, **sparse).double()
        self.module_ = module.eval()
        self.n_parameters_ = {
            part: sum(p.numel() for p in module.parameters() if p.requires_grad)
            for part, module in self.module_.named_children()
        }
        self.built_with_ = self.architecture()

    @property
    def _n_grouped_qubits(self) -> int | None:
        """Number of qubits that the features enter in groups; None if each has its own."""
        if self.projection != "groups":
            return None
        return n_coordinates(self.n_qubits, len(self.feature_map_.minimum_F))

    def architecture(self) -> dict[str, Any]:
        """Return the settings that decide what `rebuild` makes of the fitted features."""
        names = ("router", "n_experts", "expert", "n_qubits", "projection", "feature_range")
        every = (*names, *_CIRCUIT_SETTINGS, *SPARSE_SETTINGS, *BACKEND_SETTINGS)
        return {name: getattr(self, name) for name in every}

    def settings(self) -> dict[str, Any]:
        """Return the settings that decide a training's result, in a form for JSON."""
        return settings_for_json(self.get_params())


def with_shared_settings(init: InitT) -> InitT:
    """Give `__init__` of an estimator, whose last argument is **settings, the shared signature.

    scikit-learn, notebooks and the documentation read it.
    """
    shared = inspect.signature(MixtureEstimator.__init__).parameters
    own = inspect.signature(init).parameters
    merged = {**shared, **{name: one for name, one in own.items() if name != "settings"}}
    parameters = sorted(merged.values(), key=lambda one: one.kind)
    init.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return init
