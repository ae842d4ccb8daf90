"""Building the mixture that a classifier's settings describe."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch
from torch import nn

from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError, unknown_name
from qmoe_qiskit.moe import (
    FourierRouter,
    LinearRouter,
    MixtureOfExperts,
    MLPRouter,
    ProjectedRouter,
    QuadraticRouter,
    QuantumRouter,
    RandomFourierRouter,
    linear_experts,
)

if TYPE_CHECKING:
    from qmoe_qiskit.backends import Backend
    from qmoe_qiskit.train.features import FeatureMap

ROUTERS = ("fourier", "linear", "mlp:H", "quadratic", "quantum", "rff:N")


def build_router(
    router: str | RouterCircuit,
    n_inputs: int,
    n_experts: int,
    *,
    n_layers: int = 3,
    rotation: str = "x",
    reuploads: int = 1,
    entanglement: str = "strong",
    readout: str = "expectations",
    backend: Backend | str = "statevector",
    generator: torch.Generator | None = None,
) -> nn.Module:
    """Build a router on `n_inputs` coordinates from its name, or around a given circuit.

    Args:
        router: "quantum", "linear", "quadratic", "mlp:H" (H hidden units), "fourier" (linear on
            the trigonometric features of the circuit that the other settings describe), "rff:N"
            (linear on N random waves, see `RandomFourierRouter`), or a circuit of your own.
        n_inputs: Number of coordinates that the router sees.
        n_experts: E.
        n_layers: See `angle_router`.
        rotation: See `angle_router`.
        reuploads: See `angle_router`.
        entanglement: See `angle_router`.
        readout: See `QuantumRouter`.
        backend: See `QuantumRouter`.
        generator: Source of the initial weights.

    Raises:
        InputError: If the name is unknown or a setting is not accepted.
    """
    if isinstance(router, RouterCircuit) or router == "quantum":
        circuit = (
            router
            if isinstance(router, RouterCircuit)
            else angle_router(
                n_inputs,
                n_layers,
                rotation=rotation,
                reuploads=reuploads,
                entanglement=entanglement,
            )
        )
        return QuantumRouter(circuit, n_experts, backend, readout=readout, generator=generator)
    if router == "linear":
        return LinearRouter(n_inputs, n_experts, generator=generator)
    if router == "quadratic":
        return QuadraticRouter(n_inputs, n_experts, generator=generator)
    if router == "fourier":
        return FourierRouter(n_inputs, n_experts, degree=reuploads, generator=generator)
    kind, _, size = str(router).partition(":")
    if kind == "mlp":
        hidden = _size(router, size, "hidden units")
        return MLPRouter(n_inputs, n_experts, hidden=hidden, generator=generator)
    if kind == "rff":
        n_waves = _size(router, size, "waves")
        return RandomFourierRouter(n_inputs, n_experts, n_waves=n_waves, generator=generator)
    raise unknown_name("router", router, ROUTERS)


def build_mixture(
    router: nn.Module,
    feature_map: FeatureMap,
    n_classes: int,
    *,
    n_experts: int,
    generator: torch.Generator | None = None,
) -> MixtureOfExperts:
    """Put a router and the paper's linear experts together, in float64."""
    if feature_map.projects:
        router = ProjectedRouter(
            router,
            torch.tensor(feature_map.matrix_FK),
            torch.tensor(feature_map.offset_K),
        )
    experts = linear_experts(n_experts, len(feature_map.minimum_F), n_classes, generator=generator)
    return MixtureOfExperts(router, experts).double()


def _size(router: object, size: str, of_what: str) -> int:
    if not re.fullmatch("[0-9]{1,6}", size):
        kind = str(router).partition(":")[0]
        raise InputError(
            f"router {router!r} needs its number of {of_what}, at most 999999, such as '{kind}:16'"
        )
    return int(size)
