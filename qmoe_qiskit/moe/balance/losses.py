"""Losses that spread the rows over the experts, or keep the router's logits small."""

import torch
from torch import Tensor


def balance_loss(
    weights_BE: Tensor, sample_weight_B: Tensor | None = None, chosen_BE: Tensor | None = None
) -> Tensor:
    """Return E sum_e f_e P_e (Switch Transformers, arXiv:2101.03961, equation 4 without alpha).

    f_e is the share of rows whose largest weight is that of expert e, and P_e is the mean weight of
    expert e. The loss is 1 if all experts have equally many rows and equal weight, and E if one
    expert has everything. The f_e are piecewise constant: the gradient is that of the P_e, and
    takes weight from experts with many rows.

    Args:
        weights_BE: Routing weights of at least one row; each row sums to 1.
        sample_weight_B: Weights of the rows in shares and means; None if all weigh the same.
        chosen_BE: Whether a row chose an expert, if it chooses several: f_e is then the share of
            all choices that are expert e. None for the one with the largest weight.

    >>> balance_loss(torch.tensor([[0.9, 0.1], [0.1, 0.9]])).item()
    1.0
    """
    n_experts = weights_BE.shape[-1]
    weights_NE = weights_BE.reshape(-1, n_experts)
    if chosen_BE is None:
        # Not one_hot, which reads its argument on the host: torch.func does not map that.
        experts_E = torch.arange(n_experts, device=weights_NE.device)
        chosen_NE = weights_NE.argmax(dim=-1, keepdim=True) == experts_E
        shares_NE = chosen_NE.to(weights_NE.dtype)
    else:
        shares_NE = chosen_BE.reshape(-1, n_experts).to(weights_NE.dtype)
        shares_NE = shares_NE / shares_NE.sum(dim=-1, keepdim=True)
    if sample_weight_B is not None:
        of_rows_N = sample_weight_B.reshape(-1) / sample_weight_B.sum()
        return n_experts * torch.dot(of_rows_N @ shares_NE, of_rows_N @ weights_NE)
    loss: Tensor = n_experts * torch.dot(shares_NE.mean(dim=0), weights_NE.mean(dim=0))
    return loss


def importance_loss(weights_BE: Tensor, sample_weight_B: Tensor | None = None) -> Tensor:
    """Return the squared coefficient of variation of the experts' importance.

    The importance of an expert is the sum of its weights over the rows (Shazeer et al.,
    arXiv:1701.06538, equations 6 and 7). The loss is 0 if all are equally important, and E - 1 if
    one expert has everything. The paper sums weights after the choice, to which its noise brings
    every expert now and then; before the choice also an expert that no row chose has a gradient.

    Args:
        weights_BE: Routing weights of at least one row.
        sample_weight_B: Weights of the rows in the sum; None if all weigh the same.

    >>> importance_loss(torch.tensor([[1.0, 0.0], [1.0, 0.0]])).item()
    1.0
    """
    weights_NE = weights_BE.reshape(-1, weights_BE.shape[-1])
    if sample_weight_B is not None:
        weights_NE = weights_NE * sample_weight_B.reshape(-1, 1)
    importance_E = weights_NE.mean(dim=0)
    mean = importance_E.mean()
    loss: Tensor = ((importance_E - mean) ** 2).mean() / mean**2
    return loss


def z_loss(logits_BE: Tensor, sample_weight_B: Tensor | None = None) -> Tensor:
    """Return the mean of (log sum_e exp logit_e)^2 (ST-MoE, arXiv:2202.08906, equation 5).

    It keeps logits small, not the load even. A router of normalized probabilities, whose logits are
    their logarithms, has the loss 0.

    Args:
        logits_BE: Logits of the router.
        sample_weight_B: Weights of the rows in the mean; None if all weigh the same.

    >>> round(z_loss(torch.zeros(3, 2)).item(), 4)  # (log 2)^2
    0.4805
    """
    squares_N = logits_BE.logsumexp(dim=-1).square().reshape(-1)
    if sample_weight_B is None:
        return squares_N.mean()
    return (squares_N * sample_weight_B.reshape(-1)).sum() / sample_weight_B.sum()
