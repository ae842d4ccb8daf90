"""Linear layers whose initial weights come from a given generator."""

import math

import torch
from torch import nn


def linear(n_in: int, n_out: int, generator: torch.Generator | None = None) -> nn.Linear:
    """Return a `torch.nn.Linear` whose weights `generator` draws from torch's own distribution.

    They are drawn on the host, and lie on the device in force, which may be "meta".
    """
    layer = nn.Linear(n_in, n_out, device="meta").to_empty(device="cpu")
    bound = 1 / math.sqrt(n_in) if n_in else 0.0
    nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer.to(torch.get_default_device())
