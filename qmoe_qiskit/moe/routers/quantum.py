"""The quantum router: a circuit in front of a softmax."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from qmoe_qiskit.backends import Backend, open_backend
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.circuits.angle import basis_projectors
from qmoe_qiskit.errors import InputError, require_positive, unknown_name
from qmoe_qiskit.moe.linear import linear
from qmoe_qiskit.moe.torch_connector import RouterConnector, RouterNetwork

READOUTS = ("expectations", "probabilities")


class QuantumRouter(nn.Module):
    """Routing weights from a quantum circuit (arXiv:2512.22296).

    Args:
        router: The circuit.
        n_experts: Number of experts, E.
        backend: Where the circuit runs, or a specification for `open_backend`.
        readout: "expectations": the circuit's O outputs go through a linear adapter and a softmax.
            "probabilities": the weight of expert i is P(i) = |<i|U|psi>|^2, basis states read
            little-endian, normalized over the first E states where E < 2^n.
        generator: Source of the initial weights: circuit angles uniform in [-pi, pi], adapter as
            `torch.nn.Linear`.

    Raises:
        InputError: If n_experts is below 1, the readout is unknown, or the experts do not fit in
            the register's 2^n basis states.
    """

    def __init__(
        self,
        router: RouterCircuit,
        n_experts: int,
        backend: Backend | str = "statevector",
        *,
        readout: str = "expectations",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.n_experts = require_positive("n_experts", n_experts)
        if readout not in READOUTS:
            raise unknown_name("readout", readout, READOUTS)
        if readout == "probabilities":
            if n_experts > 2**router.n_qubits:
                raise InputError(
                    f"readout 'probabilities' gives each of {n_experts} experts a basis state, but "
                    f"{router.n_qubits} qubits have {2**router.n_qubits}: use more qubits or "
                    "readout 'expectations'"
                )
            router = router.with_observables(basis_projectors(router.n_qubits, n_experts))
        opened = open_backend(backend) if isinstance(backend, str) else backend
        angles_W = torch.empty(router.n_weights)
        nn.init.uniform_(angles_W, -math.pi, math.pi, generator=generator)
        network = RouterNetwork(opened.compile(router))
        self.connector = RouterConnector(network, initial_weights=angles_W)
        self.adapter = (
            linear(router.n_outputs, n_experts, generator) if readout == "expectations" else None
        )

    @property
    def circuit(self) -> RouterCircuit:
        """The circuit as compiled, with the observables of the readout."""
        return self.connector.compiled.router

    def forward(self, inputs_BF: Tensor) -> Tensor:
        """Return routing weights, (..., E), rows summing to 1, for inputs (..., F)."""
        values_BO = self.connector(inputs_BF)
        if self.adapter is not None:
            return torch.softmax(self.adapter(values_BO), dim=-1)
        # Rounding can leave a probability at -1e-17.
        weights_BE = values_BO.clamp_min(torch.finfo(values_BO.dtype).tiny)
        normalized_BE: Tensor = weights_BE / weights_BE.sum(-1, keepdim=True)
        return normalized_BE
