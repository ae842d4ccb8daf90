"""The training loop of skorch, with reproducible batches and a record of every epoch."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from skorch.callbacks import LRScheduler
from skorch.dataset import Dataset
from skorch.helper import predefined_split
from torch import Tensor

from qmoe_qiskit.errors import DivergenceError, InputError
from qmoe_qiskit.moe import BALANCE_LOSSES, MixtureOfExperts
from qmoe_qiskit.moe.balance.registry import check_balance
from qmoe_qiskit.train.loop.net import (
    INPUTS,
    WEIGHTS,
    ClassifierNet,
    RegressorNet,
    StopTraining,
    softmax,
)
from qmoe_qiskit.train.loop.optimization import (
    Optimization,
    OptimizerState,
    criterion_class,
    optimizer_class,
)
from qmoe_qiskit.train.loop.routing_load import RoutingLoad

# Features, labels, and weights whose mean is 1, or None.
Rows = tuple[Tensor, Tensor, Tensor | None]
_LOSSES = ("train_loss", "valid_loss")
# What skorch counts itself: a record of an epoch must not depend on the clock.
_NOT_RECORDED = {"epoch", "dur", "train_batch_count", "valid_batch_count", *_LOSSES}


class EpochBatches:
    """Shuffled batches whose order depends on the seed and the epoch's number alone.

    The shuffling state of an interrupted training is thus the number of finished epochs. Whole
    tensors are indexed: torch's DataLoader collates row by row, which takes longer than a step.

    Args:
        dataset: skorch's data set of features (a tensor, or tensors by name) and labels.
        batch_size: Number of rows in a batch; the last may be smaller.
        seed: Seed of the order, or None to keep the order of the data.
        first_epoch: Number of epochs that are finished.
    """

    def __init__(
        self, dataset: Dataset, batch_size: int, seed: int | None = None, first_epoch: int = 0
    ) -> None:
        self._features, self._labels = dataset.X, dataset.y
        if self._labels is None:  # a callback asks for predictions
            self._labels = torch.zeros(len(dataset), dtype=torch.int64)
        self._batch_size, self._seed, self._epoch = batch_size, seed, first_epoch

    def __iter__(self) -> Iterator[tuple[Any, Tensor]]:
        count = len(self._labels)
        order = np.arange(count)
        if self._seed is not None:
            order = np.random.default_rng([self._seed, self._epoch]).permutation(count)
            self._epoch += 1
        rows = torch.from_numpy(order)
        for start in range(0, count, self._batch_size):
            batch = rows[start : start + self._batch_size]
            if isinstance(self._features, Mapping):
                features = {name: tensor[batch] for name, tensor in self._features.items()}
            else:
                features = self._features[batch]
            yield features, self._labels[batch]


class Training:
    """One training of a module: the loop, its optimizer and its history.

    Args:
        module: The mixture that is trained in place.
        learning_rate: Learning rate of the optimizer.
        batch_size: Number of rows in a step.
        seed: Seed of the shuffling.
        history: Entries of the finished epochs.
        validation: Rows on which the loss is also measured, without the balance loss, or None.
        balance: Name of a balance loss, see `BALANCE_LOSSES`.
        balance_weight: Factor of the balance loss in the training loss.
        bias_rate: Step of the experts' bias after every batch; 0 for no bias.
        optimization: Optimizer, loss and callbacks; by default Adam on the cross entropy.
        optimizer_state: State of the optimizer after the finished epochs, or None.
        weighted: Whether rows have weights.
        is_regression: Whether targets are numbers, (N, T).
        verbose: Whether callbacks may print.

    Raises:
        InputError: If skorch does not accept a callback, or a mixture the way of balancing it.
    """

    def __init__(
        self,
        module: MixtureOfExperts,
        *,
        learning_rate: float,
        batch_size: int,
        seed: int,
        history: list[dict[str, float]],
        validation: Rows | None = None,
        balance: str = "switch",
        balance_weight: float = 0.0,
        bias_rate: float = 0.0,
        optimization: Optimization | None = None,
        optimizer_state: OptimizerState | None = None,
        weighted: bool = False,
        is_regression: bool = False,
        verbose: bool = False,
    ) -> None:
        top_k = getattr(module, "top_k", None)
        check_balance(balance, balance_weight, bias_rate, top_k)
        chosen = optimization or Optimization(learning_rate=learning_rate, further={})
        criterion = {
            f"criterion__{name}": value
            for name, value in chosen.criterion_arguments(weighted).items()
        }
        self.history = list(history)
        self._optimization = chosen
        self._net = (RegressorNet if is_regression else ClassifierNet)(
            module,
            criterion=criterion_class(chosen.criterion),
            optimizer=optimizer_class(chosen.optimizer),
            lr=learning_rate,
            batch_size=batch_size,
            iterator_train=EpochBatches,
            iterator_train__seed=seed,
            iterator_train__first_epoch=len(history),
            iterator_valid=EpochBatches,
            train_split=predefined_split(_dataset(*validation)) if validation else None,
            callbacks=list(chosen.callbacks or []),
            predict_nonlinearity=None if is_regression else softmax,
            verbose=int(verbose and bool(chosen.callbacks)),
            **{**chosen.further, **criterion},
        )
        self._net.seed = seed
        self._net.balance = BALANCE_LOSSES.get(balance)
        self._net.balance_weight, self._net.bias_rate = balance_weight, bias_rate
        # Histories of what earlier versions trained stay as they were.
        is_new = bool(balance_weight) and balance != "switch"
        self._net.records_load = top_k is not None or is_new
        try:
            self._net.initialize()
        except (AttributeError, TypeError, ValueError) as error:
            raise InputError(
                f"skorch does not accept callbacks or optimizer__param_groups: {error}"
            ) from error
        self._net.check_callbacks(validates=validation is not None)
        self._optimizer_state = optimizer_state
        # Inside this context the net sees where the rows go.
        self._observe_routing: Callable[[], AbstractContextManager[Any]] = contextlib.nullcontext
        counts = any(isinstance(one, RoutingLoad) for _, one in self._net.callbacks_)
        if balance_weight or counts:
            self._observe_routing = lambda: self._net.observe(module)

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """The optimizer, whose state a checkpoint holds."""
        optimizer: torch.optim.Optimizer = self._net.optimizer_
        return optimizer

    @property
    def optimizer_state(self) -> OptimizerState:
        """The state of the optimizer, with which another training can go on."""
        return OptimizerState.of(self.optimizer, self._schedules, self._made_as)

    @property
    def _schedules(self) -> dict[str, LRScheduler]:
        return {name: one for name, one in self._net.callbacks_ if isinstance(one, LRScheduler)}

    @property
    def _made_as(self) -> str:
        schedules = {name: one.get_params() for name, one in self._schedules.items()}
        return f"{self._optimization} {schedules}"

    def run(
        self,
        features: Tensor,
        labels: Tensor,
        weights: Tensor | None = None,
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
            entry |= {name: float(row[name]) for name in _LOSSES if name in row}
            for name, loss in entry.items():
                if not np.isfinite(loss):
                    raise self._diverged(f"{name} is {loss}")
            self.history.append(entry | _scores(row))
            after_epoch(self.history[-1])

        self._net.after_epoch = record
        self._net.module_.train()
        data = _dataset(features, labels, weights)
        # If training diverges, the loss shows it; NumPy's warnings are not needed.
        with (
            np.errstate(over="ignore", invalid="ignore"),
            torch.random.fork_rng(devices=[]),
            self._observe_routing(),
        ):
            self._begin(data)
            with contextlib.suppress(StopTraining):
                self._fit_loop(data, max(0, max_epochs - len(self.history)))
            self._net.notify("on_train_end", X=data.X, y=data.y)
        self._net.module_.eval()

    def _fit_loop(self, data: Dataset, epochs: int) -> None:
        try:
            self._net.fit_loop(data.X, data.y, epochs=epochs)
        except InputError as error:
            # A circuit refuses angles that are not finite before the epoch's loss is known.
            if isinstance(error, DivergenceError) or self._is_finite():
                raise
            raise self._diverged() from error
        if not self._is_finite():
            raise self._diverged()

    def _begin(self, data: Dataset) -> None:
        """Tell callbacks of the beginning, then of the finished epochs, with which they go on."""
        try:
            self._net.notify("on_train_begin", X=data.X, y=data.y)
        except (TypeError, ValueError) as error:  # such as a schedule without its arguments
            raise InputError(f"a callback cannot begin: {error}") from error
        self._net.history.extend(
            {**entry, "epoch": int(entry["epoch"]), "batches": []} for entry in self.history
        )
        if self._optimizer_state is not None:
            self._optimizer_state.restore(self.optimizer, self._schedules, self._made_as)

    def _diverged(self, why: str = "parameters are not finite") -> DivergenceError:
        epoch = len(self.history) + 1
        return DivergenceError(
            f"training diverged in epoch {epoch}: {why}; use a smaller learning_rate"
        )

    def _is_finite(self) -> bool:
        return all(bool(p.isfinite().all()) for p in self._net.module_.parameters())


def _dataset(features: Tensor, labels: Tensor, weights: Tensor | None = None) -> Dataset:
    return Dataset(features if weights is None else {INPUTS: features, WEIGHTS: weights}, labels)


def _scores(row: Mapping[str, Any]) -> dict[str, float]:
    """Return the finite numbers that callbacks have recorded for an epoch."""
    return {
        name: float(value)
        for name, value in row.items()
        if isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if name not in _NOT_RECORDED and np.isfinite(float(value))
    }
