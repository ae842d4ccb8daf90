"""One training of the study of experts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar, cast

import numpy as np
import torch
from sklearn.datasets import make_classification
from torch import nn

from qmoe_qiskit.circuits.amplitude import amplitude_circuit
from qmoe_qiskit.data import Dataset, load_dataset, split_dataset
from qmoe_qiskit.errors import DivergenceError, unknown_name
from qmoe_qiskit.moe import MixtureOfExperts
from qmoe_qiskit.studies.engine.results import finite
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.experts.models import ModelSizes, build_model
from qmoe_qiskit.studies.training.circuit_execution import EXACT, CircuitExecution
from qmoe_qiskit.studies.training.feasibility import check_circuit_runs
from qmoe_qiskit.studies.training.train_task import VALIDATION, best_rate, diverged, try_rates
from qmoe_qiskit.train.loop.training import Training

# Number of features of both data sets.
N_FEATURES = 16


@dataclass(frozen=True, kw_only=True)
class ExpertsTask(Task):
    """Train one model on one data set, and measure it on held-out rows.

    Every model sees rows scaled to length 1, because an amplitude embedding keeps no more of them.

    Attributes:
        seed: Seed of points, split, initial weights and batches, which pairs the models.
        data: Name of a data set, see `DATA`.
        n_samples: Number of rows of generated data, training and held-out.
        test_fraction: Share of the rows that is held out.
        model: Name of the model, see `build_model`.
        n_experts: Number of experts of a mixture.
        n_layers: Number of layers of a circuit.
        backend: Specification for `open_backend` of the exact backend that runs the circuits.
        epochs: Number of passes over the training rows.
        batch_size: Number of rows per step.
        learning_rates: Learning rates of Adam. Among several rates the task chooses the one with
            the smallest cross entropy on a part of the training rows, and trains on all of them.
    """

    kind: ClassVar[str] = "experts"

    seed: int
    data: str
    n_samples: int
    test_fraction: float
    model: str
    n_experts: int
    n_layers: int
    backend: str
    epochs: int
    batch_size: int
    learning_rates: tuple[float, ...]

    def check(self) -> None:
        """See `Task.check`."""
        if self.data not in DATA:
            raise unknown_name("data", self.data, DATA)
        execution = CircuitExecution(backend=self.backend)
        execution.check()
        if execution != EXACT:
            _check_circuit(execution, self.n_layers)

    def profiles(self) -> dict[str, str]:
        """See `Task.profiles`."""
        return CircuitExecution(backend=self.backend).profiles()

    def run(self) -> dict[str, Any]:
        """Return learning rate, sizes, and accuracy and cross entropy (nat) on held-out rows."""
        split = split_dataset(
            unit_rows(DATA[self.data](self.n_samples, self.seed)),
            test_fraction=self.test_fraction,
            seed=self.seed,
        )
        what, rate, tried = f"model {self.model!r}", self.learning_rates[0], []
        if len(self.learning_rates) > 1:
            tried = self._tried(split.train)
            if not tried:
                raise diverged(what, self.data, self.seed, self.learning_rates)
            rate = best_rate(tried)
        try:
            model, loss = self._fit(split.train, rate)
        except DivergenceError as error:
            raise diverged(what, self.data, self.seed, (rate,)) from error
        return {
            "learning_rate": rate,
            "validation": tried,
            "n_parameters": sum(p.numel() for p in model.parameters()),
            "n_train": len(split.train.labels_N),
            "n_test": len(split.test.labels_N),
            "loss": finite(loss),
            "train_accuracy": _scores(model, split.train)["accuracy"],
            **{name: finite(score) for name, score in _scores(model, split.test).items()},
        }

    def _tried(self, rows: Dataset) -> list[dict[str, float]]:
        """Return learning_rate and cross_entropy of each training that does not diverge."""
        inner = split_dataset(rows, test_fraction=VALIDATION, seed=self.seed)

        def measure(rate: float) -> dict[str, float]:
            model, _ = self._fit(inner.train, rate)
            return {"cross_entropy": _scores(model, inner.test)["cross_entropy"]}

        return try_rates(self.learning_rates, measure)

    def _fit(self, rows: Dataset, learning_rate: float) -> tuple[nn.Module, float]:
        """Train a model, and return it with the loss of the last epoch."""
        sizes = ModelSizes(
            n_features=rows.features_NF.shape[1],
            n_classes=len(np.unique(rows.labels_N)),
            n_experts=self.n_experts,
            n_layers=self.n_layers,
        )
        generator = torch.Generator().manual_seed(self.seed)
        model = build_model(self.model, sizes, backend=self.backend, generator=generator)
        training = Training(
            cast("MixtureOfExperts", model),  # without a balance loss any module will do
            learning_rate=learning_rate,
            batch_size=self.batch_size,
            seed=self.seed,
            history=[],
        )
        training.run(
            torch.from_numpy(rows.features_NF),
            torch.from_numpy(rows.labels_N.astype(np.int64)),
            max_epochs=self.epochs,
            after_epoch=lambda _: None,
        )
        return model, training.history[-1]["train_loss"]


def _scores(model: nn.Module, rows: Dataset) -> dict[str, float]:
    labels = torch.from_numpy(rows.labels_N.astype(np.int64))
    with torch.no_grad():
        outputs_NC = model(torch.from_numpy(rows.features_NF))
    loss = torch.nn.functional.cross_entropy(outputs_NC, labels)
    hits = outputs_NC.argmax(1) == labels
    return {"accuracy": hits.double().mean().item(), "cross_entropy": loss.item()}


@cache
def _check_circuit(execution: CircuitExecution, n_layers: int) -> None:
    check_circuit_runs(amplitude_circuit(N_FEATURES, n_layers), "a quantum expert", execution)


def unit_rows(dataset: Dataset) -> Dataset:
    """Return the data set with every row scaled to length 1."""
    norms_N = np.linalg.norm(dataset.features_NF, axis=1)
    assert norms_N.all()
    source = f"{dataset.source}; rows scaled to length 1"
    return replace(dataset, features_NF=dataset.features_NF / norms_N[:, None], source=source)


def _synthetic(n_samples: int, seed: int) -> Dataset:
    """Generate rows as in the paper's notebook, which has 500 rows and random_state=42."""
    numbers = {"n_features": N_FEATURES, "n_informative": 10, "n_redundant": 0}
    features_NF, labels_N = make_classification(n_samples, random_state=seed, **numbers)
    settings = ", ".join(f"{name}={n}" for name, n in {"n_samples": n_samples, **numbers}.items())
    return Dataset(
        name="synthetic",
        features_NF=features_NF,
        labels_N=labels_N,
        feature_names=tuple(f"x{k}" for k in range(N_FEATURES)),
        target_name="label",
        source=f"sklearn.datasets.make_classification({settings}, random_state={seed})",
    )


def _digits(n_samples: int, seed: int) -> Dataset:  # noqa: ARG001 - the file has a fixed number
    return load_dataset("digits")


# Functions that make a data set from a number of rows (if rows are generated) and a seed.
DATA: dict[str, Callable[[int, int], Dataset]] = {"synthetic": _synthetic, "digits": _digits}
