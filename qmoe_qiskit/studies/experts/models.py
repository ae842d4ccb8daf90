"""The models of the study `experts`: the paper's three, and controls of their size."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from qmoe_qiskit.errors import unknown_name
from qmoe_qiskit.moe import LinearRouter, MixtureOfExperts, linear_experts, quantum_experts
from qmoe_qiskit.moe.linear import linear

# Width of the classical experts and of their outputs, as in the paper's notebook.
_HIDDEN, _MIXED = 8, 4


class Products(nn.Module):
    """All products x_i x_j of the features, i <= j.

    The outputs of a circuit with an amplitude embedding are quadratic forms in the amplitudes: one
    such circuit separates nothing that a linear layer on these products cannot separate.
    """

    def __init__(self, n_features: int) -> None:
        super().__init__()
        rows, columns = torch.triu_indices(n_features, n_features)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("columns", columns, persistent=False)

    def forward(self, inputs_BF: Tensor) -> Tensor:
        """Return the products, (..., F (F + 1) / 2)."""
        return inputs_BF[..., self.get_buffer("rows")] * inputs_BF[..., self.get_buffer("columns")]


@dataclass(frozen=True, kw_only=True)
class ModelSizes:
    """Numbers that decide the size of a model.

    Attributes:
        n_features: Number of features, F.
        n_classes: Number of classes, C.
        n_experts: Number of experts of a mixture, E.
        n_layers: Number of layers of a circuit.
    """

    n_features: int
    n_classes: int
    n_experts: int
    n_layers: int


def build_model(
    name: str, sizes: ModelSizes, *, backend: str, generator: torch.Generator
) -> nn.Module:
    """Build a model by its name, in float64; it takes (B, F) to (B, C).

    Args:
        name: "linear": one linear layer. "quadratic": a linear layer on all products of two
            features. "qnn": one quantum expert. "linear_mixture": a linear router and linear
            experts. "relu_mixture": the paper's classical mixture. "quantum_mixture": a linear
            router and quantum experts.
        sizes: Sizes of the model.
        backend: Specification of the backend that runs circuits.
        generator: Source of the initial weights.

    Raises:
        InputError: If the name is unknown or the backend cannot run the circuit.
    """
    f, c, e = sizes.n_features, sizes.n_classes, sizes.n_experts

    def quantum(count: int) -> list[nn.Module]:
        return quantum_experts(
            count, f, c, n_layers=sizes.n_layers, backend=backend, generator=generator
        )

    def relu_expert() -> nn.Module:
        first, second = linear(f, _HIDDEN, generator), linear(_HIDDEN, _MIXED, generator)
        return nn.Sequential(first, nn.ReLU(), second)

    def mixture(experts: list[nn.Module]) -> nn.Module:
        return MixtureOfExperts(LinearRouter(f, e, generator=generator), experts)

    builders: dict[str, Callable[[], nn.Module]] = {
        "linear": lambda: linear(f, c, generator),
        "quadratic": lambda: nn.Sequential(Products(f), linear(f * (f + 1) // 2, c, generator)),
        "qnn": lambda: quantum(1)[0],
        "linear_mixture": lambda: mixture(linear_experts(e, f, c, generator=generator)),
        "relu_mixture": lambda: nn.Sequential(
            mixture([relu_expert() for _ in range(e)]), linear(_MIXED, c, generator)
        ),
        "quantum_mixture": lambda: mixture(quantum(e)),
    }
    if name not in builders:
        raise unknown_name("model", name, builders)
    return builders[name]().double()
