"""The load-balancing loss: what it costs to send every row to the same expert."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot


def balance_loss(weights_BE: Tensor) -> Tensor:
    """Return E sum_e f_e P_e (Switch Transformers, arXiv:2101.03961, equation 4 without alpha).

    f_e is the share of rows whose largest weight is that of expert e, P_e the mean weight of expert
    e. 1 where every expert has as many rows and as much weight as any other, E where one expert has
    everything. The f_e are constant but for jumps: the gradient is that of the P_e, and takes
    weight from the experts that have many rows.

    Args:
        weights_BE: Routing weights of at least one row, rows summing to 1.
    """
    n_experts = weights_BE.shape[-1]
    weights_NE = weights_BE.reshape(-1, n_experts)
    chosen_NE = one_hot(weights_NE.argmax(dim=-1), n_experts)
    share_E = chosen_NE.to(weights_NE.dtype).mean(dim=0)
    loss: Tensor = n_experts * torch.dot(share_E, weights_NE.mean(dim=0))
    return loss
