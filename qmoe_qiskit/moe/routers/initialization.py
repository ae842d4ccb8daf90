"""The table of initializations: how a circuit's weights start."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.registry import Entry, Registry

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from qmoe_qiskit.circuits import RouterCircuit

# Standard deviation of "small-angle", in radians.
SMALL_ANGLE = 0.1


@dataclass(frozen=True, kw_only=True)
class Initialization(Entry):
    """How a circuit's angles start.

    Attributes:
        draw: Function that fills a tensor (W,) with angles, from a generator.
        mirrored: Whether every second layer starts as the inverse of the one before it, in a
            circuit with mirrored layers.
    """

    draw: Callable[[Tensor, torch.Generator | None], Tensor]
    mirrored: bool = False


def initial_weights(
    router: RouterCircuit, initialization: str = "uniform", generator: torch.Generator | None = None
) -> Tensor:
    """Return initial weights of a circuit, (W,), in torch's default type.

    Factors of inputs start at 1, whatever the initialization of the angles.

    Args:
        router: The circuit.
        initialization: Name of an entry of `INITIALIZATIONS`.
        generator: Source of the angles.

    Raises:
        InputError: If the name is unknown, or "identity-block" is asked for and the circuit has no
            mirrored layers.

    >>> from qmoe_qiskit.circuits import angle_router
    >>> initial_weights(angle_router(2, 2, mirrored=True), "identity-block").shape
    torch.Size([12])
    """
    import torch

    entry, layout = INITIALIZATIONS.get(initialization), router.layout
    weights_W = torch.empty(router.n_weights, device="cpu")
    if layout is None or not layout.n_scalings:
        angles_A = weights_W
    else:
        angles_A = weights_W[: -layout.n_scalings]
        weights_W[-layout.n_scalings :] = 1.0
    entry.draw(angles_A, generator)
    if entry.mirrored:
        if layout is None or not layout.mirrored:
            raise InputError(
                f"initialization {initialization!r} needs a circuit whose layers come in mirrored "
                "pairs, as those that are built with mirrored=True: use one, or another "
                "initialization"
            )
        pairs = angles_A.view(layout.n_layers // 2, 2, layout.n_qubits, 3)
        # Rot(a, b, c) is RZ(c) RY(b) RZ(a), so that its inverse is Rot(-c, -b, -a).
        pairs[:, 1] = -pairs[:, 0].flip(-1)
    return weights_W


def _uniform(angles: Tensor, generator: torch.Generator | None) -> Tensor:
    from torch import nn

    return nn.init.uniform_(angles, -math.pi, math.pi, generator=generator)


def _small(angles: Tensor, generator: torch.Generator | None) -> Tensor:
    from torch import nn

    return nn.init.normal_(angles, 0.0, SMALL_ANGLE, generator=generator)


INITIALIZATIONS = Registry(
    "initialization",
    [
        Initialization(name="uniform", help="angles uniform in [-pi, pi]", draw=_uniform),
        Initialization(
            name="small-angle",
            help=f"normal angles with standard deviation {SMALL_ANGLE}, as in Zhang et al. "
            "(arXiv:2203.09376)",
            draw=_small,
        ),
        Initialization(
            name="identity-block",
            help="uniform angles, every second layer inverts the one before it (Grant et al., "
            "arXiv:1903.05076); needs an even number of layers",
            draw=_uniform,
            mirrored=True,
        ),
    ],
)
