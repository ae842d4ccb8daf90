"""The training loop of skorch, with reproducible batches and a hook after every epoch."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.dataset import Dataset
from skorch.helper import predefined_split
from torch import Tensor, nn

from qmoe_qiskit.errors import DivergenceError, InputError
from qmoe_qiskit.moe import MixtureOfExperts
from qmoe_qiskit.moe.load_balance import balance_loss


class StopTraining(Exception):  # noqa: N818 - a signal, not an error
    """Raised by an epoch hook to end training before its last epoch."""


class EpochBatches:
    """Shuffled batches whose order depends on the seed and the epoch's number alone.

    The shuffling state of an interrupted training is thus the number of finished epochs. Whole
    tensors are indexed: torch's DataLoader collates row by row, which takes longer than a step.

    Args:
        dataset: skorch's data set of features and labels.
        batch_size: Number of rows in a batch; the last may be smaller.
        seed: Seed of the order, or None to keep the order of the data.
        first_epoch: Number of epochs that are finished.
    """

    def __init__(
        self, dataset: Dataset, batch_size: int, seed: int | None = None, first_epoch: int = 0
    ) -> None:
        self._features, self._labels = dataset.X, dataset.y
        self._batch_size, self._seed, self._epoch = batch_size, seed, first_epoch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        count = len(self._features)
        order = np.arange(count)
        if self._seed is not None:
            order = np.random.default_rng([self._seed, self._epoch]).permutation(count)
            self._epoch += 1
        rows = torch.from_numpy(order)
        for start in range(0, count, self._batch_size):
            batch = rows[start : start + self._batch_size]
            yield self._features[batch], self._labels[batch]


class Training:
    """One training of a module: the loop, its optimizer and its history.

    Args:
        module: The mixture that is trained in place.
        learning_rate: Learning rate of Adam.
        batch_size: Number of rows in a step.
        seed: Seed of the shuffling.
        history: Entries of the finished epochs.
        validation: Features and labels on which the cross entropy is also measured, or None.
        balance_weight: Factor of the balance loss of `module.router` in the training loss.
    """

    def __init__(
        self,
        module: MixtureOfExperts,
        *,
        learning_rate: float,
        batch_size: int,
        seed: int,
        history: list[dict[str, float]],
        validation: tuple[Tensor, Tensor] | None = None,
        balance_weight: float = 0.0,
    ) -> None:
        criterion = nn.CrossEntropyLoss()
        # Inside this context the criterion sees the outputs of the router.
        self._observe_router: Callable[[], AbstractContextManager[Any]] = contextlib.nullcontext
        if balance_weight:
            criterion = balanced = _BalancedLoss(balance_weight)
            self._observe_router = partial(module.router.register_forward_hook, balanced.keep)
        self.history = list(history)
        self._hook = _EpochHook()
        self._net = NeuralNet(
            module,
            criterion=criterion,
            optimizer=torch.optim.Adam,
            lr=learning_rate,
            batch_size=batch_size,
            iterator_train=EpochBatches,
            iterator_train__seed=seed,
            iterator_train__first_epoch=len(history),
            iterator_valid=EpochBatches,
            train_split=predefined_split(Dataset(*validation)) if validation else None,
            callbacks=[("epoch", self._hook)],
            verbose=0,
        )
        self._net.set_params(callbacks__print_log=None)
        self._net.initialize()

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """The optimizer, whose state a checkpoint holds."""
        optimizer: torch.optim.Optimizer = self._net.optimizer_
        return optimizer

    def run(
        self,
        features: Tensor,
        labels: Tensor,
        *,
        max_epochs: int,
        after_epoch: Callable[[dict[str, float]], None],
    ) -> None:
        """Train up to `max_epochs`, including those in `history`; call `after_epoch` after each.

        Raises:
            DivergenceError: If a loss or a parameter is no longer finite.
            KeyboardInterrupt: Passed on, so that the caller knows that training is not complete.
        """

        def record(row: dict[str, Any]) -> None:
            entry = {"epoch": float(len(self.history) + 1)}
            entry |= {k: float(row[k]) for k in ("train_loss", "valid_loss") if k in row}
            for name, loss in entry.items():
                if not np.isfinite(loss):
                    raise self._diverged(f"{name} is {loss}")
            self.history.append(entry)
            after_epoch(entry)

        self._hook.action = record
        self._net.module_.train()
        # If training diverges, the loss shows it; NumPy's warnings are not needed.
        with (
            contextlib.suppress(StopTraining),
            np.errstate(over="ignore", invalid="ignore"),
            self._observe_router(),
        ):
            self._fit_loop(features, labels, max(0, max_epochs - len(self.history)))
        self._net.module_.eval()

    def _fit_loop(self, features: Tensor, labels: Tensor, epochs: int) -> None:
        try:
            self._net.fit_loop(features, labels, epochs=epochs)
        except InputError as error:
            # A circuit refuses angles that are not finite before the epoch's loss is known.
            if isinstance(error, DivergenceError) or self._is_finite():
                raise
            raise self._diverged() from error
        if not self._is_finite():
            raise self._diverged()

    def _diverged(self, why: str = "parameters are not finite") -> DivergenceError:
        epoch = len(self.history) + 1
        return DivergenceError(
            f"training diverged in epoch {epoch}: {why}; use a smaller learning_rate"
        )

    def _is_finite(self) -> bool:
        return all(bool(p.isfinite().all()) for p in self._net.module_.parameters())


class _BalancedLoss(nn.CrossEntropyLoss):
    """Cross entropy and, in training, the balance loss of the routing weights kept last."""

    def __init__(self, balance_weight: float) -> None:
        super().__init__()
        self._balance_weight = balance_weight

    def keep(self, _router: nn.Module, _inputs: object, weights_BE: Tensor) -> None:
        """Keep routing weights: a forward hook of the router."""
        self._weights_BE = weights_BE

    def forward(self, logits_BC: Tensor, labels_B: Tensor) -> Tensor:
        loss = super().forward(logits_BC, labels_B)
        if self.training:
            loss = loss + self._balance_weight * balance_loss(self._weights_BE)
        return loss


class _EpochHook(Callback):  # type: ignore[misc]  # skorch is untyped
    """Calls `action` with skorch's record of an epoch."""

    action: Callable[[dict[str, Any]], None]

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        self.action(net.history[-1])
        # skorch keeps about 400 bytes per batch, which nothing reads after the epoch.
        net.history[-1]["batches"].clear()
