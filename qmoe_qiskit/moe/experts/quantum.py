"""The quantum expert: features as amplitudes of a state, a circuit, and a linear adapter."""

import torch
from torch import Tensor, nn

from qmoe_qiskit import limits
from qmoe_qiskit.backends import Backend, CompiledRouter, open_backend
from qmoe_qiskit.circuits.amplitude import amplitude_circuit
from qmoe_qiskit.errors import require_positive
from qmoe_qiskit.moe.amplitude_operator import embedded_values
from qmoe_qiskit.moe.linear import linear
from qmoe_qiskit.moe.torch_connector import RouterConnector


class QuantumExpert(nn.Module):
    """Outputs from an amplitude-embedding circuit (the experts of arXiv:2512.22296, phase 1).

    The host computes the angles that prepare a row's state: the circuit runs on every backend.
    Rows are normalized: the expert does not see their length. Derivatives by the features are
    exact, so that layers with weights may come before it; see `embedded_values`.

    Args:
        compiled: An `amplitude_circuit`, compiled by any backend; experts may share it.
        n_outputs: Number of outputs, C.
        generator: Source of the initial weights: circuit angles are uniform in [-pi, pi], the
            adapter is initialized as `torch.nn.Linear`.

    >>> import torch
    >>> expert, = quantum_experts(1, 4, 3, generator=torch.Generator().manual_seed(0))
    >>> expert(torch.ones(5, 4)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self, compiled: CompiledRouter, n_outputs: int, *, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        require_positive("n_outputs", n_outputs)
        self.connector = RouterConnector.with_random_angles(compiled, generator)
        self.adapter = linear(compiled.router.n_outputs, n_outputs, generator)

    def forward(self, inputs_BF: Tensor) -> Tensor:
        """Return outputs, (..., C), for features (..., F).

        Raises:
            InputError: If the number of features is not that of the circuit, or a row is all zeros
                or not finite.
        """
        outputs_BC: Tensor = self.adapter(embedded_values(self.connector, inputs_BF))
        return outputs_BC


def quantum_experts(
    n_experts: int,
    n_features: int,
    n_outputs: int,
    *,
    n_layers: int = 2,
    backend: Backend | str = "statevector",
    generator: torch.Generator | None = None,
) -> list[nn.Module]:
    """Return quantum experts that share one compiled circuit.

    Args:
        n_experts: Number of experts, E.
        n_features: Number of features, F.
        n_outputs: Number of outputs, C.
        n_layers: Number of layers of the circuit.
        backend: Backend that evaluates the circuit, or a specification for `open_backend`.
        generator: Source of the initial weights.

    Raises:
        InputError: If a number is not accepted, or the backend cannot run the circuit.
    """
    opened = open_backend(backend) if isinstance(backend, str) else backend
    compiled = opened.compile(amplitude_circuit(n_features, n_layers))
    count = require_positive("n_experts", n_experts, at_most=limits.EXPERTS)
    return [QuantumExpert(compiled, n_outputs, generator=generator) for _ in range(count)]
