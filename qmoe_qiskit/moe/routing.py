"""Which experts serve a row, and with what weight: top-k, noise, draws and capacity."""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Routing(NamedTuple):
    """Where the rows of a batch go.

    Attributes:
        weights_BE: Weights of the router, with its noise if there is any; each row sums to 1.
        gates_BE: Weights that the experts' outputs are multiplied with; 0 for experts that do not
            run on the row.
        chosen_BE: Whether a row chose an expert: its K experts, or in a dense mixture the one with
            the largest weight.
        runs_BE: Whether an expert runs on a row: all in a dense mixture; otherwise the chosen ones
            that have room for the row.
        logits_BE: Logits of the router, or None where nobody has asked for them.
    """

    weights_BE: Tensor
    gates_BE: Tensor
    chosen_BE: Tensor
    runs_BE: Tensor
    logits_BE: Tensor | None = None


def largest(scores_BE: Tensor, count: int) -> Tensor:
    """Return whether a score is among the `count` largest of its row, (..., E).

    If the largest score is wanted and several are, it is the first.

    >>> largest(torch.tensor([[0.2, 0.5, 0.3]]), 2)
    tensor([[False,  True,  True]])
    """
    best = scores_BE.argmax(dim=-1, keepdim=True) if count == 1 else None
    experts_BK = scores_BE.topk(count, dim=-1).indices if best is None else best
    return torch.zeros_like(scores_BE, dtype=torch.bool).scatter(-1, experts_BK, 1)


def with_noise(weights_BE: Tensor, std: float) -> Tensor:
    """Return the weights after normal noise on their logits (Shazeer et al., arXiv:1701.06538).

    The paper trains the noise's standard deviation per expert; here it is one number. It is drawn
    from torch's global generator, as dropout is.
    """
    logs_BE = positive(weights_BE).log()
    return torch.softmax(logs_BE + std * torch.randn_like(logs_BE), dim=-1)


def draw(scores_BE: Tensor, count: int) -> Tensor:
    """Return `count` different experts per row, drawn with probabilities in proportion to scores.

    The largest sums of logarithms and Gumbel noise are such a draw (Kool et al., arXiv:1903.06059).
    It uses torch's global generator, as dropout does.
    """
    with torch.no_grad():
        gumbel_BE = -positive(torch.empty_like(scores_BE).exponential_()).log()
        return largest(positive(scores_BE).log() + gumbel_BE, count)


def renormalized(weights_BE: Tensor, chosen_BE: Tensor) -> Tensor:
    """Return the chosen experts' weights as shares of their sum, and 0 for all others."""
    kept_BE = weights_BE * chosen_BE
    gates_BE: Tensor = kept_BE / positive(kept_BE.sum(-1, keepdim=True))
    return gates_BE


def straight_through(weights_BE: Tensor, gates_BE: Tensor, chosen_BE: Tensor) -> Tensor:
    """Return the gates, whose derivative is that of the chosen experts' weights.

    Bengio et al., arXiv:1308.3432. An expert that does not run has no output, and hence no part.
    """
    soft_BE = weights_BE * chosen_BE
    return gates_BE.detach() + (soft_BE - soft_BE.detach())


def capacity_of(factor: float, top_k: int, n_rows: int, n_experts: int) -> int:
    """Return the number of rows that an expert has room for, at least 1.

    >>> capacity_of(1.25, top_k=2, n_rows=32, n_experts=8)
    10
    """
    return max(1, math.ceil(factor * top_k * n_rows / n_experts))


def within_capacity(weights_BE: Tensor, chosen_BE: Tensor, capacity: int) -> Tensor:
    """Return whether an expert that a row chose has room for it, (..., E).

    An expert keeps the rows that give it the largest weights; of equal ones the first.
    """
    n_experts = weights_BE.shape[-1]
    weights_NE = weights_BE.detach().reshape(-1, n_experts)
    chosen_NE = chosen_BE.reshape(-1, n_experts)
    if len(weights_NE) <= capacity:
        return chosen_BE
    wanted_NE = torch.where(chosen_NE, weights_NE, -1.0)
    order_NE = wanted_NE.argsort(dim=0, descending=True, stable=True)
    first_NE = torch.zeros_like(chosen_NE).scatter(0, order_NE[:capacity], 1)
    return (first_NE & chosen_NE).reshape(chosen_BE.shape)


def positive(tensor: Tensor) -> Tensor:
    """Return numbers of at least the smallest normal one, for logarithms and quotients."""
    return tensor.clamp_min(torch.finfo(tensor.dtype).tiny)
