"""A training on a device, prepared from a classifier whose module is built."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qmoe_qiskit.train.loop.optimization import criterion_class
from qmoe_qiskit.train.on_device.opening import measurement_of
from qmoe_qiskit.train.on_device.steps import HardwareSteps
from qmoe_qiskit.train.on_device.values import ValuesLoss, quantum_router
from qmoe_qiskit.train.stored.checkpoint import Checkpoint, restore_training

if TYPE_CHECKING:
    from qmoe_qiskit.train.classifier import QMoEClassifier
    from qmoe_qiskit.train.loop.optimization import Optimization
    from qmoe_qiskit.train.loop.training import Rows
    from qmoe_qiskit.train.on_device.settings import HardwareTraining

_RATE, _REFINING_RATE = 0.1, 0.02


def prepare_steps(
    classifier: QMoEClassifier,
    hardware: HardwareTraining,
    rows: Rows,
    validation: Rows | None,
    *,
    optimization: Optimization,
    seed: int,
    saved: Checkpoint | None,
    weighted: bool,
    goes_on: bool,
) -> HardwareSteps:
    """Return the steps of a training; nothing is sent.

    Args:
        classifier: The classifier, whose module is built.
        hardware: The settings.
        rows: The training rows.
        validation: The rows that early stopping holds out, or None.
        optimization: The choice of optimizer and loss.
        seed: Seed of the training.
        saved: Checkpoint of an interrupted training to go on with, or None.
        weighted: Whether rows have weights.
        goes_on: Whether it goes on with a fitted model, whose weights need smaller moves.

    Raises:
        InputError: If the budget is smaller than a step, or the circuit cannot be trained so.
        RunError: If the checkpoint does not fit the model.
    """
    module = classifier.module_
    if hardware.circuit_rate is None:
        hardware = replace(hardware, circuit_rate=_REFINING_RATE if goes_on else _RATE)
    history = saved.history if saved else []

    def loss_of(of_rows: Rows, balance_weight: float) -> ValuesLoss:
        features_NF, labels_N, weights_N = of_rows
        return ValuesLoss(
            module=module,
            features_NF=features_NF,
            labels_N=labels_N,
            weights_N=weights_N,
            criterion=criterion_class(optimization.criterion)(
                **optimization.criterion_arguments(weighted)
            ),
            balance_weight=balance_weight,
        )

    steps = HardwareSteps(
        loss_of(rows, classifier.balance_weight),
        validation=None if validation is None else loss_of(validation, 0.0),
        settings=hardware,
        measurement=measurement_of(
            quantum_router(module),
            hardware,
            seed=seed,
            spent_s=sum(entry["qpu_seconds"] for entry in history),
        ),
        optimization=optimization,
        seed=seed,
        history=history,
        best=saved.best if saved else {},
        patience=classifier.patience,
    )
    if saved is not None:
        restore_training(saved, module, steps.optimizer)
    return steps
