"""The number of parameters of a router that change its routing.

Shapes: B inputs, F features, W circuit weights, O observables, E experts, P parameters, R = B (E-1)
ratios of weights.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from qmoe_qiskit.moe import ProjectedRouter, QuantumRouter
from qmoe_qiskit.typing import FloatArray

# Singular values below this share of the largest count as zero. Rounding leaves 1e-16 to 1e-13 of
# the largest. The smallest true ones have been 1e-3 and more for circuits. They fall with the
# number of units: to 5e-7 for 64 ReLU units and 5e-8 for 32 random Fourier features, whose ranks
# hold at this tolerance. (The spectrum of 64 random features goes on below it.)
TOLERANCE = 1e-9


def effective_parameters(router: nn.Module, inputs_BF: Tensor) -> int:
    """Return the rank of the Jacobian of a router's weights by its parameters.

    The rows of the Jacobian belong to the logarithms of the ratios of weights at the given points:
    these change if and only if the weights change, and do not saturate. The rank is the number of
    directions in which a small step of the current parameters changes the routing of these points
    to first order. Parameters that cancel each other, units that are off everywhere, and the common
    shift of all logits, which a softmax does not see, do not count. Points at which a weight has
    underflowed to 0 are left out: a small step changes nothing there.

    Args:
        router: Router with E experts; its circuit, if it has one, is exact.
        inputs_BF: Points in the coordinates of the router's inputs.
    """
    jacobian_RP = jacobian(router, inputs_BF)
    finite_RP = jacobian_RP[np.isfinite(jacobian_RP).all(axis=1)]
    if not finite_RP.size:
        return 0
    singular = np.linalg.svd(finite_RP, compute_uv=False)
    return int(np.sum(singular > TOLERANCE * singular[0]))


def jacobian(router: nn.Module, inputs_BF: Tensor) -> FloatArray:
    """Return the derivatives of log(weight_e / weight_0), e > 0, by parameters, (B (E-1), P).

    Columns are in the order of `router.parameters()`.
    """
    if isinstance(router, ProjectedRouter):
        inner = router.router
        assert isinstance(inner, torch.nn.Module)
        return jacobian(inner, router.router_inputs(inputs_BF).detach())
    if isinstance(router, QuantumRouter):
        return _circuit_jacobian(router, inputs_BF)

    def log_ratios(parameters: dict[str, Tensor], inputs_F: Tensor) -> Tensor:
        logs_E = torch.log(functional_call(router, parameters, (inputs_F,)))
        return logs_E[1:] - logs_E[:1]

    parameters = {name: p.detach() for name, p in router.named_parameters()}
    parts = vmap(jacrev(log_ratios), (None, 0))(parameters, inputs_BF)
    columns = [part.flatten(2) for part in parts.values()]
    jacobian_RP: FloatArray = torch.cat(columns, dim=-1).flatten(0, 1).numpy()
    return jacobian_RP


def _circuit_jacobian(router: QuantumRouter, inputs_BF: Tensor) -> FloatArray:
    """Apply the chain rule by hand: torch.func cannot differentiate the circuit."""
    assert router.adapter is not None, "for readout 'expectations'"
    compiled, weights_W = router.connector.compiled, router.connector.weight.detach().double()
    x_BF, w_W = inputs_BF.double().numpy(), weights_W.numpy()
    values_BO = compiled.expectations(x_BF, w_W).values
    _, by_angles_BOW = compiled.jacobian(x_BF, w_W)
    adapter_EO = router.adapter.weight.detach().double().numpy()
    n_experts, n_rows = len(adapter_EO), len(values_BO)
    ratios_RE = np.hstack([-np.ones((n_experts - 1, 1)), np.eye(n_experts - 1)])
    rows = n_rows * (n_experts - 1)
    by_angles = np.einsum("re,eo,bow->brw", ratios_RE, adapter_EO, by_angles_BOW)
    by_adapter = np.einsum("re,bo->breo", ratios_RE, values_BO)
    by_bias = np.tile(ratios_RE, (n_rows, 1))
    return np.hstack([by_angles.reshape(rows, -1), by_adapter.reshape(rows, -1), by_bias])
