"""Classical experts: linear layers, as in the paper, and perceptrons with one hidden layer."""

import torch
from torch import Tensor, nn

from qmoe_qiskit.errors import require_positive
from qmoe_qiskit.moe.linear import linear, require_room


class MLPExpert(nn.Module):
    """Linear -> ReLU -> Linear.

    Args:
        n_features: Number of features, F.
        n_outputs: Number of outputs, C.
        hidden: Number of hidden units.
        generator: Source of the initial weights.

    >>> MLPExpert(4, 3, hidden=8)(torch.ones(5, 4)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: int,
        *,
        hidden: int,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        require_positive("hidden units of expert 'mlp:H'", hidden)
        self.first = linear(n_features, hidden, generator)
        self.second = linear(hidden, n_outputs, generator)

    def forward(self, inputs_BF: Tensor) -> Tensor:
        """Return outputs, (..., C), for features (..., F)."""
        outputs_BC: Tensor = self.second(torch.relu(self.first(inputs_BF)))
        return outputs_BC


def linear_experts(
    n_experts: int, n_features: int, n_outputs: int, *, generator: torch.Generator | None = None
) -> list[nn.Module]:
    """Return the paper's experts: each is one linear layer from F features to C outputs.

    Raises:
        InputError: If they have too many parameters together.

    >>> linear_experts(2, 4, 3)[0]
    Linear(in_features=4, out_features=3, bias=True)
    """
    require_room("the array of all experts' weights", n_experts, n_features, n_outputs)
    return [linear(n_features, n_outputs, generator) for _ in range(n_experts)]


def mlp_experts(
    n_experts: int,
    n_features: int,
    n_outputs: int,
    *,
    hidden: int,
    generator: torch.Generator | None = None,
) -> list[nn.Module]:
    """Return experts with one hidden layer each, see `MLPExpert`.

    Raises:
        InputError: If they have too many parameters together.
    """
    require_room("the array of all experts' weights", n_experts, n_features + n_outputs, hidden)
    return [
        MLPExpert(n_features, n_outputs, hidden=hidden, generator=generator)
        for _ in range(n_experts)
    ]
