"""The router of tokens: a projection to angles, and a router in the type of its weights."""

import math
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from qmoe_qiskit.moe.linear import linear
from qmoe_qiskit.moe.routers.logits import logits_of


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
    """A router that works in the type of its own weights, whatever the model around it does.

    Under autocast too, as in Switch Transformers (arXiv:2101.03961, section 2.4): rounded to the
    8 bits of bfloat16, weights would often tie, and a tie is no choice between experts.

    Args:
        router: Router of the experts.
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
        with _without_autocast(tokens_BD.device):
            weights_BE: Tensor = self.router(self._inputs(tokens_BD))
            return weights_BE

    def logits(self, tokens_BD: Tensor) -> Tensor:
        """Return the logits of the routing weights, (..., E), for tokens (..., D)."""
        with _without_autocast(tokens_BD.device):
            return logits_of(self.router, self._inputs(tokens_BD))

    def _inputs(self, tokens_BD: Tensor) -> Tensor:
        weight = next(self.parameters(), tokens_BD)
        inputs: Tensor = self.projection(tokens_BD.to(weight.dtype))
        return inputs


def _without_autocast(device: torch.device) -> torch.autocast | nullcontext[None]:
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()  # the device "meta"
