"""A classical control: random Fourier features, followed by a linear layer."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from qmoe_qiskit.errors import require_positive
from qmoe_qiskit.moe.linear import linear


class RandomFourierRouter(nn.Module):
    """Linear in N random waves cos(w x + b) -> softmax.

    The waves approximate a Gaussian kernel (A. Rahimi & B. Recht, Random Features for Large-Scale
    Kernel Machines, NeurIPS 2007): the classical counterpart of a router that acts as a kernel
    method. Frequencies and phases are drawn once and stay; only the linear layer is trained.

    Args:
        n_features: Number of features, F.
        n_experts: Number of experts, E.
        n_waves: Number of waves, N.
        length_scale: Length scale of the kernel exp(-|x - y|^2 / (2 length_scale^2)), in units of
            the inputs. At 1, frequencies are about that of the angle router, 1 per rad.
        generator: Source of frequencies, phases and initial weights.
    """

    def __init__(
        self,
        n_features: int,
        n_experts: int,
        *,
        n_waves: int,
        length_scale: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        require_positive("n_features", n_features)
        self.n_experts = require_positive("n_experts", n_experts)
        require_positive("waves of router 'rff:N'", n_waves)
        self.register_buffer(
            "frequencies_NF", torch.randn((n_waves, n_features), generator=generator) / length_scale
        )
        self.register_buffer("phases_N", 2 * math.pi * torch.rand(n_waves, generator=generator))
        self.layer = linear(n_waves, n_experts, generator)

    def features(self, inputs_BF: Tensor) -> Tensor:
        """Return the waves, (..., N); their products approximate the kernel."""
        frequencies_NF, phases_N = self.get_buffer("frequencies_NF"), self.get_buffer("phases_N")
        waves_BN = torch.cos(inputs_BF @ frequencies_NF.T + phases_N)
        return math.sqrt(2 / len(phases_N)) * waves_BN

    def forward(self, inputs_BF: Tensor) -> Tensor:
        """Return routing weights, (..., E)."""
        return torch.softmax(self.layer(self.features(inputs_BF)), dim=-1)
