"""Linear layers whose initial weights come from a given generator."""

import math

import torch
from torch import nn

from qmoe_qiskit import limits
from qmoe_qiskit.errors import InputError


def linear(n_in: int, n_out: int, generator: torch.Generator | None = None) -> nn.Linear:
    """Return a `torch.nn.Linear` whose weights `generator` draws from torch's own distribution.

    They are drawn on the host, and lie on the device in force, which may be "meta".

    Raises:
        InputError: If the layer is too large, see `require_room`.
    """
    require_room("a linear layer", n_in, n_out)
    with torch.random.fork_rng(devices=[]):  # torch draws weights too: they are replaced below
        layer = nn.Linear(n_in, n_out, device="cpu")
    bound = 1 / math.sqrt(n_in) if n_in else 0.0
    nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer.to(torch.get_default_device())


def require_room(what: str, *sizes: int) -> None:
    """Refuse an array of more numbers than the limit, before room is made for it.

    Args:
        what: What the array is, for the message.
        sizes: The lengths of its axes.

    Raises:
        InputError: If the product of the sizes is above the limit.
    """
    if math.prod(sizes) > limits.PARAMETERS:
        raise InputError(
            f"{what} of {' x '.join(map(str, sizes))} numbers is too large, at most "
            f"{limits.shown('PARAMETERS')} are accepted: take fewer experts, features, classes or "
            "units"
        )
