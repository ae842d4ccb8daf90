"""One model on a device that drifts, and what each way of recalibrating it brings."""

import math
import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

from qmoe_qiskit.adaptive import recalibrate
from qmoe_qiskit.data import Dataset, load_dataset, split_dataset
from qmoe_qiskit.errors import InputError, OutOfRangeWarning
from qmoe_qiskit.noise_profiles import load_profile
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.training.train_task import SCALINGS
from qmoe_qiskit.train import QMoEClassifier

# The actions of a plan, from the cheapest on; see `Action`.
ACTIONS = ("nothing", "move", "refit", "move and refit", "retrain")


@dataclass(frozen=True, kw_only=True)
class DeviceDriftTask(Task):
    """Train a model, deploy it on a device, and plan its recalibration on later days.

    Each day begins with the model as it was deployed. Everything is evaluated exactly.

    Attributes:
        seed: Seed of points, split, weights, batches, the drift and the probes.
        noise_aware: Whether the model is trained under the noise of the device at deployment;
            otherwise without noise.
        device: Stored calibration of the device.
        factor: Factor on its noise.
        days: Days after the deployment on which the calibration is a new one.
        n_samples: Number of rows, training and held-out.
        test_fraction: Share of the rows that is held out.
        n_layers: Number of layers of the quantum router.
        epochs: Number of passes over the training rows before the deployment.
        batch_size: Number of rows per step.
        learning_rate: Learning rate of Adam.
        scaling: Scaling of the inputs.
        retraining_epochs: Number of epochs of a retraining.
        probes: Number of probe rows.
    """

    kind: ClassVar[str] = "device_drift"

    seed: int
    noise_aware: bool
    device: str
    factor: float
    days: tuple[int, ...]
    n_samples: int
    test_fraction: float
    n_layers: int
    epochs: int
    batch_size: int
    learning_rate: float
    scaling: str
    retraining_epochs: int
    probes: int

    def check(self) -> None:
        """See `Task.check`."""
        rows = self.n_samples - math.ceil(self.test_fraction * self.n_samples)
        if self.probes > rows:
            raise InputError(
                f"probes is {self.probes}: they are drawn from the {rows} training rows of "
                "n_samples and test_fraction"
            )

    def profiles(self) -> dict[str, str]:
        """See `Task.profiles`."""
        return {self.device: load_profile(self.device).content_hash}

    def run(self) -> dict[str, Any]:
        """Return for each day the accuracy on held-out rows after each action, and its executions.

        "planned" is the action that the plan chooses with its default limit.
        """
        moons = load_dataset("moons", n_samples=self.n_samples, seed=self.seed)
        split = split_dataset(moons, test_fraction=self.test_fraction, seed=self.seed)
        deployed = load_profile(self.device).scale(self.factor)
        model = QMoEClassifier(
            "quantum",
            n_layers=self.n_layers,
            backend=deployed if self.noise_aware else "statevector",
            feature_range=SCALINGS[self.scaling],
            max_epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            random_state=self.seed,
            verbose=False,
        ).fit(split.train.features_NF, split.train.labels_N)
        days = []
        calibrations = deployed.stream(self.seed, days=max(self.days))
        for day, today in enumerate(calibrations, start=1):
            if day not in self.days:
                continue
            plan = recalibrate(
                model,
                today,
                split.train.features_NF,
                split.train.labels_N,
                deployment=deployed,
                probes=self.probes,
                epochs=self.retraining_epochs,
                seed=self.seed,
            )
            found = {
                action.name: {
                    "accuracy": _accuracy(action.model, split.test),
                    "executions": action.executions,
                }
                for action in plan.actions
            }
            chosen = found[plan.chosen.name]
            planned = {
                "accuracy": chosen["accuracy"],
                "executions": plan.executions,
                "action": plan.chosen.name,
            }
            days.append({**found, "planned": planned})
        return {"days": days}


def _accuracy(model: QMoEClassifier, rows: Dataset) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfRangeWarning)  # held-out rows may lie outside
        return float(model.score(rows.features_NF, rows.labels_N))
