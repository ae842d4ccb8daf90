"""The steps of a training on a device: measure, train the classical part, move the circuit."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from qmoe_qiskit.errors import BudgetError, DivergenceError, InputError
from qmoe_qiskit.train.loop.early_stopping import best_epoch
from qmoe_qiskit.train.loop.optimization import optimizer_class
from qmoe_qiskit.train.on_device import spsa
from qmoe_qiskit.train.on_device.measuring import Measurement, fits
from qmoe_qiskit.train.on_device.values import ValuesLoss, quantum_router

if TYPE_CHECKING:
    from torch import Tensor

    from qmoe_qiskit.backends.surrogate import FourierSurrogate
    from qmoe_qiskit.train.classifier import QMoEClassifier
    from qmoe_qiskit.train.loop.optimization import Optimization
    from qmoe_qiskit.train.on_device.settings import HardwareTraining
    from qmoe_qiskit.typing import FloatArray

_log = logging.getLogger(__name__)
# Standard errors by which blocking lets the loss rise.
_ALLOWED_RISE = 2.0
_MODULE, _SURROGATE = "module.", "surrogate."


@dataclass(frozen=True, kw_only=True)
class HardwareReport:
    """What a training on a device took, and why it ended.

    Attributes:
        steps: Number of steps.
        best_step: The step whose model was kept, counted from 1.
        seconds: QPU time; on a fake, what a device would have charged by the estimate.
        budget_s: The budget, or None.
        ended_by: "steps", "budget" or "patience".
    """

    steps: int
    best_step: int
    seconds: float
    budget_s: float | None
    ended_by: str

    def __str__(self) -> str:
        of = "" if self.budget_s is None else f" of {self.budget_s:g}"
        why = {
            "steps": "all steps are done",
            "budget": "the next step could exceed the budget",
            "patience": "the loss on the held-out rows stopped falling",
        }[self.ended_by]
        return (
            f"{self.steps} step{'s' * (self.steps != 1)}, {self.seconds:.1f}{of} s of QPU time: "
            f"{why}; the model of step {self.best_step} is kept"
        )


class HardwareSteps:
    """A training whose circuit is measured; all rows enter every step.

    All that a step draws follows from seed and step, so that the history, the module and the state
    of the optimizer are all that a continuation needs.

    Args:
        loss: The loss of the training rows.
        validation: The loss of the rows that early stopping holds out, or None.
        settings: The settings.
        measurement: What measures the circuit.
        optimization: The choice of the optimizer of adapter and experts.
        seed: Seed of directions.
        history: Entries of the finished steps.
        best: The model of the best step, see `best`.
        patience: Number of steps without a smaller loss on the held-out rows that end the training.

    Attributes:
        history: Per step: epoch, train_loss, valid_loss with early stopping, qpu_seconds, and gain,
            the calibrated gain of SPSA.
        best: The module's state after the best step, and the values of its surrogate.

    Raises:
        InputError: If the budget is smaller than the first step, or the optimizer is not accepted.
    """

    def __init__(
        self,
        loss: ValuesLoss,
        *,
        validation: ValuesLoss | None,
        settings: HardwareTraining,
        measurement: Measurement,
        optimization: Optimization,
        seed: int,
        history: list[dict[str, float]],
        best: Mapping[str, Tensor],
        patience: int,
    ) -> None:
        self._loss, self._validation = loss, validation
        self._settings, self._measurement = settings, measurement
        self._seed, self._patience = seed, patience
        self.history, self.best = list(history), dict(best)
        self._router = quantum_router(loss.module)
        self._weight = self._router.connector.weight
        self.optimizer = self._optimizer(optimization)
        self._ended_by = "steps"
        if not self.history:
            self._check_budget()

    @property
    def max_steps(self) -> int:
        """The number of steps after which the training ends."""
        return 1 if self._settings.method == "refit" else self._settings.max_steps

    @property
    def report(self) -> HardwareReport:
        """What the training took until now."""
        return HardwareReport(
            steps=len(self.history),
            best_step=self._best_step,
            seconds=self._spent_s,
            budget_s=self._settings.budget_s,
            ended_by=self._ended_by,
        )

    def run(self, after_step: Callable[[dict[str, float]], None]) -> None:
        """Train to the end; call `after_step` after every step, when all state may be stored.

        Raises:
            DivergenceError: If a loss is no longer finite.
            HardwareError: If the service refuses or loses a job; what was sent stays recorded.
        """
        while len(self.history) < self.max_steps:
            if self._is_out_of_patience:
                self._ended_by = "patience"
                return
            weights_VW = self._sets()
            estimate = self._measurement.estimate(len(weights_VW))
            if not (self._fits(estimate) or self._measurement.is_sent(weights_VW)):
                self._ended_by = "budget"
                return
            try:
                measured = self._measurement.measure(weights_VW, len(self.history))
            except BudgetError:
                if not self.history:
                    raise
                self._ended_by = "budget"
                return
            entry = self._learn(measured.surrogates, measured.seconds)
            after_step(entry)

    def load_best(self) -> None:
        """Load the best step's model into the module."""
        self._loss.module.load_state_dict(
            {k.removeprefix(_MODULE): t for k, t in self.best.items() if k.startswith(_MODULE)}
        )
        self._loss.module.eval()

    def counted(self) -> dict[str, float]:
        """Return what a checkpoint counts; only a private training has something."""
        return {}

    def hand_over(self, classifier: QMoEClassifier) -> None:
        """Give a classifier the best model, whose circuit is its surrogate from now on."""
        from qmoe_qiskit.backends.surrogate import SurrogateBackend

        surrogate = self._best_surrogate()
        classifier.surrogate_, classifier.hardware_report_ = surrogate, self.report
        classifier.backend_ = SurrogateBackend(surrogate)
        network: Any = self._router.connector.neural_network
        network.compiled = surrogate

    def _best_surrogate(self) -> FourierSurrogate:
        """Load the best step's model into the module, and return its surrogate."""
        from qmoe_qiskit.backends.protocols import Expectations
        from qmoe_qiskit.backends.surrogate import FourierSurrogate

        self.load_best()
        values = Expectations(
            values=self.best[f"{_SURROGATE}values_PO"].numpy(),
            std_errors=self.best[f"{_SURROGATE}std_errors_PO"].numpy(),
            shots=int(self.best[f"{_SURROGATE}shots"]) or None,
        )
        return FourierSurrogate.from_values(
            self._measurement.plan,
            values,
            self._circuit_weights(),
            getattr(self._measurement, "compiled", None),
        )

    def _learn(self, surrogates: tuple[FourierSurrogate, ...], seconds: float) -> dict[str, float]:
        """Train on the values of a step, record it, and set the weights of the next step."""
        centre, *others = surrogates
        step = len(self.history)
        self._train_classical(centre)
        losses = {"train_loss": self._loss.number(centre)}
        if self._validation is not None:
            losses["valid_loss"] = self._validation.number(centre)
        entry = {"epoch": float(step + 1), **losses, "qpu_seconds": float(seconds)}
        for name, loss in losses.items():
            if not math.isfinite(loss):
                raise DivergenceError(
                    f"training diverged in step {step + 1}: {name} is {loss}; use a smaller "
                    "learning_rate"
                )
        if self._settings.method == "spsa":
            slopes_D = self._slopes(others, step)
            entry["gain"] = (
                self.history[0]["gain"]
                if self.history
                else spsa.calibrated_gain(slopes_D, self._settings.first_move)
            )
        self.history.append(entry)
        if self._best_step == len(self.history):
            self._keep(centre)
        elif self._rose(centre):
            self._go_back()
            return entry
        with torch.no_grad():
            if self._settings.method == "spsa":
                signs_DW = self._signs(step)
                move_W = spsa.gain_at(step, entry["gain"]) * spsa.gradient(slopes_D, signs_DW)
                self._weight -= torch.from_numpy(move_W).to(self._weight.dtype)
        if self._settings.method == "parameter-shift":
            self._step_by_shifts(centre, others)
        return entry

    def _train_classical(self, centre: FourierSurrogate) -> None:
        count = self._settings.classical_steps
        if self._settings.method == "refit":
            count *= self._settings.max_steps
        values_NO = self._loss.values(centre)
        for _ in range(count):
            self.optimizer.zero_grad()
            self._loss.loss(values_NO).backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
        self.optimizer.zero_grad()

    def _step_by_shifts(self, centre: FourierSurrogate, others: list[FourierSurrogate]) -> None:
        slopes_PO = self._loss.slopes(centre)
        gradient_W = [
            float((slopes_PO * (plus.values_PO - minus.values_PO)).sum()) / 2
            for plus, minus in zip(others[::2], others[1::2], strict=True)
        ]
        self._weight.grad = torch.tensor(gradient_W, dtype=self._weight.dtype)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def _slopes(self, others: list[FourierSurrogate], step: int) -> FloatArray:
        size = spsa.perturbation_at(step, self._settings.perturbation)
        losses = np.array([self._loss.number(one) for one in others])
        slopes_D: FloatArray = (losses[::2] - losses[1::2]) / (2 * size)
        return slopes_D

    def _signs(self, step: int) -> FloatArray:
        count = self._settings.resamplings
        count = count if step else max(count, spsa.CALIBRATING_DIRECTIONS)
        return spsa.directions(self._seed, step, count, len(self._weight))

    def _sets(self) -> FloatArray:
        """Return the sets of weights that the next step measures, (V, W): its own first."""
        weights_W, step, method = self._circuit_weights(), len(self.history), self._settings.method
        if method == "refit":
            return weights_W[None]
        if method == "spsa":
            size = spsa.perturbation_at(step, self._settings.perturbation)
            moves_DW = size * self._signs(step)
        else:
            moves_DW = np.pi / 2 * np.eye(len(weights_W))
        pairs_VW = np.stack([moves_DW, -moves_DW], axis=1).reshape(-1, len(weights_W))
        return weights_W + np.vstack([np.zeros_like(weights_W), pairs_VW])

    def _circuit_weights(self) -> FloatArray:
        weights_W: FloatArray = self._weight.detach().double().numpy().copy()
        return weights_W

    @property
    def _best_step(self) -> int:
        if self._validation is not None:
            return best_epoch(self.history)
        losses = [entry["train_loss"] for entry in self.history]
        return 1 + int(np.argmin(losses)) if losses else 0

    @property
    def _is_out_of_patience(self) -> bool:
        return (
            self._validation is not None
            and len(self.history) - best_epoch(self.history) >= self._patience
        )

    def _keep(self, centre: FourierSurrogate) -> None:
        state = self._loss.module.state_dict()
        self.best = {f"{_MODULE}{name}": tensor.clone() for name, tensor in state.items()}
        self.best |= {
            f"{_SURROGATE}values_PO": torch.from_numpy(centre.values_PO.copy()),
            f"{_SURROGATE}std_errors_PO": torch.from_numpy(centre.std_errors_PO.copy()),
            f"{_SURROGATE}shots": torch.tensor(centre.shots or 0),
        }

    def _rose(self, centre: FourierSurrogate) -> bool:
        """Whether the loss is so much above the best one that blocking goes back."""
        if not self._settings.blocking:
            return False
        best = self.history[self._best_step - 1]["train_loss"]
        rise = self.history[-1]["train_loss"] - best
        return rise > _ALLOWED_RISE * self._loss.std_error(centre)

    def _go_back(self) -> None:
        with torch.no_grad():
            name = next(
                name
                for name, parameter in self._loss.module.named_parameters()
                if parameter is self._weight
            )
            self._weight.copy_(self.best[f"{_MODULE}{name}"])

    @property
    def _spent_s(self) -> float:
        return sum(entry["qpu_seconds"] for entry in self.history)

    def _fits(self, estimate: Any) -> bool:  # noqa: ANN401
        budget_s = self._settings.budget_s
        return budget_s is None or fits(estimate, budget_s - self._spent_s)

    def _check_budget(self) -> None:
        """Refuse a budget that is smaller than the first step."""
        weights_VW = self._sets()
        estimate = self._measurement.estimate(len(weights_VW))
        if self._fits(estimate) or self._measurement.is_sent(weights_VW):
            return
        needed = sum(max(1, math.ceil(job.seconds)) for job in estimate.jobs)
        raise InputError(
            f"a budget of {self._settings.budget_s:g} s is smaller than the first step, whose jobs "
            f"take up to {needed} s of QPU time ({estimate.formula}): nothing was sent; raise the "
            "budget, or take fewer shots, more slots, or another method"
        )

    def _optimizer(self, optimization: Optimization) -> torch.optim.Optimizer:
        chosen: Any = optimizer_class(optimization.optimizer)
        if issubclass(chosen, torch.optim.LBFGS):
            raise InputError("hardware_training needs an optimizer of single steps: use Adam")
        classical = [p for p in self._loss.module.parameters() if p is not self._weight]
        groups: list[dict[str, Any]] = [{"params": classical}]
        if self._settings.method == "parameter-shift":
            groups.append({"params": [self._weight], "lr": self._settings.circuit_rate or 0.1})
        return chosen(  # type: ignore[no-any-return]
            groups, lr=optimization.learning_rate, **optimization.optimizer_arguments()
        )
