"""The quantum router: a circuit, followed by a softmax."""

import logging

import torch
from torch import Tensor, nn

from qmoe_qiskit import limits
from qmoe_qiskit.backends import Backend, open_backend
from qmoe_qiskit.backends.statevector import MAX_BATCHED_QUBITS
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.circuits.angle import basis_projectors, expert_projectors
from qmoe_qiskit.errors import InputError, require_positive, unknown_name
from qmoe_qiskit.moe.amplitude_operator import angles_of, embedded_values
from qmoe_qiskit.moe.linear import linear
from qmoe_qiskit.moe.routers.initialization import initial_weights
from qmoe_qiskit.moe.routing_settings import check_routing
from qmoe_qiskit.moe.torch_connector import RouterConnector, RouterNetwork

READOUTS: tuple[str, ...] = ("expectations", "probabilities")

_log = logging.getLogger(__name__)


class QuantumRouter(nn.Module):
    """Routing weights from a quantum circuit (arXiv:2512.22296).

    Args:
        router: The circuit.
        n_experts: Number of experts, E.
        backend: Backend that evaluates the circuit, or a specification for `open_backend`.
        readout: "expectations": a linear adapter and a softmax follow the circuit's O outputs.
            "probabilities": the weight of expert i is P(i) = |<i|U|psi>|^2 with basis states in
            little-endian order, normalized over the first E states if E < 2^n.
        routing: "weighted", or "sampled", where the measured bit string is the choice of an expert:
            with readout "probabilities" every basis state i then belongs to expert i modulo E, so
            that each shot decides, and the weight of an expert is the probability of its states.
        initialization: How the circuit's weights start, see `initial_weights`.
        embeds_amplitudes: Whether the router's inputs are features whose `amplitude_angles` the
            circuit takes, as an `amplitude_circuit` does, rather than the circuit's inputs.
        generator: Source of the initial weights; the adapter is initialized as `torch.nn.Linear`.

    Raises:
        InputError: If n_experts is below 1, a name is unknown, n_experts exceeds the 2^n basis
            states of the register or their number is too large, "sampled" comes with
            "expectations", or the circuit has no mirrored layers for "identity-block".

    >>> from qmoe_qiskit.circuits import angle_router
    >>> router = QuantumRouter(angle_router(2, n_layers=1), n_experts=4)
    >>> weights_BE = router(torch.zeros(5, 2))
    >>> weights_BE.shape, torch.allclose(weights_BE.sum(-1), torch.ones(5))
    (torch.Size([5, 4]), True)
    """

    def __init__(
        self,
        router: RouterCircuit,
        n_experts: int,
        backend: Backend | str = "statevector",
        *,
        readout: str = "expectations",
        routing: str = "weighted",
        initialization: str = "uniform",
        embeds_amplitudes: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.n_experts = require_positive("n_experts", n_experts, at_most=limits.EXPERTS)
        if readout not in READOUTS:
            raise unknown_name("readout", readout, READOUTS)
        self.is_sampled = check_routing(routing) == "sampled"
        if self.is_sampled and readout != "probabilities":
            raise InputError(
                f"readout {readout!r} has no bit string that chooses an expert, which routing "
                "'sampled' needs: use readout 'probabilities', or routing 'weighted'"
            )
        if readout == "probabilities":
            if router.n_qubits > MAX_BATCHED_QUBITS:
                raise InputError(
                    f"the router has {router.n_qubits} qubits: readout 'probabilities' takes at "
                    f"most {MAX_BATCHED_QUBITS}; use fewer, or readout 'expectations'"
                )
            if n_experts > 2**router.n_qubits:
                raise InputError(
                    f"readout 'probabilities' gives each of {n_experts} experts a basis state, but "
                    f"{router.n_qubits} qubit{' has' if router.n_qubits == 1 else 's have'} "
                    f"{2**router.n_qubits}: use more qubits or readout 'expectations'"
                )
            projectors = expert_projectors if self.is_sampled else basis_projectors
            router = router.with_observables(projectors(router.n_qubits, n_experts))
        opened = open_backend(backend) if isinstance(backend, str) else backend
        compiled = opened.compile(router)
        _log.info("compiled: %r", compiled)
        self.embeds_amplitudes = embeds_amplitudes
        weights_W = initial_weights(router, initialization, generator)
        self.connector = RouterConnector(RouterNetwork(compiled), weights_W)
        self.adapter = (
            linear(router.n_outputs, n_experts, generator) if readout == "expectations" else None
        )

    @property
    def circuit(self) -> RouterCircuit:
        """The circuit as compiled, with the observables of the readout."""
        return self.connector.compiled.router

    def forward(self, inputs_BF: Tensor) -> Tensor:
        """Return routing weights, (..., E), which sum to 1 per row, for inputs (..., F)."""
        return self.weights_of(self._values(inputs_BF))

    def logits(self, inputs_BF: Tensor) -> Tensor:
        """Return the logits of the weights, (..., E): with readout "probabilities", their log."""
        values_BO = self._values(inputs_BF)
        if self.adapter is None:
            return self.weights_of(values_BO).log()
        logits_BE: Tensor = self.adapter(values_BO)
        return logits_BE

    def circuit_inputs(self, inputs_BF: Tensor) -> Tensor:
        """Return the circuit's inputs, in radians, for inputs of the router (B, F)."""
        return angles_of(inputs_BF) if self.embeds_amplitudes else inputs_BF

    def _values(self, inputs_BF: Tensor) -> Tensor:
        if self.embeds_amplitudes:
            return embedded_values(self.connector, inputs_BF)
        values_BO: Tensor = self.connector(inputs_BF)
        return values_BO

    def weights_of(self, values_BO: Tensor) -> Tensor:
        """Return the routing weights, (..., E), for values of the circuit's outputs, (..., O)."""
        if self.adapter is not None:
            return torch.softmax(self.adapter(values_BO), dim=-1)
        # Rounding can make a probability -1e-17.
        weights_BE = values_BO.clamp_min(torch.finfo(values_BO.dtype).tiny)
        normalized_BE: Tensor = weights_BE / weights_BE.sum(-1, keepdim=True)
        if self.is_sampled:
            # The projectors sum to 1, so that the values need no normalization, which would take
            # the gradient from an expert that no shot chose.
            return values_BO + (normalized_BE - values_BO).detach()
        return normalized_BE
