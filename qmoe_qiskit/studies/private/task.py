"""The tasks of the study `private`: a training, and the positive control of the attack."""

from dataclasses import dataclass
from typing import Any, ClassVar

from qmoe_qiskit.data import Split, load_dataset, split_dataset
from qmoe_qiskit.runs.metrics import summarize
from qmoe_qiskit.runs.private.control import attack_control
from qmoe_qiskit.runs.private.scores import member_scores
from qmoe_qiskit.stats.roc import roc_auc
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.private.settings import BOUNDS
from qmoe_qiskit.studies.training.measuring import observe_rows
from qmoe_qiskit.studies.training.routers import check_router, classifier_settings
from qmoe_qiskit.studies.training.train_task import best_rate, diverged, try_rates
from qmoe_qiskit.train import Privacy, QMoEClassifier
from qmoe_qiskit.train.private.extra import require_extra
from qmoe_qiskit.train.private.randomness import seeded_noise

# Points of this much higher a seed choose the learning rate: no private row has a part in it.
OTHER_POINTS = 1_000_000


def points_of(data: str, n_samples: int, test_fraction: float, seed: int) -> Split:
    """Return the points of a seed, split into training and held-out rows."""
    dataset = load_dataset(data, n_samples=n_samples, seed=seed)
    return split_dataset(dataset, test_fraction=test_fraction, seed=seed)


@dataclass(frozen=True, kw_only=True)
class PrivateTask(Task):
    """Train a router with or without privacy, and attack it.

    Attributes:
        seed: Seed of points, split, initial weights, sampling and noise.
        router: Name of the router.
        epsilon: Epsilon of the training; None without privacy.
        n_layers: Number of layers of a quantum router.

    The others are those of `PrivateSettings`.
    """

    kind: ClassVar[str] = "private"

    seed: int
    router: str = "quantum"
    epsilon: float | None = None
    n_layers: int = 3
    data: str = "moons"
    n_samples: int = 1000
    test_fraction: float = 0.25
    delta: float = 1e-5
    max_grad_norm: float = 1.0
    n_experts: int = 2
    epochs: int = 20
    batch_size: int = 64
    learning_rates: tuple[float, ...] = (0.02, 0.1)

    def check(self) -> None:
        """See `Task.check`."""
        check_router(self.router, self.n_layers)
        if self.epsilon is not None:
            require_extra()
            self.privacy([0, 1])

    def privacy(self, classes: list[int]) -> Privacy | None:
        """Return the settings of privacy, or None."""
        if self.epsilon is None:
            return None
        return Privacy(
            epsilon=self.epsilon,
            delta=self.delta,
            bounds=BOUNDS,
            classes=classes,
            max_grad_norm=self.max_grad_norm,
        )

    def run(self) -> dict[str, Any]:
        """Train and measure.

        Returns:
            learning_rate, the chosen one; accuracy and cross_entropy (nat) on held-out rows; auc of
            the attack; epsilon spent, 0 without privacy.

        Raises:
            StudyError: If every training diverges.
        """
        other = points_of(self.data, self.n_samples, self.test_fraction, self.seed + OTHER_POINTS)
        tried = try_rates(
            self.learning_rates, lambda rate: _metrics(self._trained(other, rate), other)
        )
        if not tried:
            raise diverged(f"router {self.router!r}", self.data, self.seed, self.learning_rates)
        rate = best_rate(tried)
        split = points_of(self.data, self.n_samples, self.test_fraction, self.seed)
        model = self._trained(split, rate)
        members, others = (
            member_scores(model, rows.features_NF, rows.labels_N)
            for rows in (split.train, split.test)
        )
        spent = getattr(model, "privacy_spent_", None)
        return {
            "learning_rate": rate,
            **_metrics(model, split),
            "auc": roc_auc(members, others).value,
            "epsilon": 0.0 if spent is None else spent.epsilon,
        }

    def _trained(self, split: Split, learning_rate: float) -> QMoEClassifier:
        n_inputs = split.train.features_NF.shape[1]
        model = QMoEClassifier(
            **classifier_settings(
                self.router, n_inputs=n_inputs, n_layers=self.n_layers, seed=self.seed
            ),
            n_experts=self.n_experts,
            privacy=self.privacy(sorted(set(split.train.labels_N.tolist()))),
            max_epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=learning_rate,
            verbose=False,
            random_state=self.seed,
        )
        with seeded_noise():
            return model.fit(split.train.features_NF, split.train.labels_N)


@dataclass(frozen=True, kw_only=True)
class ControlTask(Task):
    """Attack a model that has learned its rows by heart; the result is its auc.

    Attributes:
        seed: Seed of points, labels and training.

    The others are those of `PrivateSettings`.
    """

    kind: ClassVar[str] = "private-control"

    seed: int
    data: str = "moons"
    n_samples: int = 1000
    test_fraction: float = 0.25

    def run(self) -> dict[str, Any]:
        """Train and attack."""
        split = points_of(self.data, self.n_samples, self.test_fraction, self.seed)
        return {"auc": attack_control(split, seed=self.seed).value}


def _metrics(model: QMoEClassifier, split: Split) -> dict[str, float]:
    metrics = summarize(observe_rows(model, split.test), "")
    return {name: metrics[name].number for name in ("accuracy", "cross_entropy")}
