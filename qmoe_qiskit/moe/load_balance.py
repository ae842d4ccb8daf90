"""The load-balancing loss, which penalizes sending most rows to few experts."""

import torch
from torch import Tensor


def balance_loss(weights_BE: Tensor, sample_weight_B: Tensor | None = None) -> Tensor:
    """Return E sum_e f_e P_e (Switch Transformers, arXiv:2101.03961, equation 4 without alpha).

    f_e is the share of rows whose largest weight is that of expert e, and P_e is the mean weight of
    expert e. The loss is 1 if all experts have equally many rows and equal weight, and E if one
    expert has everything. The f_e are piecewise constant: the gradient is that of the P_e, and
    takes weight from experts with many rows.

    Args:
        weights_BE: Routing weights of at least one row; each row sums to 1.
        sample_weight_B: Weights of the rows in shares and means; None if all weigh the same.

    >>> balance_loss(torch.tensor([[0.9, 0.1], [0.1, 0.9]])).item()
    1.0
    """
    n_experts = weights_BE.shape[-1]
    weights_NE = weights_BE.reshape(-1, n_experts)
    # Not one_hot, which reads its argument on the host: torch.func does not map that.
    experts_E = torch.arange(n_experts, device=weights_NE.device)
    chosen_NE = weights_NE.argmax(dim=-1, keepdim=True) == experts_E
    if sample_weight_B is not None:
        of_rows_N = sample_weight_B.reshape(-1) / sample_weight_B.sum()
        share_E = of_rows_N @ chosen_NE.to(weights_NE.dtype)
        return n_experts * torch.dot(share_E, of_rows_N @ weights_NE)
    share_E = chosen_NE.to(weights_NE.dtype).mean(dim=0)
    loss: Tensor = n_experts * torch.dot(share_E, weights_NE.mean(dim=0))
    return loss
