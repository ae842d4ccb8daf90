"""The logits of a router, whether or not it offers them."""

from collections.abc import Callable
from typing import cast

from torch import Tensor, nn

from qmoe_qiskit.moe.routing import positive


def logits_of(router: nn.Module, inputs_BF: Tensor) -> Tensor:
    """Return the logits of a router's weights, (..., E), for inputs (..., F).

    They are what its method `logits` returns, or the logarithms of its weights without one.

    >>> import torch
    >>> logits_of(nn.Softmax(-1), torch.zeros(1, 2)).exp()
    tensor([[0.5000, 0.5000]])
    """
    if hasattr(router, "logits"):
        return cast("Callable[[Tensor], Tensor]", router.logits)(inputs_BF)
    return positive(router(inputs_BF)).log()
