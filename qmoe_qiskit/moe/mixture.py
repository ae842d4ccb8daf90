"""The mixture: the sum of the experts' outputs or probabilities, weighted by the router."""

from collections import OrderedDict
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe.dispatch import dispatch, must_be_dense
from qmoe_qiskit.moe.routers.logits import logits_of
from qmoe_qiskit.moe.routing import (
    Routing,
    capacity_of,
    draw,
    largest,
    renormalized,
    straight_through,
    with_noise,
    within_capacity,
)
from qmoe_qiskit.moe.routing_settings import check_sparse_routing, require_weights

RoutingHook = Callable[[Routing], None]


class MixtureOfExperts(nn.Module):
    """sum_e weight_e(x) expert_e(x), with any router and any experts.

    With `top_k`, only the K experts of the largest weights run on a row, and their weights are
    renormalized to sum to 1. (With K = 1 a renormalized weight is 1 whatever the router does; so
    that the router learns, it stays as it is, as in Switch Transformers, arXiv:2101.03961.) Rows
    are grouped by expert: the cost is that of N K evaluations of an expert, not N E. Under the
    transforms of `torch.func`, and in traces and exports, all experts run, with the same result.

    In training an expert takes at most ceil(capacity_factor K N / E) of a batch's N rows, those
    that give it the largest weights. A row that it drops does without this expert: its other
    weights stay as they are, and if all its experts drop it, its outputs are 0. In evaluation no
    row is dropped: an output does not depend on the other rows.

    An expert that no row of a batch chose gets no gradient, or zeros where torch trains in a group
    of processes. Noise and draws come from torch's global generator, as dropout's do.

    Args:
        router: Module that maps features (..., F) to routing weights (..., E).
        experts: The E experts, modules that map features (..., F) to outputs (..., C).
        routing: "weighted": the outputs are summed. "sampled": the weights are the probabilities
            that an expert is chosen, and the experts' outputs are logits of classes. The mixture is
            then over probabilities: it returns log sum_e weight_e(x) softmax(expert_e(x)), whose
            cross entropy is the negative log-likelihood of one expert drawn per row.
            "straight-through": in training K experts are drawn per row with the probabilities that
            the weights are, and count with renormalized weights, while derivatives are those of the
            weights themselves. In evaluation the K largest are taken.
        top_k: Number of experts per row, K; None for all of them.
        capacity_factor: Room of an expert in multiples of an even share; None for any number.
        router_noise: Standard deviation of normal noise on the router's logits in training (noisy
            top-k, arXiv:1701.06538).

    Attributes:
        expert_bias_E: With `top_k`, what is added to the weights for the choice of the experts
            only, see `adjust_expert_bias`; zeros at first.

    Raises:
        InputError: If `experts` is empty, the router has another number of experts, the routing
            is unknown, or a setting is not accepted or does not go with another.

    >>> from qmoe_qiskit.moe import LinearRouter, linear_experts
    >>> mixture = MixtureOfExperts(LinearRouter(2, 4), linear_experts(4, 2, 3), top_k=2)
    >>> mixture(torch.ones(5, 2)).shape
    torch.Size([5, 3])
    >>> mixture.route(torch.ones(5, 2)).chosen_BE.sum(-1)
    tensor([2, 2, 2, 2, 2])
    """

    expert_bias_E: Tensor

    def __init__(
        self,
        router: nn.Module,
        experts: Iterable[nn.Module],
        *,
        routing: str = "weighted",
        top_k: int | None = None,
        capacity_factor: float | None = None,
        router_noise: float = 0.0,
    ) -> None:
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
        check_sparse_routing(
            len(self.experts),
            routing=routing,
            top_k=top_k,
            capacity_factor=capacity_factor,
            router_noise=router_noise,
        )
        self.routing, self.top_k = routing, top_k
        self.capacity_factor, self.router_noise = capacity_factor, router_noise
        if top_k is not None:
            self.register_buffer("expert_bias_E", torch.zeros(len(self.experts)))
        self._routing_hooks: OrderedDict[int, tuple[RoutingHook, bool]] = OrderedDict()

    def forward(self, inputs_BF: Tensor) -> Tensor:
        """Return the mixture's outputs, (..., C); logarithms of probabilities if sampled.

        Raises:
            InputError: If `top_k` is set and the router's weights are negative, not finite, or not
                one per expert.
        """
        hooks = list(self._routing_hooks.values())
        if self.top_k is None and not hooks:  # nobody asks where the rows go
            return self.combine(self.router(inputs_BF), self.expert_outputs(inputs_BF))
        with_logits = any(needs_logits for _, needs_logits in hooks)
        routing = self.route(inputs_BF, with_logits=with_logits)
        for hook, _ in hooks:
            hook(routing)
        return self.mix(inputs_BF, routing)

    def route(self, inputs_BF: Tensor, *, with_logits: bool = False) -> Routing:
        """Return where the rows go.

        Args:
            inputs_BF: Features, (..., F).
            with_logits: Whether the router's logits are needed as well. They are then all that is
                asked of the router: it is not called, and its forward hooks do not run.

        Raises:
            InputError: If `top_k` is set and the router's weights are negative, not finite, or not
                one per expert.
        """
        logits_BE = logits_of(self.router, inputs_BF) if with_logits else None
        weights_BE = self.router(inputs_BF) if logits_BE is None else logits_BE.softmax(-1)
        return self.route_weights(weights_BE, logits_BE)

    def route_weights(self, weights_BE: Tensor, logits_BE: Tensor | None = None) -> Routing:
        """Return where rows go whose weights, (..., E), and logits the router has given already.

        Raises:
            InputError: If `top_k` is set and the weights are not finite.
        """
        if self.top_k is None:
            everywhere_BE = torch.ones_like(weights_BE, dtype=torch.bool)
            return Routing(weights_BE, weights_BE, largest(weights_BE, 1), everywhere_BE, logits_BE)
        require_weights(weights_BE, len(self.experts), self.router)
        if self.training and self.router_noise:
            weights_BE = with_noise(weights_BE, self.router_noise)
        draws = self.routing == "straight-through"
        scores_BE = weights_BE.detach() + self.expert_bias_E.to(weights_BE.dtype)
        chosen_BE = (draw if draws and self.training else largest)(scores_BE, self.top_k)
        single = self.top_k == 1 and not draws
        gates_BE = weights_BE * chosen_BE if single else renormalized(weights_BE, chosen_BE)
        if draws and self.training:
            gates_BE = straight_through(weights_BE, gates_BE, chosen_BE)
        runs_BE = chosen_BE
        if self.training and self.capacity_factor is not None:
            n_experts = len(self.experts)
            n_rows = weights_BE.numel() // n_experts
            capacity = capacity_of(self.capacity_factor, self.top_k, n_rows, n_experts)
            runs_BE = within_capacity(weights_BE, chosen_BE, capacity)
            gates_BE = gates_BE * runs_BE
        return Routing(weights_BE, gates_BE, chosen_BE, runs_BE, logits_BE)

    def mix(self, inputs_BF: Tensor, routing: Routing) -> Tensor:
        """Return the mixture's outputs, (..., C), for features (..., F) and their routing."""
        # Exports have any number of rows: nothing may ask for it before.
        if self.top_k is None or must_be_dense(inputs_BF) or not inputs_BF.shape[:-1].numel():
            return self.combine(routing.gates_BE, self.expert_outputs(inputs_BF))
        n_rows = inputs_BF.shape[:-1].numel()
        n_experts = len(self.experts)
        mixed_NC = dispatch(
            self.experts,
            inputs_BF.reshape(n_rows, -1),
            routing.gates_BE.reshape(n_rows, n_experts),
            routing.runs_BE.reshape(n_rows, n_experts),
        )
        return mixed_NC.reshape(*inputs_BF.shape[:-1], -1)

    def expert_outputs(self, inputs_BF: Tensor) -> Tensor:
        """Return the outputs of every expert, (..., E, C)."""
        return torch.stack([expert(inputs_BF) for expert in self.experts], dim=-2)

    def combine(self, weights_BE: Tensor, outputs_BEC: Tensor) -> Tensor:
        """Return the mixture's outputs, (..., C), for weights and outputs of the experts."""
        if self.routing == "sampled":
            return _log_mixture(weights_BE, outputs_BEC)
        mixed_BC: Tensor = (weights_BE.unsqueeze(-2) @ outputs_BEC).squeeze(-2)
        return mixed_BC

    def register_routing_hook(
        self, hook: RoutingHook, *, with_logits: bool = False
    ) -> RemovableHandle:
        """Call a function with the `Routing` of every forward pass, before the experts run.

        Args:
            hook: The function.
            with_logits: Whether it needs the router's logits as well, see `route`.
        """
        handle = RemovableHandle(self._routing_hooks)
        self._routing_hooks[handle.id] = (hook, with_logits)
        return handle

    @torch.no_grad()
    def adjust_expert_bias(self, load_E: Tensor, rate: float) -> None:
        """Raise the bias of experts with less than the mean load by `rate`, lower that of others.

        This is the balancing without a loss of DeepSeek-V3 (arXiv:2408.15664), for after an
        optimizer's step. The bias decides the choice, and has no part in the weights.

        Args:
            load_E: Number or share of the rows that chose an expert.
            rate: The step, in units of routing weights; 0.001 in DeepSeek-V3.

        Raises:
            InputError: If the mixture has no `top_k`, and hence no choice.
        """
        if self.top_k is None:
            raise InputError("a dense mixture has no choice that a bias could decide: set top_k")
        self.expert_bias_E += rate * (load_E.mean() - load_E).sign().to(self.expert_bias_E)


def _log_mixture(weights_BE: Tensor, logits_BEC: Tensor) -> Tensor:
    """Return log sum_e weight_e softmax(logits_e), (..., C); weights may be 0."""
    logs_BEC = torch.log_softmax(logits_BEC, dim=-1)
    # Relative to the largest expert a sum neither underflows nor loses an expert of weight 0.
    most_B1C = logs_BEC.detach().amax(dim=-2, keepdim=True)
    shares_B1C = weights_BE.unsqueeze(-2) @ (logs_BEC - most_B1C).exp()
    tiny = torch.finfo(shares_B1C.dtype).tiny
    mixed_BC: Tensor = (shares_B1C.clamp_min(tiny).log() + most_B1C).squeeze(-2)
    return mixed_BC
