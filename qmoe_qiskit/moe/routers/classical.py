"""Classical routers with the quantum router's interface: the controls of every comparison."""

import math

import torch
from torch import Tensor, nn

from qmoe_qiskit import limits
from qmoe_qiskit.errors import InputError, quoted, require_positive
from qmoe_qiskit.moe.linear import linear, require_room

MAX_FOURIER_FEATURES = 100_000


class _LinearSoftmax(nn.Module):
    """Features of the inputs -> linear -> softmax: what most classical routers share."""

    layer: nn.Linear

    def __init__(self, n_features: int, n_experts: int) -> None:
        super().__init__()
        require_positive("n_features", n_features)
        self.n_experts = require_positive("n_experts", n_experts, at_most=limits.EXPERTS)

    def features(self, inputs_BF: Tensor) -> Tensor:
        """Return the features that the linear layer sees; by default the inputs themselves."""
        return inputs_BF

    def logits(self, inputs_BF: Tensor) -> Tensor:
        """Return the logits of the routing weights, (..., E)."""
        logits_BE: Tensor = self.layer(self.features(inputs_BF))
        return logits_BE

    def forward(self, inputs_BF: Tensor) -> Tensor:
        """Return routing weights, (..., E)."""
        return torch.softmax(self.logits(inputs_BF), dim=-1)


class LinearRouter(_LinearSoftmax):
    """Linear -> softmax.

    Args:
        n_features: Number of features, F.
        n_experts: Number of experts, E.
        generator: Source of the initial weights.
    """

    def __init__(
        self, n_features: int, n_experts: int, *, generator: torch.Generator | None = None
    ) -> None:
        super().__init__(n_features, n_experts)
        self.layer = linear(n_features, n_experts, generator)


class QuadraticRouter(_LinearSoftmax):
    """Linear in all x_i and x_i x_j -> softmax; arguments are those of `LinearRouter`."""

    def __init__(
        self, n_features: int, n_experts: int, *, generator: torch.Generator | None = None
    ) -> None:
        super().__init__(n_features, n_experts)
        require_room("the array of products of features", n_features, n_features)
        rows, columns = torch.triu_indices(n_features, n_features)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("columns", columns, persistent=False)
        self.layer = linear(n_features + len(rows), n_experts, generator)

    def features(self, inputs_BF: Tensor) -> Tensor:
        """Return the inputs and their products, (..., F + F (F + 1) / 2)."""
        rows, columns = self.get_buffer("rows"), self.get_buffer("columns")
        products = inputs_BF[..., rows] * inputs_BF[..., columns]
        return torch.cat([inputs_BF, products], dim=-1)


class MLPRouter(nn.Module):
    """Linear -> ReLU -> Linear -> softmax, the paper's classical router.

    Args:
        n_features: Number of features, F.
        n_experts: Number of experts, E.
        hidden: Number of hidden units.
        generator: Source of the initial weights.
    """

    def __init__(
        self,
        n_features: int,
        n_experts: int,
        *,
        hidden: int,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        require_positive("n_features", n_features)
        self.n_experts = require_positive("n_experts", n_experts, at_most=limits.EXPERTS)
        require_positive("hidden units of router 'mlp:H'", hidden)
        self.first = linear(n_features, hidden, generator)
        self.second = linear(hidden, n_experts, generator)

    def logits(self, inputs_BF: Tensor) -> Tensor:
        """Return the logits of the routing weights, (..., E)."""
        logits_BE: Tensor = self.second(torch.relu(self.first(inputs_BF)))
        return logits_BE

    def forward(self, inputs_BF: Tensor) -> Tensor:
        """Return routing weights, (..., E)."""
        return torch.softmax(self.logits(inputs_BF), dim=-1)


class FourierRouter(_LinearSoftmax):
    """Linear in the trigonometric features that span the angle router's outputs -> softmax.

    If the circuit takes its inputs L times, each output lies in the span of the products over the
    features of {1, cos(k x), sin(k x): k = 1..L} (Schuld, Sweke & Meyer, arXiv:2008.08605):
    (2L + 1)^F functions, one of them constant. This router uses all of them freely: the circuit
    cannot separate what this router cannot.

    Args:
        n_features: Number of features, F.
        n_experts: Number of experts, E.
        degree: Highest frequency L, which is the number of times that the circuit takes its inputs.
        generator: Source of the initial weights.
    """

    def __init__(
        self,
        n_features: int,
        n_experts: int,
        *,
        degree: int = 1,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(n_features, n_experts)
        self.degree = require_positive("degree", degree)
        count = (2 * degree + 1) ** n_features
        if count > MAX_FOURIER_FEATURES:
            raise InputError(
                f"router 'fourier' on {n_features} features at degree {degree} would have "
                f"{quoted(count)} trigonometric features, at most {MAX_FOURIER_FEATURES} are "
                "accepted: let it see fewer features (--qubits)"
            )
        self.layer = linear(count - 1, n_experts, generator)

    def features(self, inputs_BF: Tensor) -> Tensor:
        """Return the trigonometric features without the constant, (..., (2L + 1)^F - 1)."""
        leading = inputs_BF.shape[:-1]
        product = inputs_BF.new_ones((*leading, 1))
        for x in inputs_BF.unbind(-1):
            waves = [torch.ones_like(x)]
            for k in range(1, self.degree + 1):
                waves += [torch.cos(k * x), torch.sin(k * x)]
            basis = torch.stack(waves, dim=-1)
            product = (product.unsqueeze(-1) * basis.unsqueeze(-2)).flatten(-2)
        return product[..., 1:]


class RandomFourierRouter(_LinearSoftmax):
    """Linear in N random waves cos(w x + b) -> softmax.

    The waves approximate a Gaussian kernel (A. Rahimi & B. Recht, Random Features for Large-Scale
    Kernel Machines, NeurIPS 2007): the classical counterpart of a router that acts as a kernel
    method. Frequencies and phases are drawn once and stay; only the linear layer is trained.

    Args:
        n_features: Number of features, F.
        n_experts: Number of experts, E.
        n_waves: Number of waves, N.
        length_scale: Length scale of the kernel exp(-|x - y|^2 / (2 length_scale^2)), in units of
            the inputs. At 1, frequencies are about that of the angle router, 1 per rad.
        generator: Source of frequencies, phases and initial weights.
    """

    def __init__(
        self,
        n_features: int,
        n_experts: int,
        *,
        n_waves: int,
        length_scale: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(n_features, n_experts)
        require_positive("waves of router 'rff:N'", n_waves)
        require_room("the array of frequencies", n_waves, n_features)
        self.register_buffer(
            "frequencies_NF", torch.randn((n_waves, n_features), generator=generator) / length_scale
        )
        self.register_buffer("phases_N", 2 * math.pi * torch.rand(n_waves, generator=generator))
        self.layer = linear(n_waves, n_experts, generator)

    def features(self, inputs_BF: Tensor) -> Tensor:
        """Return the waves, (..., N); their products approximate the kernel."""
        frequencies_NF, phases_N = self.get_buffer("frequencies_NF"), self.get_buffer("phases_N")
        waves_BN = torch.cos(inputs_BF @ frequencies_NF.T + phases_N)
        return math.sqrt(2 / len(phases_N)) * waves_BN
