"""A router that sees fewer coordinates than the experts do."""

import torch
from torch import Tensor, nn

from qmoe_qiskit.moe.routers.logits import logits_of


class ProjectedRouter(nn.Module):
    """Apply a router to an affine image of the features: x -> x A + b.

    Args:
        router: The router, on K coordinates.
        matrix_FK: Fixed matrix A, which the model's state includes.
        offset_K: Fixed offset b.
    """

    matrix_FK: Tensor
    offset_K: Tensor

    def __init__(self, router: nn.Module, matrix_FK: Tensor, offset_K: Tensor) -> None:
        super().__init__()
        self.router = router
        self.register_buffer("matrix_FK", matrix_FK)
        self.register_buffer("offset_K", offset_K)

    @property
    def n_experts(self) -> int:
        """Number of experts of the inner router, if it has such an attribute."""
        return int(getattr(self.router, "n_experts"))  # noqa: B009 - typed as a module otherwise

    def router_inputs(self, inputs_BF: Tensor) -> Tensor:
        """Return the coordinates that the router sees, (..., K), for features (..., F)."""
        inputs_BK: Tensor = inputs_BF @ self.matrix_FK + self.offset_K
        return inputs_BK

    def logits(self, inputs_BF: Tensor) -> Tensor:
        """Return the logits of the router's weights, (..., E), for features (..., F)."""
        return logits_of(self.router, self.router_inputs(inputs_BF))

    def forward(self, inputs_BF: Tensor) -> Tensor:
        """Return the router's weights, (..., E), for features (..., F)."""
        weights_BE: Tensor = self.router(self.router_inputs(inputs_BF))
        return weights_BE


class TrainedProjection(ProjectedRouter):
    """Apply a router to a trained affine image of the features, bounded to a range.

    With the middle m and half the width h of the range, a coordinate is m + h tanh((x A + b - m) /
    h): it lies between the ends, and near the middle it is x A + b. Gradients reach A and b through
    the router's inputs, those of a circuit included.

    Args:
        router: The router, on K coordinates.
        matrix_FK: Initial matrix A.
        offset_K: Initial offset b.
        low: Lower end of the range; for the angles of a circuit, in radians.
        high: Upper end of the range.

    >>> from qmoe_qiskit.moe import LinearRouter
    >>> router = TrainedProjection(LinearRouter(1, 2), torch.ones(3, 1), torch.zeros(1), 0.0, 2.0)
    >>> router.router_inputs(torch.tensor([[-50.0, 0.0, 0.0], [1.0, 0.0, 0.0]])).tolist()
    [[0.0], [1.0]]
    """

    def __init__(
        self, router: nn.Module, matrix_FK: Tensor, offset_K: Tensor, low: float, high: float
    ) -> None:
        super().__init__(router, matrix_FK, offset_K)
        for name in ("matrix_FK", "offset_K"):  # trained, not fixed
            start = self.get_buffer(name)
            del self._buffers[name]
            self.register_parameter(name, nn.Parameter(start.clone()))
        self.middle, self.half_width = (low + high) / 2, (high - low) / 2

    def router_inputs(self, inputs_BF: Tensor) -> Tensor:
        """Return the coordinates that the router sees, (..., K), for features (..., F)."""
        free_BK = super().router_inputs(inputs_BF)
        return self.middle + self.half_width * torch.tanh((free_BK - self.middle) / self.half_width)
