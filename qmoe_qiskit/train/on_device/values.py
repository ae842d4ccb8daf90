"""The loss of a mixture whose circuit's outputs are known values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from qmoe_qiskit.backends.surrogate import FourierSurrogate
from qmoe_qiskit.moe import MixtureOfExperts, ProjectedRouter, QuantumRouter, balance_loss
from qmoe_qiskit.train.loop.optimization import loss_of, weighted_mean
from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class ValuesLoss:
    """The loss of all rows as a function of the circuit's outputs.

    Attributes:
        module: The mixture.
        features_NF: The rows, scaled.
        labels_N: Their labels, from 0 to C - 1.
        weights_N: Their weights of mean 1, or None.
        criterion: The loss of logits and labels; one number per row if rows have weights.
        balance_weight: Factor of the load-balancing loss.
    """

    module: MixtureOfExperts
    features_NF: Tensor
    labels_N: Tensor
    weights_N: Tensor | None
    criterion: nn.Module
    balance_weight: float = 0.0

    def inputs(self) -> FloatArray:
        """Return the circuit's inputs of every row, in radians."""
        router = self.module.router
        with torch.no_grad():
            seen = (
                router.router_inputs(self.features_NF)
                if isinstance(router, ProjectedRouter)
                else self.features_NF
            )
            seen = quantum_router(self.module).circuit_inputs(seen)
        inputs_NF: FloatArray = seen.double().numpy()
        return inputs_NF

    def values(self, surrogate: FourierSurrogate) -> Tensor:
        """Return the circuit's outputs of every row, (N, O)."""
        return torch.from_numpy(surrogate.grid.interpolate(self.inputs(), surrogate.values_PO))

    def loss(self, values_NO: Tensor) -> Tensor:
        """Return the loss for outputs of the circuit, with its derivatives."""
        weights_NE = quantum_router(self.module).weights_of(values_NO)
        outputs_NEC = self.module.expert_outputs(self.features_NF)
        outputs_NC = self.module.combine(weights_NE, outputs_NEC)
        loss = loss_of(self.criterion, outputs_NC, self.labels_N)
        if self.weights_N is not None:
            loss = weighted_mean(loss, self.weights_N)
        if self.balance_weight:
            loss = loss + self.balance_weight * balance_loss(weights_NE, self.weights_N)
        return loss

    def number(self, surrogate: FourierSurrogate) -> float:
        """Return the loss as a number."""
        with torch.no_grad():
            return float(self.loss(self.values(surrogate)))

    def slopes(self, surrogate: FourierSurrogate) -> FloatArray:
        """Return the derivatives of the loss by the values at the grid's points, (P, O)."""
        values_NO = self.values(surrogate).requires_grad_()
        (by_values_NO,) = torch.autograd.grad(self.loss(values_NO), values_NO)
        slopes_PO: FloatArray = surrogate.grid.weights(self.inputs()).T @ by_values_NO.numpy()
        return slopes_PO

    def std_error(self, surrogate: FourierSurrogate) -> float:
        """Return the standard error of the loss from shots, to first order."""
        spread = self.slopes(surrogate) * surrogate.std_errors_PO
        return float(np.sqrt((spread**2).sum()))


def quantum_router(module: MixtureOfExperts) -> QuantumRouter:
    """Return the quantum router of a mixture that has one."""
    router = getattr(module.router, "router", module.router)
    assert isinstance(router, QuantumRouter)
    return router
