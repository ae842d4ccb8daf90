"""A layer for models of others: a mixture of experts where a feed-forward block stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from qmoe_qiskit import limits
from qmoe_qiskit.backends import Backend
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.circuits.families import CIRCUITS
from qmoe_qiskit.errors import InputError, require_positive
from qmoe_qiskit.moe.balance.load import RoutingStatistics
from qmoe_qiskit.moe.balance.registry import BALANCE_LOSSES
from qmoe_qiskit.moe.experts.registry import build_experts
from qmoe_qiskit.moe.mixture import MixtureOfExperts
from qmoe_qiskit.moe.routers.registry import RouterSettings, kind_of
from qmoe_qiskit.moe.routers.token import AngleProjection, TokenRouter
from qmoe_qiskit.moe.torch_connector.modes import is_exported, is_traced, is_transformed

if TYPE_CHECKING:
    from qmoe_qiskit.moe.experts.registry import Experts
    from qmoe_qiskit.moe.routing import Routing


class QMoELayer(nn.Module):
    """Mixture of experts from tokens (..., D) to as many tokens of the same shape and type.

    A quantum router sees angles pi tanh(A x + b) of a token x, with A and b trainable. The circuit
    is evaluated in float64, the rest of the router in the type of its weights, under autocast too.
    See `MixtureOfExperts` for `top_k`, `routing`, `capacity_factor` and `router_noise`.

    Args:
        d_model: Number of features of a token, D.
        n_experts: Number of experts, E.
        top_k: Number of experts per token; None for all of them.
        hidden: Number of hidden units of an expert, which is a perceptron; None for 4 D.
        expert: Other experts: a name, modules, or a function, see `build_experts`.
        router: "quantum"; or the name of a classical router, such as "linear" or "mlp:16", which
            sees the token itself; or a module from tokens (..., D) to weights (..., E). Classical
            routers have no use for the four settings of the circuit, which follow.
        circuit: Circuit of the router, or the name of a family, see `CIRCUITS`; None for "angle".
        n_qubits: Number of qubits; None for 4.
        n_layers: Number of layers; None for 2.
        readout: "expectations" or "probabilities", see `QuantumRouter`.
        backend: Backend that evaluates circuits, or a specification for `open_backend`.
        routing: "weighted" or "straight-through".
        capacity_factor: Room of an expert in multiples of an even share; None for any number.
        router_noise: Standard deviation of the noise on the router's logits in training.
        balance: What `balance_loss` returns, an entry of `BALANCE_LOSSES`.
        generator: Source of the initial weights.

    Raises:
        InputError: If a number or a name is not accepted, settings contradict each other, or the
            backend cannot run the circuit.

    >>> layer = QMoELayer(64, n_experts=8)
    >>> layer(torch.randn(32, 16, 64)).shape
    torch.Size([32, 16, 64])
    >>> layer.balance_loss().shape, int(layer.load().choices_E.sum()) == 32 * 16 * 2
    (torch.Size([]), True)
    """

    def __init__(
        self,
        d_model: int,
        n_experts: int,
        top_k: int | None = 2,
        *,
        hidden: int | None = None,
        expert: Experts | None = None,
        router: str | nn.Module = "quantum",
        circuit: RouterCircuit | str | None = None,
        n_qubits: int | None = None,
        n_layers: int | None = None,
        readout: str = "expectations",
        backend: Backend | str = "statevector",
        routing: str = "weighted",
        capacity_factor: float | None = None,
        router_noise: float = 0.0,
        balance: str = "switch",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.d_model = require_positive("d_model", d_model)
        require_positive("n_experts", n_experts, at_most=limits.EXPERTS)
        if hidden is not None and expert is not None:
            raise InputError(
                f"hidden={hidden!r} is the width of the layer's own experts, not of `expert`: give "
                "one of the two"
            )
        if routing == "sampled":
            raise InputError(
                "routing 'sampled' mixes probabilities of classes, and a layer has none: use "
                "'weighted' or 'straight-through'"
            )
        width = 4 * self.d_model if hidden is None else require_positive("hidden", hidden)
        if router == "quantum":
            settings = _circuit_settings(circuit, n_qubits, n_layers)
            projection = AngleProjection(d_model, settings["n_inputs"], generator=generator)
            quantum = RouterSettings(
                n_experts=n_experts,
                readout=readout,
                backend=backend,
                generator=generator,
                **settings,
            )
            token_router = TokenRouter(kind_of(router).build(quantum), projection)
        else:
            token_router = TokenRouter(_classical(router, d_model, n_experts, generator))
        self.mixture = MixtureOfExperts(
            token_router,
            build_experts(
                f"mlp:{width}" if expert is None else expert,
                n_experts,
                d_model,
                d_model,
                backend=backend,
                generator=generator,
            ),
            routing=routing,
            top_k=top_k,
            capacity_factor=capacity_factor,
            router_noise=router_noise,
        )
        self.balance = BALANCE_LOSSES.get(balance).name
        self._last: Routing | None = None

    def forward(self, tokens_BD: Tensor) -> Tensor:
        """Return the mixture's outputs, (..., D), for tokens (..., D).

        Raises:
            InputError: If the tokens have another number of features or no floating type, or a
                number is not finite.
        """
        shape_fits = is_traced() or tokens_BD.shape[-1:] == (self.d_model,)
        fits = shape_fits and tokens_BD.is_floating_point()
        if not fits:
            raise InputError(
                f"the layer takes floating tokens of shape (..., {self.d_model}), got "
                f"{tokens_BD.dtype} of shape {tuple(tokens_BD.shape)}"
            )
        if is_traced() or is_exported():  # such a program has no place for the routing
            outputs_BD: Tensor = self.mixture(tokens_BD)
            return outputs_BD.to(tokens_BD.dtype)
        with_logits = BALANCE_LOSSES.get(self.balance).needs_logits
        routing = self.mixture.route(tokens_BD, with_logits=with_logits)
        # What torch.func maps must not outlive the call.
        self._last = None if is_transformed() else routing
        return self.mixture.mix(tokens_BD, routing).to(tokens_BD.dtype)

    def balance_loss(self) -> Tensor:
        """Return the balance loss of the last forward pass, to be added to the model's loss.

        It is that of the tokens that this process saw in that pass. Under data parallelism each
        process adds the loss of its own tokens, and gradients are averaged. Of no tokens it is 0.

        Raises:
            InputError: If there was no forward pass, or it kept no graph while the router trains,
                as in `torch.utils.checkpoint` with `use_reentrant=True`.
        """
        routing = self._last_routing()
        trains = self.training and any(p.requires_grad for p in self.mixture.router.parameters())
        if torch.is_grad_enabled() and trains and not routing.weights_BE.requires_grad:
            raise InputError(
                "the last forward pass of this layer ran without gradients, so that its balance "
                "loss would train nothing: with torch.utils.checkpoint set use_reentrant=False; to "
                "read the number only, call balance_loss() under torch.no_grad()"
            )
        if not routing.weights_BE.numel():
            return routing.weights_BE.sum()  # 0, where the loss would be a mean of no tokens
        return BALANCE_LOSSES.get(self.balance).loss(routing, None)

    def load(self) -> RoutingStatistics:
        """Return how evenly the tokens of the last forward pass were spread over the experts.

        Raises:
            InputError: If there was no forward pass.
        """
        return RoutingStatistics.of(self._last_routing())

    def _last_routing(self) -> Routing:
        if self._last is None:
            raise InputError(
                "this layer has seen no tokens whose routing it could tell: call the model first, "
                "and not in torch.func"
            )
        return self._last

    def __getstate__(self) -> dict[str, Any]:
        # torch copies no tensor that belongs to a graph.
        return {**vars(self), "_last": None}


def _circuit_settings(
    circuit: RouterCircuit | str | None, n_qubits: int | None, n_layers: int | None
) -> dict[str, Any]:
    """Return the settings of a quantum router that are about its circuit."""
    if isinstance(circuit, RouterCircuit):
        if (n_qubits, n_layers) != (None, None):
            raise InputError(
                "a circuit of your own has its qubits and layers already: leave out n_qubits and "
                "n_layers"
            )
        return {"n_inputs": circuit.n_inputs, "built": circuit}
    family = CIRCUITS.get("angle" if circuit is None else circuit)
    most = limits.COLUMNS.bit_length() - 1 if family.embeds_amplitudes else limits.QUBITS
    size = 4 if n_qubits is None else require_positive("n_qubits", n_qubits, at_most=most)
    return {
        "n_inputs": 2**size if family.embeds_amplitudes else size,
        "circuit": family.name,
        "n_layers": 2 if n_layers is None else n_layers,
    }


def _classical(
    router: str | nn.Module, d_model: int, n_experts: int, generator: torch.Generator | None
) -> nn.Module:
    if isinstance(router, nn.Module):
        return router
    kind = kind_of(router)
    size = kind.size_of(router)
    return kind.build(
        RouterSettings(n_inputs=d_model, n_experts=n_experts, size=size, generator=generator)
    )
