"""What is asked for when a model is trained: all settings, and where the data come from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from qmoe_qiskit import limits
from qmoe_qiskit.errors import InputError, require_positive
from qmoe_qiskit.io.reasons import reason_of
from qmoe_qiskit.io.regular_files import read_regular
from qmoe_qiskit.runs.relative_paths import WithPaths, is_circuit_file, with_circuit, with_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.backends import BackendSpec
    from qmoe_qiskit.circuits import RouterCircuit
    from qmoe_qiskit.data import Dataset, Split
    from qmoe_qiskit.train import HardwareTraining
    from qmoe_qiskit.train.estimator import MixtureEstimator

# The generated data sets are those of the paper, with its seed. The `seed` of a request decides
# split and training, so that runs of different seeds share their points.
DATA_SEED = 42

_ABOUT_DATA = {"task", "data", "target", "features", "drop", "n_samples", "test_fraction"}
ABOUT_BACKEND = ("backend", "shots", "mitigation", "device_qubits")
# The settings of a training on a device.
ON_DEVICE = ("budget", "steps", "method", "slots", "init")


@dataclass(frozen=True, kw_only=True, repr=False)
class TrainingRequest(WithPaths):
    """All that decides the result of a training.

    Attributes:
        data: A built-in name, or the path of a file, see `load_dataset`.
        task: "classification", or "regression" with `QMoERegressor`.
        target: Column of the labels in a file, see `load_dataset`.
        features: Columns of a file that are features, or None for all.
        drop: Columns of a file that are no features, or None.
        n_samples: Number of rows, see `load_dataset`.
        test_fraction: Share of the rows that are held out, see `split_dataset`.
        router: A name, see `QMoEClassifier`, or the path of a .qpy file with a circuit of your own,
            see `RouterCircuit.to_qpy`.
        control: Router of a second model that is trained on the same rows for comparison, several
            of them, or None.
        budget: QPU time that a training on a device may take, such as "600s"; None in a simulation.
        steps: Largest number of its steps, or None for the default, see `HardwareTraining`.
        method: Its method, or None for the default.
        slots: How many points it evaluates at once, "auto" or a number, or None for the default.
        init: Folder of a run whose model it begins with, or None for random weights.
        seed: Seed of split, initial weights and shuffling.

    The other attributes are settings of `QMoEClassifier`.

    Raises:
        InputError: If there is a device without a budget, or the other way round; if there are too
            many epochs, or two models have the same router.
    """

    data: str = "moons"
    task: str = "classification"
    target: str | None = None
    features: tuple[str, ...] | None = None
    drop: tuple[str, ...] | None = None
    n_samples: int | None = None
    test_fraction: float = 0.25
    router: str = "quantum"
    control: str | tuple[str, ...] | None = None
    n_experts: int = 2
    expert: str = "linear"
    circuit: str = "angle"
    n_layers: int = 3
    n_qubits: int | None = None
    projection: str = "auto"
    rotation: str = "x"
    reuploads: int = 1
    entanglement: str = "strong"
    input_scaling: bool = False
    initialization: str = "uniform"
    readout: str = "expectations"
    routing: str = "weighted"
    n_votes: int = 1
    top_k: int | None = None
    capacity_factor: float | None = None
    router_noise: float = 0.0
    backend: str = "statevector"
    shots: int | None = None
    mitigation: str = "none"
    device_qubits: tuple[int, ...] | None = None
    max_epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 0.05
    balance: str = "switch"
    balance_weight: float = 0.0
    bias_rate: float = 0.0
    early_stopping: bool = False
    patience: int = 10
    budget: str | None = None
    steps: int | None = None
    method: str | None = None
    slots: str | None = None
    init: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.max_epochs > limits.EPOCHS:  # a run keeps the losses of all
            require_positive("max_epochs", self.max_epochs, at_most=limits.EPOCHS)
        if self.backend.startswith("runtime:") and self.budget is None:
            raise InputError(
                f"a training on {self.backend!r} needs a budget, such as --budget 120s: give one, "
                "or train ideally or under a device's calibration (such as noisy:ibm_fez), and "
                "give the run to qmoe submit"
            )
        for name in ON_DEVICE:
            value = getattr(self, name)
            if value is not None and not self.backend.startswith("runtime:"):
                raise InputError(
                    f"--{name} {value} is for training on a device, not on {self.backend!r}: leave "
                    "it out, or name a device, such as --backend runtime:ibm_fez"
                )
        if self.backend.startswith("runtime:"):
            self._check_on_device()
        self._check_controls()

    def _check_on_device(self) -> None:
        if self.mitigation != "none":
            raise InputError(
                f"--mitigation {self.mitigation} is for simulated noise: a device mitigates by the "
                "options of its primitives; leave it out"
            )
        if not self.is_circuit(self.router):
            raise InputError(
                f"router {self.router!r} is classical: it needs no device; leave --backend out"
            )
        self.hardware_training()

    def hardware_training(self) -> HardwareTraining:
        """Return the settings of a training on a device.

        Raises:
            InputError: If a value is not accepted.
        """
        from qmoe_qiskit.hardware.cost.budget import parse_seconds
        from qmoe_qiskit.train import HardwareTraining

        slots = self.slots
        given: dict[str, Any] = {
            "budget_s": None if self.budget is None else parse_seconds(self.budget),
            "max_steps": self.steps,
            "method": self.method,
            "slots": int(slots) if slots is not None and slots.isdecimal() else slots,
        }
        return HardwareTraining(**{name: one for name, one in given.items() if one is not None})

    def _check_controls(self) -> None:
        controls = self.controls
        if len(controls) > limits.CONTROLS:
            raise InputError(
                f"{len(controls)} controls are too many: at most {limits.CONTROLS} are accepted"
            )
        for index, router in enumerate(controls):
            if router == self.router:
                raise InputError(
                    f"control {router!r} is the router itself: choose another one, or none"
                )
            if router in controls[:index]:
                raise InputError(f"control {router!r} is given twice: leave one out")
        # One control is stored as earlier versions store it.
        plain = controls[0] if len(controls) == 1 else controls or None
        object.__setattr__(self, "control", plain)

    @property
    def controls(self) -> tuple[str, ...]:
        """The routers of all controls."""
        if self.control is None:
            return ()
        return (self.control,) if isinstance(self.control, str) else tuple(self.control)

    @property
    def is_file(self) -> bool:
        """Whether the data come from a file of the user's."""
        from qmoe_qiskit.data import list_datasets

        return self.data not in list_datasets()

    def load(self) -> tuple[Dataset, Split]:
        """Load the data and hold the test rows out.

        Raises:
            InputError: If the data or their split are not accepted.
        """
        from qmoe_qiskit.data import load_dataset, split_dataset

        dataset = load_dataset(
            self.data,
            target=self.target,
            features=self.features,
            drop=self.drop,
            n_samples=self.n_samples,
            seed=DATA_SEED,
            task=self.task,
        )
        return dataset, split_dataset(dataset, test_fraction=self.test_fraction, seed=self.seed)

    def estimator(self, router: str, **options: Any) -> MixtureEstimator:  # noqa: ANN401
        """Return an unfitted estimator with the request's settings and the given router.

        A classical router has no circuit: its estimator gets no backend.

        Raises:
            InputError: If the router is a file that holds no circuit.
        """
        from qmoe_qiskit.train import QMoEClassifier, QMoERegressor

        apart = {*_ABOUT_DATA, *ON_DEVICE, "router", "control", "seed"}
        apart.update(() if self.is_circuit(router) else ABOUT_BACKEND)
        settings = {name: value for name, value in asdict(self).items() if name not in apart}
        given = _read_circuit(router) if is_circuit_file(router) else router
        settings |= options
        if self.is_circuit(router) and self.backend.startswith("runtime:"):
            settings["hardware_training"] = self.hardware_training()
        if self.task == "regression":
            n_votes = settings.pop("n_votes")
            if n_votes != 1:
                raise InputError(
                    f"--votes {n_votes} is for routing 'sampled', which a regression does not "
                    "have: leave it out"
                )
            return QMoERegressor(given, **settings, random_state=self.seed)
        return QMoEClassifier(given, **settings, random_state=self.seed)

    @staticmethod
    def is_circuit(router: str) -> bool:
        """Whether a router is a circuit, ours or one from a file."""
        return router == "quantum" or is_circuit_file(router)

    @property
    def backend_spec(self) -> BackendSpec:
        """The choice of the backend that the circuit is trained on."""
        from qmoe_qiskit.backends import BackendSpec

        return BackendSpec(**{name: getattr(self, name) for name in ABOUT_BACKEND})

    def with_paths(self, change: Callable[[str], str]) -> Self:
        """Return the request with every path of a file changed."""
        return replace(
            self,
            data=change(self.data) if self.is_file else self.data,
            router=with_circuit(self.router, change),
            control=tuple(with_circuit(control, change) for control in self.controls),
            backend=with_file(self.backend, change),
            init=None if self.init is None else change(self.init),
        )


def _read_circuit(path: str) -> RouterCircuit:
    from qmoe_qiskit.circuits import RouterCircuit

    try:
        return RouterCircuit.from_qpy(read_regular(path, limits.CIRCUIT_BYTES))
    except (OSError, InputError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else str(error)
        raise InputError(
            f"router {path!r} cannot be read ({reason}): give a file with what "
            "RouterCircuit.to_qpy returns"
        ) from error
