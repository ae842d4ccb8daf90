"""DP-SGD in skorch's loop: Poisson batches, gradients of rows, clipping, noise, and the count."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from opacus.validators import ModuleValidator
from skorch.callbacks import Callback, EpochTimer
from skorch.dataset import Dataset
from torch import Tensor

from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.moe import MixtureOfExperts
from qmoe_qiskit.train.loop.net import ClassifierNet
from qmoe_qiskit.train.loop.training import Training
from qmoe_qiskit.train.private.accounting import epsilons, noise_multiplier_for
from qmoe_qiskit.train.private.gradients import no_rows, row_gradients
from qmoe_qiskit.train.private.optimizer import NoisyOptimizer
from qmoe_qiskit.train.private.randomness import Randomness, poisson_sample, randomness_of
from qmoe_qiskit.train.private.settings import Privacy
from qmoe_qiskit.train.private.spending import PrivacySpent


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a training spends its budget.

    Attributes:
        n_rows: Number of rows.
        batch_size: Expected number of rows in a step.
        steps_per_epoch: Number of steps that count as a pass over the rows.
        n_steps: Largest number of steps.
        noise_multiplier: Standard deviation of the noise over the clipping norm.
    """

    n_rows: int
    batch_size: int
    steps_per_epoch: int
    n_steps: int
    noise_multiplier: float

    @property
    def sample_rate(self) -> float:
        """Probability of a row to be in a step."""
        return self.batch_size / self.n_rows

    @classmethod
    def of(
        cls,
        privacy: Privacy,
        *,
        n_rows: int,
        batch_size: int,
        max_epochs: int,
        noise_multiplier: float | None = None,
    ) -> Self:
        """Return the plan that spends the whole budget in `max_epochs`.

        A training that is resumed keeps its `noise_multiplier`.
        """
        batch_size = min(batch_size, n_rows)
        steps_per_epoch = max(1, round(n_rows / batch_size))
        n_steps = steps_per_epoch * max_epochs
        return cls(
            n_rows=n_rows,
            batch_size=batch_size,
            steps_per_epoch=steps_per_epoch,
            n_steps=n_steps,
            noise_multiplier=noise_multiplier
            or noise_multiplier_for(privacy.epsilon, privacy.delta, batch_size / n_rows, n_steps),
        )


class PoissonBatches:
    """Batches of rows that are drawn independently, for one epoch; some may be empty.

    Args:
        dataset: skorch's data set.
        plan: The plan.
        randomness: Source of the draws.
        begin: Called before the first draw of an epoch.
    """

    def __init__(
        self, dataset: Dataset, plan: Plan, randomness: Randomness, begin: Callable[[], None]
    ) -> None:
        self._features, self._labels = dataset.X, dataset.y
        self._plan, self._randomness, self._begin = plan, randomness, begin

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        self._begin()
        plan = self._plan
        for _ in range(plan.steps_per_epoch):
            rows = torch.from_numpy(poisson_sample(self._randomness, plan.n_rows, plan.sample_rate))
            yield self._features[rows], self._labels[rows]


class PrivateNet(ClassifierNet):
    """A net that records no loss: losses are of private rows."""

    # Takes a data set to the batches of an epoch.
    batches: Callable[[Dataset], PoissonBatches]

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        return [("epoch_timer", EpochTimer())]

    def get_iterator(self, dataset: Dataset, training: bool = False) -> Any:  # noqa: ANN401
        """Return the batches of an epoch."""
        return self.batches(dataset) if training else super().get_iterator(dataset, training)

    def get_loss(self, *args: Any, **kwargs: Any) -> Tensor:  # noqa: ANN401 - as skorch's
        """Return the sum of the rows' losses: Opacus divides by the expected number of rows."""
        loss: Tensor = super().get_loss(*args, **kwargs).sum()
        return loss

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:  # noqa: ANN401
        """Leave gradients of rows, and return no loss."""
        if len(batch[1]):
            super().train_step_single(batch, **fit_params)
        else:
            no_rows(self.module_)
        return {"loss": torch.zeros(()), "y_pred": None}


