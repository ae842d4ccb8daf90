"""Choices of the optimizer and of the loss: torch's by name, or a class of the user's."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from qmoe_qiskit.errors import InputError, unknown_name

if TYPE_CHECKING:
    from skorch.callbacks import LRScheduler

# Settings with these beginnings go to skorch, such as optimizer__weight_decay.
PASSED_ON = ("optimizer__", "criterion__", "callbacks__")
# SparseAdam takes no gradients of dense weights.
OPTIMIZERS: dict[str, type[Optimizer]] = {
    name: one
    for name, one in vars(torch.optim).items()
    if inspect.isclass(one) and issubclass(one, Optimizer)
    if one not in {Optimizer, torch.optim.SparseAdam}
}
# The losses of torch that take logits (B, C), or their logarithmic softmax, and labels (B,).
CRITERIA: dict[str, type[nn.Module]] = {
    one.__name__: one for one in (nn.CrossEntropyLoss, nn.MultiMarginLoss, nn.NLLLoss)
}

# The losses of torch that take predictions and targets, both (B, T).
REGRESSION_CRITERIA: dict[str, type[nn.Module]] = {
    one.__name__: one for one in (nn.MSELoss, nn.L1Loss, nn.HuberLoss, nn.SmoothL1Loss)
}
_CRITERIA = {**CRITERIA, **REGRESSION_CRITERIA}

# Those of a mixture over probabilities: both are its negative log-likelihood.
LIKELIHOODS = (nn.CrossEntropyLoss, nn.NLLLoss)


def weighted_mean(losses_N: Tensor, weights_N: Tensor) -> Tensor:
    """Return the mean of the losses, (N,) or (N, T), of rows with weights of mean 1."""
    of_rows_N = losses_N.flatten(1).mean(1) if losses_N.ndim > 1 else losses_N
    return (weights_N * of_rows_N).mean()


def optimizer_class(choice: object) -> type[Optimizer]:
    """Return the optimizer that a name, in any case, or a class stands for.

    Raises:
        InputError: If there is no such optimizer.
    """
    if inspect.isclass(choice) and issubclass(choice, Optimizer):
        return choice
    lower = {name.lower(): one for name, one in OPTIMIZERS.items()}
    if isinstance(choice, str) and choice.lower() in lower:
        return lower[choice.lower()]
    raise unknown_name("optimizer", choice, OPTIMIZERS)


def criterion_class(choice: object) -> type[nn.Module]:
    """Return the loss that a name or a class stands for.

    Raises:
        InputError: If there is no such loss.
    """
    if inspect.isclass(choice) and issubclass(choice, nn.Module):
        return choice
    if isinstance(choice, str) and choice in _CRITERIA:
        return _CRITERIA[choice]
    raise unknown_name("criterion", choice, _CRITERIA)


def loss_of(criterion: nn.Module, logits_BC: Tensor, labels_B: Tensor) -> Tensor:
    """Return the loss of logits; torch's NLLLoss takes their logarithmic softmax."""
    if isinstance(criterion, nn.NLLLoss):
        logits_BC = torch.log_softmax(logits_BC, dim=-1)
    loss: Tensor = criterion(logits_BC, labels_B)
    return loss


def name_of(choice: object) -> str:
    """Return the name of an optimizer or of a loss: for a class of the user's, with its module.

    >>> name_of("sgd"), name_of(torch.optim.SGD), name_of("mine.Optimizer")
    ('SGD', 'SGD', 'mine.Optimizer')
    """
    if isinstance(choice, str):
        lower = {name.lower(): name for name in OPTIMIZERS}
        return lower.get(choice.lower(), choice)
    assert inspect.isclass(choice)
    known = {**OPTIMIZERS, **_CRITERIA}
    name = choice.__name__
    return name if known.get(name) is choice else f"{choice.__module__}.{choice.__qualname__}"


