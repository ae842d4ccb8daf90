"""The table of balance losses: what is added to the training loss, by name.

Reading the table does not load torch; computing a loss does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.registry import Entry, Registry

if TYPE_CHECKING:
    from torch import Tensor

    from qmoe_qiskit.moe.routing import Routing


@dataclass(frozen=True, kw_only=True)
class BalanceLoss(Entry):
    """A loss of where the rows of a batch go.

    Attributes:
        loss: Function of the routing and of the rows' weights (N,), or None, that returns a number.
        needs_logits: Whether the routing must hold the router's logits.
    """

    loss: Callable[[Routing, Tensor | None], Tensor]
    needs_logits: bool = False


def _switch(routing: Routing, sample_weight_B: Tensor | None) -> Tensor:
    from qmoe_qiskit.moe.balance.losses import balance_loss

    return balance_loss(routing.weights_BE, sample_weight_B, routing.chosen_BE)


def _importance(routing: Routing, sample_weight_B: Tensor | None) -> Tensor:
    from qmoe_qiskit.moe.balance.losses import importance_loss

    return importance_loss(routing.weights_BE, sample_weight_B)


def _z(routing: Routing, sample_weight_B: Tensor | None) -> Tensor:
    from qmoe_qiskit.moe.balance.losses import z_loss

    assert routing.logits_BE is not None
    return z_loss(routing.logits_BE, sample_weight_B)


BALANCE_LOSSES = Registry(
    "balance loss",
    [
        BalanceLoss(name="switch", help="share of rows times mean weight, by expert", loss=_switch),
        BalanceLoss(
            name="importance", help="how much the experts' total weights vary", loss=_importance
        ),
        BalanceLoss(name="z", help="size of the router's logits", loss=_z, needs_logits=True),
    ],
)


def check_balance(balance: str, balance_weight: float, bias_rate: float, top_k: int | None) -> None:
    """Check how a training spreads the rows over the experts.

    Args:
        balance: Name of an entry of `BALANCE_LOSSES`.
        balance_weight: Factor of that loss.
        bias_rate: Step of the experts' bias, see `MixtureOfExperts.adjust_expert_bias`.
        top_k: Number of experts per row, or None for all.

    Raises:
        InputError: If a setting is not accepted, or does not go with another.
    """
    BALANCE_LOSSES.get(balance)
    given: dict[str, Any] = {"balance_weight": balance_weight, "bias_rate": bias_rate}
    for name, value in given.items():
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        if not is_number or not 0 <= float(value) < math.inf:
            raise InputError(f"{name} must be a number of at least 0, got {value!r}")
    if bias_rate and top_k is None:
        raise InputError(
            f"bias_rate={bias_rate} moves a bias that decides which experts a row gets: set top_k, "
            "or use bias_rate=0"
        )
