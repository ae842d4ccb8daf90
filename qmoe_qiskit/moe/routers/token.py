"""The router of tokens: a projection to angles, and a router in the type of its weights."""

import math
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from qmoe_qiskit.moe.linear import linear


class AngleProjection(nn.Module):
    """Angles pi tanh(A x + b) in rad, (..., K), of tokens x, (..., D), with A and b trainable.

    They lie within (-pi, pi): however large a token is, no rotation goes around more than once.

    Args:
        d_model: Number of features of a token, D.
        n_angles: Number of angles, K.
        generator: Source of the initial weights, which are those of `torch.nn.Linear`.

    >>> AngleProjection(64, 4)(torch.ones(5, 7, 64)).shape
    torch.Size([5, 7, 4])
    """

    def __init__(
        self, d_model: int, n_angles: int, *, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.linear = linear(d_model, n_angles, generator)

    def forward(self, tokens_BD: Tensor) -> Tensor:
        """Return the angles."""
        return math.pi * torch.tanh(self.linear(tokens_BD))


class TokenRouter(nn.Module):
    """A router of tokens that works in the type of its own weights, whatever the model around does.

    Under autocast too, as in Switch Transformers (arXiv:2101.03961, section 2.4): with the 8 bits
    of bfloat16, rounding would choose between experts of almost equal weight.

    Args:
        router: Router of E experts.
        projection: Module that maps tokens to the router's inputs; None if it takes the tokens.

    >>> from qmoe_qiskit.moe import LinearRouter
    >>> TokenRouter(LinearRouter(64, 8))(torch.ones(5, 7, 64, dtype=torch.bfloat16)).dtype
    torch.float32
    """

    def __init__(self, router: nn.Module, projection: nn.Module | None = None) -> None:
        super().__init__()
        self.projection = nn.Identity() if projection is None else projection
        self.router = router

    def forward(self, tokens_BD: Tensor) -> Tensor:
        """Return routing weights, (..., E), for tokens (..., D)."""
        weight = next(self.parameters(), tokens_BD)
        device = tokens_BD.device.type
        with (
            torch.autocast(device, enabled=False)
            if torch.amp.is_autocast_available(device)
            else nullcontext()
        ):
            weights_BE: Tensor = self.router(self.projection(tokens_BD.to(weight.dtype)))
            return weights_BE
