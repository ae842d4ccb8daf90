"""The task of most studies: train one router on the points of one seed, and measure it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch

from qmoe_qiskit.data import Dataset, Split, list_datasets, load_dataset, split_dataset
from qmoe_qiskit.errors import DivergenceError, InputError, StudyError, unknown_name
from qmoe_qiskit.runs.metrics import summarize
from qmoe_qiskit.studies.engine.results import finite
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.training.circuit_execution import EXACT, CircuitExecution
from qmoe_qiskit.studies.training.effective_parameters import effective_parameters
from qmoe_qiskit.studies.training.feasibility import check_router_runs
from qmoe_qiskit.studies.training.measuring import measured, observe_rows, restore_on_backend
from qmoe_qiskit.studies.training.routers import check_router, classifier_settings
from qmoe_qiskit.train import QMoEClassifier
from qmoe_qiskit.train.features import DEFAULT_MAX_QUBITS, FeatureMap
from qmoe_qiskit.train.settings import check_settings

# Range in rad that every feature is scaled to, for the router and for the experts.
SCALINGS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"paper": (0.0, math.pi), "centred": (-math.pi / 2, math.pi / 2)}
)


@dataclass(frozen=True, kw_only=True)
class TrainTask(Task):
    """Train a mixture of a router and linear experts, and measure it on held-out rows.

    Tasks of one seed that differ in their router or its settings share the points, the split and
    the order of batches: they are paired.

    Attributes:
        seed: Seed of points, split, initial weights, batches, shots and drift.
        router: Name of the router, see `studies.training.routers`.
        n_layers: Number of layers of a quantum router.
        n_experts: Number of experts.
        data: Name of a built-in data set; each seed draws its own points or rows.
        n_samples: Number of rows, training and held-out.
        test_fraction: Share of the rows that is held out.
        scaling: "paper" or "centred", see `SCALINGS`.
        epochs: Number of passes over the training rows.
        batch_size: Number of rows per step.
        learning_rates: Learning rates of Adam. Among several rates the task chooses the one with
            the smallest cross entropy on a fifth of the training rows after a training on the other
            rows; the model is then trained on all training rows.
        validate: Whether a single rate is tried on these rows too.
        train_on: Execution of the circuit in training.
        settings: Executions that the trained model is measured with.
    """

    kind: ClassVar[str] = "train"

    seed: int
    router: str = "quantum"
    n_layers: int = 3
    n_experts: int = 2
    data: str = "moons"
    n_samples: int = 1000
    test_fraction: float = 0.25
    scaling: str = "paper"
    epochs: int = 30
    batch_size: int = 32
    learning_rates: tuple[float, ...] = (0.05,)
    validate: bool = False
    train_on: CircuitExecution = EXACT
    settings: tuple[CircuitExecution, ...] = (EXACT,)

    def check(self) -> None:
        """See `Task.check`."""
        check_router(self.router, self.n_layers)
        self.check_data()
        if self.scaling not in SCALINGS:
            raise unknown_name("scaling", self.scaling, SCALINGS)
        if not self.learning_rates or not self.settings:
            raise InputError("a training needs a learning rate and a setting to measure it on")
        for setting in self.circuit_executions():
            setting.check()
        split = self.load()
        for rate in self.learning_rates:
            model = classifier(self, split, rate)
            check_settings(model.get_params(deep=False), model.task)
        check_router_runs(
            self.router,
            n_inputs=n_router_inputs(split),
            n_layers=self.n_layers,
            data=self.data,
            settings=self.circuit_executions(),
        )

    def check_data(self) -> None:
        """Refuse data that are no built-in data set; InputError names those that exist."""
        if self.data not in list_datasets():
            raise unknown_name("dataset", self.data, list_datasets())

    def circuit_executions(self) -> tuple[CircuitExecution, ...]:
        """Return the executions of the circuit, in training and afterwards."""
        return (self.train_on, *self.settings)

    def profiles(self) -> dict[str, str]:
        """See `Task.profiles`."""
        found = [setting.profiles() for setting in self.circuit_executions()]
        return {name: value for profiles in found for name, value in profiles.items()}

    def extra_settings(self) -> dict[str, Any]:
        """Return settings of the classifier that only a subclass has."""
        return {}

    def load(self) -> Split:
        """Return the points of the seed, split into training and held-out rows."""
        dataset = load_dataset(self.data, n_samples=self.n_samples, seed=self.seed)
        return split_dataset(dataset, test_fraction=self.test_fraction, seed=self.seed)

    def run(self) -> dict[str, Any]:
        """Train and measure.

        Returns:
            learning_rate, the chosen one; validation, see `tried_rates`; n_parameters of the
            router, and n_parameters_experts; effective_parameters of the router; loss, the training
            loss of the last epoch, mean over the rows, in nat; train_accuracy; settings, for each
            execution see `measured`.
        """
        return result_of(self, fit(self))


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """A trained model.

    Attributes:
        classifier: The trained classifier.
        split: Training rows and held-out rows.
        learning_rate: Learning rate of the training.
        validation: Results of the trials of learning rates, see `tried_rates`.
    """

    classifier: QMoEClassifier
    split: Split
    learning_rate: float
    validation: list[dict[str, float]]


def fit(task: TrainTask) -> Fitted:
    """Train a task's model without using the held-out rows.

    Raises:
        StudyError: If the training diverges, or every trial of a learning rate does.
    """
    split = task.load()
    tried = task.validate or len(task.learning_rates) > 1
    validation = tried_rates(task, split) if tried else []
    rate = best_rate(validation) if validation else task.learning_rates[0]
    model = trained(task, classifier(task, split, rate), split.train)
    return Fitted(classifier=model, split=split, learning_rate=rate, validation=validation)


def classifier(
    task: TrainTask,
    split: Split,
    learning_rate: float | None = None,
    **changes: Any,  # noqa: ANN401
) -> QMoEClassifier:
    """Return a task's classifier, untrained, by default with its first learning rate.

    Args:
        task: The task.
        split: Data of the task.
        learning_rate: Learning rate of Adam.
        changes: Changed settings of the classifier.
    """
    model = QMoEClassifier(
        **classifier_settings(
            task.router, n_inputs=n_router_inputs(split), n_layers=task.n_layers, seed=task.seed
        ),
        n_experts=task.n_experts,
        backend=task.train_on.resolve_backend(task.seed),
        shots=task.train_on.shots,
        mitigation=task.train_on.mitigation,
        feature_range=SCALINGS[task.scaling],
        max_epochs=task.epochs,
        batch_size=task.batch_size,
        learning_rate=task.learning_rates[0] if learning_rate is None else learning_rate,
        verbose=False,
        random_state=task.seed,
    )
    model.set_params(**task.extra_settings(), **changes)
    return model


def untrained(task: TrainTask, split: Split, **changes: Any) -> QMoEClassifier:  # noqa: ANN401
    """Return a task's classifier with its initial weights, as if it had been trained for no epoch.

    Args:
        task: The task.
        split: Data of the task.
        changes: Changed settings of the classifier.
    """
    features_NF = split.train.features_NF
    model = classifier(task, split, **changes)
    model.classes_ = np.unique(split.train.labels_N)
    model.n_features_in_ = features_NF.shape[1]
    model.feature_map_ = FeatureMap.fit(
        features_NF, n_router_inputs=n_router_inputs(split), feature_range=model.feature_range
    )
    model.rebuild(task.seed)
    return model


def n_router_inputs(split: Split) -> int:
    """Return the number of coordinates that the router sees."""
    n_features: int = split.train.features_NF.shape[1]
    return min(n_features, DEFAULT_MAX_QUBITS)


def result_of(task: TrainTask, fitted: Fitted) -> dict[str, Any]:
    """Measure a trained model with every execution; see `TrainTask.run`."""
    model, split = fitted.classifier, fitted.split

    def on(setting: CircuitExecution) -> QMoEClassifier:
        return model if setting == task.train_on else restore_on_backend(model, setting, task.seed)

    exact_model = on(EXACT)
    exact = observe_rows(exact_model, split.test)
    scaled_NF = torch.from_numpy(model.feature_map_.scale(split.train.features_NF))
    parameters = model.n_parameters_
    return {
        "learning_rate": fitted.learning_rate,
        "validation": fitted.validation,
        "n_parameters": parameters["router"],
        "n_parameters_experts": parameters["experts"],
        "effective_parameters": effective_parameters(exact_model.module_.router, scaled_NF),
        "loss": finite(model.history_[-1]["train_loss"]),
        "train_accuracy": float(observe_rows(model, split.train).hits_N.mean()),
        "settings": [
            measured(exact if setting.is_exact else observe_rows(on(setting), split.test), exact)
            for setting in task.settings
        ],
    }


# Share of the training rows that the choice of a learning rate is made on.
VALIDATION = 0.2


def tried_rates(task: TrainTask, split: Split) -> list[dict[str, float]]:
    """Train with each learning rate on a part of the training rows, and measure on the rest.

    Returns:
        learning_rate, cross_entropy (nat) and accuracy of each training that did not diverge.

    Raises:
        StudyError: If every training diverged.
    """
    inner = split_dataset(split.train, test_fraction=VALIDATION, seed=task.seed)

    def measure(rate: float) -> dict[str, float]:
        model = classifier(task, inner, rate)
        model.fit(inner.train.features_NF, inner.train.labels_N)
        metrics = summarize(observe_rows(model, inner.test), "")
        return {name: metrics[name].number for name in ("cross_entropy", "accuracy")}

    if tried := try_rates(task.learning_rates, measure):
        return tried
    raise _of_task(task, task.learning_rates)


def try_rates(
    rates: Sequence[float], measure: Callable[[float], dict[str, float]]
) -> list[dict[str, float]]:
    """Return each learning rate with its measures, if training does not diverge with it."""
    tried = []
    for rate in rates:
        try:
            entry = measure(rate)
        except DivergenceError:
            continue
        if all(map(math.isfinite, entry.values())):
            tried.append({"learning_rate": rate, **entry})
    return tried


def best_rate(tried: Sequence[dict[str, float]]) -> float:
    """Return the learning rate with the smallest cross entropy, the first one of equals."""
    return min(tried, key=lambda entry: entry["cross_entropy"])["learning_rate"]


def trained(task: TrainTask, model: QMoEClassifier, rows: Dataset) -> QMoEClassifier:
    """Train a task's classifier.

    Raises:
        StudyError: If the training diverges.
    """
    try:
        return model.fit(rows.features_NF, rows.labels_N)
    except DivergenceError as error:
        raise _of_task(task, (model.learning_rate,)) from error


def diverged(what: str, data: str, seed: int, rates: Sequence[float]) -> StudyError:
    """Return the error of a training that diverged with every given learning rate."""
    return StudyError(
        f"the training of {what} on {data!r}, seed {seed}, diverged with learning rate "
        f"{' and with '.join(f'{rate:g}' for rate in rates)}: give the study a smaller one in its "
        "settings"
    )


def _of_task(task: TrainTask, rates: Sequence[float]) -> StudyError:
    return diverged(f"router {task.router!r}", task.data, task.seed, rates)