class PrivateTraining(Training):
    """A training whose result is differentially private.

    Steps are counted before they are taken: a checkpoint, which is written before an epoch, counts
    that epoch already. So a training that is killed and resumed counts what it may have done, and
    ends that many epochs earlier.

    Args:
        module: The mixture that is trained in place.
        privacy: The settings of privacy.
        plan: The plan.
        seed: Seed of the sampling and of the noise within `seeded_noise`; otherwise not used.
        n_steps: Number of steps that an interrupted training has counted.
        further: Arguments of `Training`.
    """

    net_class = PrivateNet

    def __init__(
        self,
        module: MixtureOfExperts,
        *,
        privacy: Privacy,
        plan: Plan,
        seed: int,
        n_steps: int = 0,
        **further: Any,  # noqa: ANN401 - see `Training`
    ) -> None:
        super().__init__(module, seed=seed, batch_size=plan.batch_size, weighted=True, **further)
        self._module, self._privacy, self.plan = module, privacy, plan
        self._randomness = randomness_of(seed)
        self.n_steps = n_steps
        self._net.batches = lambda dataset: PoissonBatches(
            dataset, plan, self._randomness, self._count_epoch
        )

    def _count_epoch(self) -> None:
        self.n_steps += self.plan.steps_per_epoch

    @classmethod
    def planned(
        cls,
        module: MixtureOfExperts,
        privacy: Privacy,
        *,
        n_rows: int,
        batch_size: int,
        max_epochs: int,
        counted: Mapping[str, float],
        **further: Any,  # noqa: ANN401 - see `Training`
    ) -> Self:
        """Return the training that spends the budget in `max_epochs`, or its continuation.

        Args:
            module: The mixture that is trained in place.
            privacy: The settings of privacy.
            n_rows: Number of rows.
            batch_size: Expected number of rows in a step.
            max_epochs: Largest number of epochs.
            counted: What the checkpoint of an interrupted training has counted, or nothing.
            further: Arguments of `Training`.

        Raises:
            InputError: If a layer couples rows, such as a batch normalization.
            RunError: If an interrupted training had another number of epochs.
        """
        # First, for the noise takes seconds to find.
        for error in ModuleValidator.validate(module.train(), strict=False):
            raise InputError(f"a private training cannot have such a module: {error}")
        plan = Plan.of(
            privacy,
            n_rows=n_rows,
            batch_size=batch_size,
            max_epochs=max_epochs,
            noise_multiplier=counted.get("noise_multiplier"),
        )
        if counted and counted["max_steps"] != plan.n_steps:
            raise RunError(
                f"the noise of the checkpoint is that of {counted['max_steps']:.0f} steps, and "
                f"max_epochs={max_epochs} makes {plan.n_steps}: resume a private training with the "
                "number of epochs that it began with"
            )
        n_steps = int(counted.get("n_steps", 0))
        return cls(module, privacy=privacy, plan=plan, n_steps=n_steps, **further)

    def hand_over(self, estimator: Any) -> None:  # noqa: ANN401 - a classifier
        """Give a classifier the record of what was spent."""
        estimator.privacy_spent_ = self.spent

    @property
    def epochs_left(self) -> int:
        """Number of epochs that the budget allows."""
        return (self.plan.n_steps - self.n_steps) // self.plan.steps_per_epoch

    @property
    def spent(self) -> PrivacySpent:
        """What the training has spent."""
        plan, privacy = self.plan, self._privacy
        by_accountant = epsilons(
            plan.noise_multiplier,
            plan.sample_rate,
            self.n_steps,
            privacy.delta,
            about=privacy.epsilon,
        )
        return PrivacySpent(
            epsilon=max(by_accountant.values()),
            delta=privacy.delta,
            by_accountant=by_accountant,
            n_steps=self.n_steps,
            sample_rate=plan.sample_rate,
            noise_multiplier=plan.noise_multiplier,
            max_grad_norm=privacy.max_grad_norm,
            n_rows=plan.n_rows,
            is_seeded=self._randomness.is_seeded,
        )

    def counted(self) -> dict[str, float]:
        """Return what a checkpoint holds: the steps so far, and those of the epoch that follows."""
        coming = self.plan.steps_per_epoch if self.epochs_left else 0
        return {
            "n_steps": self.n_steps + coming,
            "max_steps": self.plan.n_steps,
            "noise_multiplier": self.plan.noise_multiplier,
        }

    def _fit_loop(self, data: Dataset, epochs: int) -> None:
        epochs = min(epochs, self.epochs_left)
        if not epochs and not self.history:
            raise RunError(
                "the budget of privacy was spent in epochs that were interrupted: training anew "
                f"adds to the {self.n_steps} steps that were counted; allow a larger epsilon for "
                "both, or more epochs"
            )
        optimizer = self._net.optimizer_
        with row_gradients(self._module), warnings.catch_warnings():
            # Opacus' hooks need no gradient of the inputs, which torch finds unusual.
            warnings.filterwarnings("ignore", message="Full backward hook is firing")
            self._net.optimizer_ = NoisyOptimizer(
                optimizer,
                self._randomness,
                noise_multiplier=self.plan.noise_multiplier,
                max_grad_norm=self._privacy.max_grad_norm,
                expected_batch_size=self.plan.batch_size,
            )
            try:
                super()._fit_loop(data, epochs)
            finally:
                self._net.optimizer_ = optimizer
                self._net.module_.zero_grad()