@dataclass(frozen=True, kw_only=True)
class Optimization:
    """What is minimized, and how.

    Attributes:
        optimizer: Name of an optimizer of `torch.optim`, or a class.
        criterion: Name of a loss, see `CRITERIA`, or a class of losses from outputs (B, C) and
            targets, which takes reduction="none" if rows have weights.
        learning_rate: Learning rate of the optimizer.
        callbacks: Callbacks of skorch: instances, classes, or pairs of a name and one of these.
        further: Arguments of optimizer, criterion and callbacks, by their names in skorch.

    Raises:
        InputError: If a choice is not accepted, or does not take its arguments.
    """

    optimizer: str | type[Optimizer] = "Adam"
    criterion: str | type[nn.Module] = "CrossEntropyLoss"
    learning_rate: float
    callbacks: Sequence[Any] | None = None
    further: Mapping[str, Any]

    def __post_init__(self) -> None:
        optimizer, arguments = optimizer_class(self.optimizer), self._of("optimizer__")
        if "lr" in arguments:
            raise InputError(
                f"optimizer__lr={arguments['lr']!r} is not accepted: the learning rate is set by "
                "learning_rate"
            )
        arguments.pop("param_groups", None)
        make: Any = optimizer  # torch does not say that all take lr
        try:
            make([torch.zeros(1, requires_grad=True)], lr=self.learning_rate, **arguments)
        except (AssertionError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"optimizer {optimizer.__name__} does not take {arguments}: {error}"
            ) from error

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Return the choices that settings of a classifier make."""
        return cls(
            optimizer=settings["optimizer"],
            criterion=settings["criterion"],
            learning_rate=settings["learning_rate"],
            callbacks=settings["callbacks"],
            further={k: v for k, v in settings.items() if k.startswith(PASSED_ON)},
        )

    def check_resumable(self) -> None:
        """Check that a checkpoint can hold the optimizer's state.

        Raises:
            InputError: If it cannot.
        """
        chosen = optimizer_class(self.optimizer)
        if issubclass(chosen, torch.optim.LBFGS):
            raise InputError(
                f"a checkpoint does not hold the state of optimizer {chosen.__name__}: set "
                "checkpoint=None, or use another optimizer"
            )

    def check_criterion(self, targets: Tensor, n_outputs: int, *, weighted: bool) -> None:
        """Try the loss on outputs of zero, with targets of `n_outputs` + 1 rows.

        Raises:
            InputError: If it gives no number for each row (with weights) or for all of them.
        """
        chosen, arguments = criterion_class(self.criterion), self.criterion_arguments(weighted)
        # One row more than outputs: numbers cannot be taken for labels by broadcasting.
        count = len(targets)
        logits = torch.zeros(count, n_outputs, dtype=torch.float64, requires_grad=True)
        is_labels = targets.ndim == 1
        of_rows = [(count,)] if is_labels else [(count,), tuple(targets.shape)]
        expected = of_rows if weighted else [()]
        try:
            criterion = chosen(**arguments)
            with warnings.catch_warnings(action="ignore"):  # of the same
                shape = tuple(criterion(logits, targets).shape)
        except (IndexError, RuntimeError, TypeError, ValueError) as error:
            takes = "logits (B, C) and labels (B,)" if is_labels else "outputs and targets (B, T)"
            raise InputError(
                f"criterion {chosen.__name__} does not take {arguments}, {takes}: {error}"
            ) from error
        if shape not in expected:
            raise InputError(
                f"criterion {chosen.__name__} gives shape {shape} for {count} rows, not "
                f"{expected[0]}: "
                + ("rows with weights need one loss each" if weighted else "give one number")
            )
        if weighted and getattr(criterion, "weight", None) is not None:
            raise InputError(
                "criterion__weight cannot be used with sample_weight or class_weight: give the "
                "weights of the classes as class_weight"
            )

    def optimizer_arguments(self) -> dict[str, Any]:
        """Return the arguments of the optimizer besides parameters and learning rate."""
        arguments = self._of("optimizer__")
        arguments.pop("param_groups", None)
        return arguments

    def criterion_arguments(self, weighted: bool) -> dict[str, Any]:
        """Return the arguments of the loss; weights of classes become a tensor."""
        arguments = self._of("criterion__")
        weight = arguments.get("weight")
        if weight is not None and not isinstance(weight, Tensor):
            arguments["weight"] = torch.tensor(np.asarray(weight, dtype=np.float64))
        return {**arguments, "reduction": "none"} if weighted else arguments

    def _of(self, beginning: str) -> dict[str, Any]:
        return {
            name.removeprefix(beginning): value
            for name, value in self.further.items()
            if name.startswith(beginning)
        }

    def __str__(self) -> str:
        further = {k: v for k, v in self.further.items() if k.startswith("optimizer__")}
        return f"{name_of(self.optimizer)} {self.learning_rate} {further}"


@dataclass(frozen=True, kw_only=True)
class OptimizerState:
    """What an optimizer and its schedules know after a training, with which `partial_fit` goes on.

    Attributes:
        kind: Class of the optimizer.
        made_as: The choice of optimizer and schedules in words.
        state: Its `state_dict`.
        schedules: The `state_dict` of every schedule of skorch's, by the name of its callback.
    """

    kind: type[Optimizer]
    made_as: str
    state: dict[str, Any]
    schedules: dict[str, dict[str, Any]]

    def __repr__(self) -> str:
        schedules = ", ".join(self.schedules) or "no schedule"
        return f"<OptimizerState of {self.kind.__name__}, {schedules}>"

    @classmethod
    def of(cls, optimizer: Optimizer, schedules: Mapping[str, LRScheduler], made_as: str) -> Self:
        """Return the state after a training."""
        return cls(
            kind=type(optimizer),
            made_as=made_as,
            state=optimizer.state_dict(),
            schedules={name: one.lr_scheduler_.state_dict() for name, one in schedules.items()},
        )

    def restore(
        self, optimizer: Optimizer, schedules: Mapping[str, LRScheduler], made_as: str
    ) -> None:
        """Give another optimizer the moments, if it is of the same class.

        If nothing was chosen anew, schedules go on, with the learning rate that they had reached.
        """
        if type(optimizer) is not self.kind:
            return
        if made_as != self.made_as:
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({**self.state, "param_groups": groups})
            return
        optimizer.load_state_dict(self.state)
        for name, one in schedules.items():
            one.lr_scheduler_.load_state_dict(self.schedules[name])
