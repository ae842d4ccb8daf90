"""Building the mixture that a classifier's settings describe."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.moe import MixtureOfExperts, ProjectedRouter, QuantumRouter, linear_experts
from qmoe_qiskit.moe.routers.registry import RouterSettings, kind_of

if TYPE_CHECKING:
    from qmoe_qiskit.backends import CompiledRouter
    from qmoe_qiskit.train.features import FeatureMap


def build_router(
    router: str | RouterCircuit,
    n_inputs: int,
    n_experts: int,
    **settings: Any,  # noqa: ANN401
) -> nn.Module:
    """Build a router on `n_inputs` coordinates from its name, or around a given circuit.

    Args:
        router: A name from `qmoe_qiskit.moe.ROUTERS`, such as "quantum" or "mlp:16", or a circuit.
        n_inputs: Number of coordinates that the router sees.
        n_experts: Number of experts, E.
        **settings: The other attributes of `RouterSettings`.

    Raises:
        InputError: If the name is unknown or a setting is not accepted.
    """
    given = RouterSettings(n_inputs=n_inputs, n_experts=n_experts, **settings)
    if isinstance(router, RouterCircuit):
        return QuantumRouter(
            router, n_experts, given.backend, readout=given.readout, generator=given.generator
        )
    kind = kind_of(router)
    return kind.build(replace(given, size=kind.size_of(router)))


def build_mixture(
    router: nn.Module,
    feature_map: FeatureMap,
    n_classes: int,
    *,
    n_experts: int,
    generator: torch.Generator | None = None,
) -> MixtureOfExperts:
    """Combine a router and the paper's linear experts, in float64."""
    if feature_map.projects:
        router = ProjectedRouter(
            router, torch.tensor(feature_map.matrix_FK), torch.tensor(feature_map.offset_K)
        )
    experts = linear_experts(n_experts, len(feature_map.minimum_F), n_classes, generator=generator)
    return MixtureOfExperts(router, experts).double()


def compiled_router(model: MixtureOfExperts) -> CompiledRouter | None:
    """Return the compiled circuit of a mixture's router, or None for a classical router."""
    router = getattr(model.router, "router", model.router)
    return router.connector.compiled if isinstance(router, QuantumRouter) else None
