"""The mixture: the sum of the experts' outputs or probabilities, weighted by the router."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from qmoe_qiskit.errors import InputError, unknown_name
from qmoe_qiskit.moe.linear import linear, require_room

ROUTINGS: tuple[str, ...] = ("weighted", "sampled")


class MixtureOfExperts(nn.Module):
    """sum_e weight_e(x) expert_e(x), with any router and any experts.

    Args:
        router: Module that maps features (..., F) to routing weights (..., E).
        experts: The E experts, modules that map features (..., F) to outputs (..., C).
        routing: "weighted": the outputs are summed. "sampled": the weights are the probabilities
            that an expert is chosen, and the experts' outputs are logits of classes. The mixture is
            then over probabilities: it returns log sum_e weight_e(x) softmax(expert_e(x)), whose
            cross entropy is the negative log-likelihood of one expert drawn per row.

    Raises:
        InputError: If `experts` is empty, the router has another number of experts, or the routing
            is unknown.

    >>> from qmoe_qiskit.moe import LinearRouter
    >>> mixture = MixtureOfExperts(LinearRouter(2, 4), linear_experts(4, 2, 3))
    >>> mixture(torch.ones(5, 2)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self, router: nn.Module, experts: Iterable[nn.Module], *, routing: str = "weighted"
    ) -> None:
        super().__init__()
        self.routing = check_routing(routing)
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
        """Return the mixture's outputs, (..., C); logarithms of probabilities if sampled."""
        weights_BE = self.router(inputs_BF)
        return self.combine(weights_BE, self.expert_outputs(inputs_BF))

    def expert_outputs(self, inputs_BF: Tensor) -> Tensor:
        """Return the outputs of every expert, (..., E, C)."""
        return torch.stack([expert(inputs_BF) for expert in self.experts], dim=-2)

    def combine(self, weights_BE: Tensor, outputs_BEC: Tensor) -> Tensor:
        """Return the mixture's outputs, (..., C), for weights and outputs of the experts."""
        if self.routing == "sampled":
            return _log_mixture(weights_BE, outputs_BEC)
        mixed_BC: Tensor = (weights_BE.unsqueeze(-2) @ outputs_BEC).squeeze(-2)
        return mixed_BC


def check_routing(routing: str) -> str:
    """Return the name of a routing.

    Raises:
        InputError: If there is no such routing.
    """
    if routing not in ROUTINGS:
        raise unknown_name("routing", routing, ROUTINGS)
    return routing


def _log_mixture(weights_BE: Tensor, logits_BEC: Tensor) -> Tensor:
    """Return log sum_e weight_e softmax(logits_e), (..., C); weights may be 0."""
    logs_BEC = torch.log_softmax(logits_BEC, dim=-1)
    # Relative to the largest expert a sum neither underflows nor loses an expert of weight 0.
    most_B1C = logs_BEC.detach().amax(dim=-2, keepdim=True)
    shares_B1C = weights_BE.unsqueeze(-2) @ (logs_BEC - most_B1C).exp()
    tiny = torch.finfo(shares_B1C.dtype).tiny
    mixed_BC: Tensor = (shares_B1C.clamp_min(tiny).log() + most_B1C).squeeze(-2)
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
