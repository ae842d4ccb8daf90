"""The classical part of a model, fitted anew to values that a device gave for its circuit."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import torch

from qmoe_qiskit.train.loop.optimization import Optimization, criterion_class
from qmoe_qiskit.train.on_device.values import ValuesLoss, quantum_router
from qmoe_qiskit.train.rows import codes_of
from qmoe_qiskit.train.weights import row_weights

if TYPE_CHECKING:
    from torch import nn

    from qmoe_qiskit.train import QMoEClassifier
    from qmoe_qiskit.typing import FloatArray

_STEPS, _RATE = 300, 0.02


def circuit_values(model: QMoEClassifier, X: FloatArray) -> FloatArray:
    """Return the values of the circuit's outputs for rows X, where the model's circuit runs."""
    compiled = model.compiled_router
    assert compiled is not None
    parts = [compiled.expectations(*arguments).values for arguments in model.circuit_arguments(X)]
    return np.concatenate(parts)


def refit(model: QMoEClassifier, X: FloatArray, y: FloatArray, values_NO: FloatArray) -> None:
    """Fit adapter and experts of a model in place to values of its circuit; the circuit stays.

    All rows are in every step of Adam; the weights begin where they are.

    Args:
        model: The fitted classifier.
        X: Features, (N, F).
        y: Labels, (N,).
        values_NO: Values of the circuit's outputs for these rows.
    """
    module = model.module_
    for parameter in _classical_parameters(module):
        parameter.requires_grad_()
    codes_N = codes_of(np.asarray(y), model.classes_)
    weights_N = row_weights(
        X, codes_N, model.classes_, sample_weight=None, class_weight=model.class_weight
    )
    chosen = Optimization.of(model.get_params(deep=False))
    weighted = weights_N is not None
    loss_of = ValuesLoss(
        module=module,
        features_NF=torch.from_numpy(model.feature_map_.scale(X)),
        labels_N=torch.from_numpy(codes_N),
        weights_N=None if weights_N is None else torch.from_numpy(weights_N / weights_N.mean()),
        criterion=criterion_class(chosen.criterion)(**chosen.criterion_arguments(weighted)),
        balance_weight=model.balance_weight,
    )
    values = torch.from_numpy(np.ascontiguousarray(values_NO))
    optimizer = torch.optim.Adam(_classical_parameters(module), lr=_RATE)
    for _ in range(_STEPS):
        optimizer.zero_grad()
        loss_of.loss(values).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def _classical_parameters(module: nn.Module) -> list[nn.Parameter]:
    router = quantum_router(module)  # type: ignore[arg-type]
    of_circuit = {id(parameter) for parameter in router.connector.parameters()}
    return [one for one in module.parameters() if id(one) not in of_circuit]


def refitted(
    model: QMoEClassifier, X: FloatArray, y: FloatArray, values_NO: FloatArray
) -> QMoEClassifier:
    """Return a model whose classical part is fitted anew, see `refit`; the given one stays."""
    fresh = copy.copy(model)
    fresh.module_ = copy.deepcopy(model.module_)
    refit(fresh, X, y, values_NO)
    return fresh
