"""Opacus' optimizer, whose noise comes from a source of ours."""

from __future__ import annotations

from typing import Any

import torch
from opacus.optimizers import DPOptimizer

from qmoe_qiskit.train.private.randomness import Randomness, gaussian


class NoisyOptimizer(DPOptimizer):  # type: ignore[misc]  # opacus is untyped
    """Clips the gradients of rows, adds noise, and lets an optimizer of torch take the step.

    Args:
        optimizer: The optimizer.
        randomness: Source of the noise.
        further: Arguments of Opacus' `DPOptimizer`.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        randomness: Randomness,
        **further: Any,  # noqa: ANN401 - opacus is untyped
    ) -> None:
        super().__init__(optimizer, **further)
        self._randomness = randomness

    def add_noise(self) -> None:
        """Add noise of standard deviation noise_multiplier * max_grad_norm to the clipped sums."""
        parameters = self.params
        counts = [parameter.numel() for parameter in parameters]
        std = self.noise_multiplier * self.max_grad_norm
        noise = torch.from_numpy(std * gaussian(self._randomness, sum(counts)))
        for parameter, part in zip(parameters, torch.split(noise, counts), strict=True):
            noisy = parameter.summed_grad.view(-1) + part.to(parameter.dtype)
            parameter.grad = noisy.view_as(parameter)
