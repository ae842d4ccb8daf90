"""skorch's net for a mixture: losses of weighted rows, the balance loss, and the end of epochs."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from sklearn.metrics import get_scorer_names
from skorch import NeuralNet, NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochTimer,
    LRScheduler,
    PassthroughScoring,
)
from skorch.callbacks.scoring import ScoringBase
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.hooks import RemovableHandle

from qmoe_qiskit.errors import InputError, unknown_name
from qmoe_qiskit.moe import BalanceLoss, MixtureOfExperts, Routing
from qmoe_qiskit.train.loop.optimization import loss_of, weighted_mean
from qmoe_qiskit.train.loop.routing_load import RoutingLoad

INPUTS, WEIGHTS = "inputs", "sample_weight"


class StopTraining(Exception):  # noqa: N818 - a signal, not an error
    """Raised by a callback to end training after the epoch; also skorch's EarlyStopping does so."""


class MixtureNet(NeuralNet):  # type: ignore[misc]  # skorch is untyped
    """A net that skorch's callbacks see; its features are scaled.

    Rows with weights are a mapping of `INPUTS` and `WEIGHTS`, whose mean over all rows is 1.
    """

    # Called with skorch's record of an epoch after all callbacks.
    after_epoch: Callable[[dict[str, Any]], None]
    # What is added to the loss, and the step of the experts' bias after every batch.
    balance: BalanceLoss
    balance_weight: float
    bias_rate: float
    # Seeds torch's global generator per epoch: routing noise and dropout repeat.
    seed: int
    # Whether the load of the experts is recorded.
    records_load = False
    # Where the rows of the batch went, for the balance loss, the bias and `RoutingLoad`.
    routing: Routing

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        load = [("routing_load", RoutingLoad(summary=True))] if self.records_load else []
        return [
            ("epoch_timer", EpochTimer()),
            ("train_loss", PassthroughScoring(name="train_loss", on_train=True)),
            ("valid_loss", PassthroughScoring(name="valid_loss")),
            *load,
        ]

    def infer(self, x: Any, **fit_params: Any) -> Any:  # noqa: ANN401 - as skorch's
        """Return the logits of a batch."""
        return super().infer(x[INPUTS] if isinstance(x, Mapping) else x, **fit_params)

    def get_loss(
        self,
        y_pred: Tensor,
        y_true: Tensor,
        X: Any = None,  # noqa: ANN401
        training: bool = False,
    ) -> Tensor:
        """Return the loss of a batch; in training, the balance loss included."""
        loss = loss_of(self.criterion_, y_pred, y_true)
        weights_B = X[WEIGHTS] if isinstance(X, Mapping) else None
        if weights_B is not None:
            loss = weighted_mean(loss, weights_B)
        if training and self.balance_weight:
            loss = loss + self.balance_weight * self.balance.loss(self.routing, weights_B)
        return loss

    def observe(self, module: MixtureOfExperts) -> RemovableHandle:
        """Keep the routing of every forward pass, until the handle is removed."""

        def keep(routing: Routing) -> None:
            self.routing = routing

        needs_logits = bool(self.balance_weight) and self.balance.needs_logits
        return module.register_routing_hook(keep, with_logits=needs_logits)

    def train_step(self, batch: Any, **fit_params: Any) -> Any:  # noqa: ANN401 - as skorch's
        """Train on a batch; then adjust the experts' bias by the load of its weighted rows."""
        step = super().train_step(batch, **fit_params)
        if self.bias_rate:
            chosen_BE, features = self.routing.chosen_BE.double(), batch[0]
            if isinstance(features, Mapping):
                chosen_BE = chosen_BE * features[WEIGHTS].unsqueeze(-1)
            self.module_.adjust_expert_bias(chosen_BE.sum(0), self.bias_rate)
        return step

    def notify(self, method_name: str, **arguments: Any) -> None:  # noqa: ANN401
        """Call the callbacks; at the end of an epoch, record it whatever they want."""
        if method_name == "on_epoch_begin":
            torch.default_generator.manual_seed(_seed_of(self.seed, len(self.history)))
        if method_name != "on_epoch_end":
            super().notify(method_name, **arguments)
            return
        stop: BaseException | None = None
        try:
            super().notify(method_name, **arguments)
        except StopTraining as signal:
            stop = signal
        except KeyboardInterrupt as interrupt:  # how skorch's EarlyStopping ends a training
            if not any(_is_out_of_patience(one) for _, one in self.callbacks_):
                raise
            stop = interrupt
        except KeyError as error:
            if "not found in history" not in str(error):
                raise
            raise InputError(
                f"a callback waits for a number that nothing records: {error.args[0]}"
            ) from error
        self.after_epoch(self.history[-1])
        # skorch keeps about 400 bytes per batch, of which later callbacks read the last at most.
        del self.history[-1]["batches"][:-1]
        if stop is not None:
            raise StopTraining from stop

    def check_callbacks(self, *, validates: bool) -> None:
        """Check that there is what the callbacks and their settings are for.

        Raises:
            InputError: If there is not, such as held-out rows.
        """
        callbacks = dict(self.callbacks_[len(self._default_callbacks) :])
        for parameter in vars(self):
            beginning, underscores, rest = parameter.partition("__")
            name = rest.partition("__")[0]
            if (beginning, underscores) == ("callbacks", "__") and name not in callbacks:
                raise InputError(
                    f"{parameter} is for none of the callbacks: known are {sorted(callbacks)}"
                )
        for name, one in callbacks.items():
            scoring = getattr(one, "scoring", None)
            if isinstance(scoring, str) and scoring not in get_scorer_names():
                raise unknown_name("scoring", scoring, get_scorer_names())
            if not validates and _needs_validation(one):
                raise InputError(
                    f"callback {name} needs held-out rows: set early_stopping=True for fit, or let "
                    "it use the training rows (monitor='train_loss', on_train=True)"
                )


