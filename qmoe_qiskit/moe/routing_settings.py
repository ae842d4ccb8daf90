"""What a mixture accepts: its settings of routing, and the weights of its router."""

import math
from numbers import Real

from torch import Tensor, nn

from qmoe_qiskit.errors import InputError, require_positive, unknown_name
from qmoe_qiskit.moe.torch_connector.modes import is_recorded, is_transformed

ROUTINGS: tuple[str, ...] = ("weighted", "sampled", "straight-through")


def check_routing(routing: str) -> str:
    """Return the name of a routing.

    Raises:
        InputError: If there is no such routing.
    """
    if routing not in ROUTINGS:
        raise unknown_name("routing", routing, ROUTINGS)
    return routing


def check_sparse_routing(
    n_experts: int,
    *,
    routing: str = "weighted",
    top_k: int | None = None,
    capacity_factor: float | None = None,
    router_noise: float = 0.0,
) -> None:
    """Check the settings of a mixture's routing, see `MixtureOfExperts`.

    Raises:
        InputError: If one is not accepted, or does not go with another.
    """
    check_routing(routing)
    if top_k is not None and require_positive("top_k", top_k) > n_experts:
        raise InputError(f"top_k={top_k} is more than the {n_experts} experts: choose at most that")
    if top_k is not None and routing == "sampled":
        raise InputError(
            "routing 'sampled' draws one expert per row from all weights, which leaves top_k "
            "nothing to choose: use top_k=None, or routing 'straight-through'"
        )
    if top_k is None and routing == "straight-through":
        raise InputError("routing 'straight-through' draws top_k experts per row: set top_k")
    if capacity_factor is not None:
        _require_number("capacity_factor", capacity_factor)
        if capacity_factor < 1 / n_experts:
            raise InputError(
                f"capacity_factor must be at least 1/{n_experts}, one over the number of experts, "
                f"got {capacity_factor}: 1 gives every expert room for an even share of the rows"
            )
    _require_number("router_noise", router_noise)
    for name, is_set in {
        "capacity_factor": capacity_factor is not None,
        "router_noise": router_noise > 0,
    }.items():
        if is_set and top_k is None:
            raise InputError(f"{name} is for a choice of experts: set top_k, or leave it out")


def require_weights(weights_BE: Tensor, n_experts: int, router: nn.Module) -> None:
    """Refuse routing weights among which no choice makes sense.

    Where a program is compiled or transformed there are no numbers to look at.

    Raises:
        InputError: If they are not one per expert, or one is negative or not finite; the message
            names the router.
    """
    if is_recorded(weights_BE) or is_transformed():
        return
    name = type(getattr(router, "router", router)).__name__  # that around it is ours
    if weights_BE.shape[-1] != n_experts:
        raise InputError(
            f"router {name} gave weights of shape {tuple(weights_BE.shape)}: the last axis must be "
            f"that of the {n_experts} experts"
        )
    finite_BE = weights_BE.isfinite()
    good_B = (finite_BE & (weights_BE >= 0)).all(-1)
    if not bool(good_B.all()):
        kind, advice = (
            "not finite",
            ("look for inputs or parameters that are not finite, or use a smaller learning rate"),
        )
        if bool(finite_BE.all()):
            kind, advice = "negative", "they are probabilities: end the router with a softmax"
        raise InputError(
            f"router {name} gave weights that are {kind} on {int((~good_B).sum())} of "
            f"{good_B.numel()} rows: {advice}"
        )


def _require_number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputError(f"{name} must be a number, got {value!r}")
    if not math.isfinite(value) or value < 0:
        raise InputError(f"{name} must be a finite number of at least 0, got {value!r}")
