"""A router that sees fewer coordinates than the experts do."""

from torch import Tensor, nn

from qmoe_qiskit.moe.routers.logits import logits_of


class ProjectedRouter(nn.Module):
    """Apply a router to an affine image of the features: x -> x A + b.

    Args:
        router: The router, on K coordinates.
        matrix_FK: Fixed matrix A, which the model's state includes.
        offset_K: Fixed offset b.
    """

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
        inputs_BK: Tensor = inputs_BF @ self.get_buffer("matrix_FK") + self.get_buffer("offset_K")
        return inputs_BK

    def logits(self, inputs_BF: Tensor) -> Tensor:
        """Return the logits of the router's weights, (..., E), for features (..., F)."""
        return logits_of(self.router, self.router_inputs(inputs_BF))

    def forward(self, inputs_BF: Tensor) -> Tensor:
        """Return the router's weights, (..., E), for features (..., F)."""
        weights_BE: Tensor = self.router(self.router_inputs(inputs_BF))
        return weights_BE