class ClassifierNet(MixtureNet, NeuralNetClassifier):  # type: ignore[misc]
    """A net whose labels are 0 to C - 1."""


class RegressorNet(MixtureNet, NeuralNetRegressor):  # type: ignore[misc]
    """A net whose targets, (B, T), have mean 0 and standard deviation 1."""


def _seed_of(seed: int, epoch: int) -> int:
    """Return a seed of torch that an epoch alone has; batches are shuffled by another."""
    numbers = np.random.SeedSequence([seed, epoch], spawn_key=(1,)).generate_state(1, np.uint64)
    return int(numbers[0] >> np.uint64(1))


def softmax(logits_BC: Tensor) -> Tensor:
    """Return probabilities from logits."""
    return torch.softmax(logits_BC, dim=-1)


def check_callbacks(callbacks: Any) -> None:  # noqa: ANN401
    """Check the setting `callbacks`.

    Raises:
        InputError: If it is no list of callbacks.
    """
    if not isinstance(callbacks, list | tuple):
        raise InputError(f"callbacks must be None or a list of skorch's, got {callbacks!r}")
    for item in callbacks:
        named = isinstance(item, list | tuple) and len(item) == 2 and isinstance(item[0], str)
        one = item[1] if named else item
        if not (isinstance(one, Callback) or (isinstance(one, type) and issubclass(one, Callback))):
            raise InputError(
                f"callbacks must hold callbacks of skorch, or pairs of a name and one, got {item!r}"
            )


def _is_out_of_patience(callback: Callback) -> bool:
    return isinstance(callback, EarlyStopping) and callback.misses_ >= callback.patience


def _needs_validation(callback: Callback) -> bool:
    if isinstance(callback, ScoringBase):
        return not callback.on_train
    if isinstance(callback, LRScheduler) and callback.policy_ is not ReduceLROnPlateau:
        return False
    monitors = isinstance(callback, EarlyStopping | Checkpoint | LRScheduler)
    return monitors and str(callback.monitor) in {"valid_loss", "valid_loss_best"}
