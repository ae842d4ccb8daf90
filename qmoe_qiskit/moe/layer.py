"""A layer for other people's models: a mixture of experts where a feed-forward block stands."""

from typing import Any

import torch
from torch import Tensor, nn

from qmoe_qiskit import limits
from qmoe_qiskit.backends import Backend
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError, require_positive
from qmoe_qiskit.moe.linear import linear
from qmoe_qiskit.moe.load_balance import balance_loss
from qmoe_qiskit.moe.mixture import MixtureOfExperts
from qmoe_qiskit.moe.routers.quantum import QuantumRouter
from qmoe_qiskit.moe.routers.registry import RouterSettings, kind_of
from qmoe_qiskit.moe.routers.token import AngleProjection, TokenRouter
from qmoe_qiskit.moe.torch_connector.modes import is_traced, is_transformed


class QMoELayer(nn.Module):
    """Mixture of experts from tokens (..., D) to as many tokens of the same shape and type.

    Args:
        d_model: Number of features of a token, D.
        n_experts: Number of experts, E.
        hidden: Number of hidden units of each expert; None for 4 D.
        router: "quantum": a circuit that sees angles pi tanh(A x + b) of the token x, with A and b
            trainable. Or a classical router by its name, such as "linear" or "mlp:16", which sees
            the token itself, or a module from tokens (..., D) to weights (..., E).
        circuit: Circuit of the quantum router; None for `angle_router(n_qubits, n_layers)`.
        n_qubits: Number of qubits; None for 4.
        n_layers: Number of layers; None for 2.
        readout: "expectations" or "probabilities", see `QuantumRouter`.
        backend: Backend that evaluates the circuit, or a specification for `open_backend`.
        generator: Source of the initial weights.

    Raises:
        InputError: If a number or a name is not accepted, settings contradict each other, or the
            backend cannot run the circuit.

    >>> layer = QMoELayer(64, n_experts=8)
    >>> layer(torch.randn(32, 16, 64)).shape
    torch.Size([32, 16, 64])
    """

    def __init__(
        self,
        d_model: int,
        n_experts: int,
        *,
        hidden: int | None = None,
        router: str | nn.Module = "quantum",
        circuit: RouterCircuit | None = None,
        n_qubits: int | None = None,
        n_layers: int | None = None,
        readout: str = "expectations",
        backend: Backend | str = "statevector",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.d_model = require_positive("d_model", d_model)
        self.n_experts = require_positive("n_experts", n_experts, at_most=limits.EXPERTS)
        width = 4 * d_model if hidden is None else require_positive("hidden", hidden)
        if router == "quantum":
            circuit = _circuit(circuit, n_qubits, n_layers)
            routed: nn.Module = QuantumRouter(
                circuit, n_experts, backend, readout=readout, generator=generator
            )
            projection = AngleProjection(d_model, circuit.n_inputs, generator=generator)
            token_router = TokenRouter(routed, projection)
        else:
            token_router = TokenRouter(_classical_router(router, d_model, n_experts, generator))
        experts = [_mlp(d_model, width, generator) for _ in range(n_experts)]
        self.mixture = MixtureOfExperts(token_router, experts)
        self._last_weights_BE: Tensor | None = None

    def forward(self, tokens_BD: Tensor) -> Tensor:
        """Return the mixture's outputs, (..., D), for tokens (..., D).

        Raises:
            InputError: If the tokens have another number of features or no floating type, or a
                number is not finite.
        """
        fits = tokens_BD.shape[-1:] == (self.d_model,) and tokens_BD.is_floating_point()
        if not fits:
            raise InputError(
                f"the layer takes floating tokens of shape (..., {self.d_model}), got "
                f"{tokens_BD.dtype} of shape {tuple(tokens_BD.shape)}"
            )
        weights_BE = self.mixture.router(tokens_BD)
        if not (is_transformed() or is_traced() or torch.compiler.is_exporting()):
            self._last_weights_BE = weights_BE
        outputs = self.mixture.combine(weights_BE, self.mixture.expert_outputs(tokens_BD))
        return outputs.to(tokens_BD.dtype)

    def balance_loss(self) -> Tensor:
        """Return the load-balancing loss of the last forward pass, to be added to the model's loss.

        It is that of the tokens that this process has seen. Under `DistributedDataParallel` the
        gradient is the mean of those of the processes, each with the loss of its own tokens.

        Raises:
            InputError: If there was no forward pass, or it kept nothing to differentiate.
        """
        weights_BE = self._last_weights_BE
        if weights_BE is None:
            raise InputError(
                "there is no forward pass of this layer whose balance could be told: call the "
                "model first, outside of torch.func and torch.export"
            )
        trains = self.training and any(p.requires_grad for p in self.mixture.router.parameters())
        if torch.is_grad_enabled() and trains and not weights_BE.requires_grad:
            raise InputError(
                "the last forward pass of this layer ran without gradients, so that its balance "
                "loss trains nothing: with torch.utils.checkpoint use use_reentrant=False; to read "
                "the number, call balance_loss() under torch.no_grad()"
            )
        return balance_loss(weights_BE)

    def __getstate__(self) -> dict[str, Any]:
        # Copies and files hold no graph of a forward pass: torch copies no such tensor.
        return {**vars(self), "_last_weights_BE": None}


def _circuit(
    circuit: RouterCircuit | None, n_qubits: int | None, n_layers: int | None
) -> RouterCircuit:
    if circuit is None:
        return angle_router(
            4 if n_qubits is None else n_qubits, 2 if n_layers is None else n_layers
        )
    if (n_qubits, n_layers) != (None, None):
        raise InputError(
            "a circuit of your own brings its qubits and layers: leave out n_qubits and n_layers, "
            "or the circuit"
        )
    return circuit


def _classical_router(
    router: str | nn.Module, d_model: int, n_experts: int, generator: torch.Generator | None
) -> nn.Module:
    if isinstance(router, nn.Module):
        return router
    kind = kind_of(router)
    return kind.build(
        RouterSettings(
            n_inputs=d_model,
            n_experts=n_experts,
            size=kind.size_of(router),
            generator=generator,
        )
    )


def _mlp(d_model: int, hidden: int, generator: torch.Generator | None) -> nn.Module:
    first, second = linear(d_model, hidden, generator), linear(hidden, d_model, generator)
    return nn.Sequential(first, nn.GELU(), second)
