"""The mixture: the sum of the experts' outputs, weighted by the router."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe.linear import linear, require_room


class MixtureOfExperts(nn.Module):
    """sum_e weight_e(x) expert_e(x), with any router and any experts.

    Args:
        router: Module that maps features (..., F) to routing weights (..., E).
        experts: The E experts, modules that map features (..., F) to outputs (..., C).

    Raises:
        InputError: If `experts` is empty, or the router has another number of experts.

    >>> from qmoe_qiskit.moe import LinearRouter
    >>> mixture = MixtureOfExperts(LinearRouter(2, 4), linear_experts(4, 2, 3))
    >>> mixture(torch.ones(5, 2)).shape
    torch.Size([5, 3])
    """

    def __init__(self, router: nn.Module, experts: Iterable[nn.Module]) -> None:
        super().__init__()
        self.router = router
        self.experts = nn.ModuleList(experts)
        if not len(self.experts):
            raise InputError("a mixture needs at least one expert, got none")
        routed = getattr(router, "n_experts", len(self.experts))
        if routed != len(self.experts):
            raise InputError(
                f"the router gives weights for {routed} experts, the mixture has "
                f"{len(self.experts)}: make the numbers equal"
            )

    def forward(self, inputs_BF: Tensor) -> Tensor:
        """Return the mixture's outputs, (..., C)."""
        weights_BE = self.router(inputs_BF)
        outputs_BEC = torch.stack([expert(inputs_BF) for expert in self.experts], dim=-2)
        mixed_BC: Tensor = (weights_BE.unsqueeze(-2) @ outputs_BEC).squeeze(-2)
        return mixed_BC


def linear_experts(
    n_experts: int, n_features: int, n_outputs: int, *, generator: torch.Generator | None = None
) -> list[nn.Module]:
    """Return the paper's experts: each is one linear layer from F features to C outputs.

    Raises:
        InputError: If they have too many parameters together.
    """
    require_room("the array of all experts' weights", n_experts, n_features, n_outputs)
    return [linear(n_features, n_outputs, generator) for _ in range(n_experts)]
