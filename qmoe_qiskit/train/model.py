"""Building the mixture that a classifier's settings describe."""

from dataclasses import replace
from typing import Any

from torch import nn

from qmoe_qiskit.backends import CompiledRouter
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.moe import MixtureOfExperts, QuantumRouter
from qmoe_qiskit.moe.routers.registry import RouterSettings, kind_of
from qmoe_qiskit.typing import FloatArray


def build_router(
    router: str | RouterCircuit,
    n_inputs: int,
    n_experts: int,
    **settings: Any,  # noqa: ANN401
) -> nn.Module:
    """Build a router on `n_inputs` coordinates from its name, or around a given circuit.

    Further settings are the other attributes of `RouterSettings`.

    Raises:
        InputError: If the name is unknown or a setting is not accepted.
    """
    given = RouterSettings(n_inputs=n_inputs, n_experts=n_experts, **settings)
    if isinstance(router, RouterCircuit):
        return QuantumRouter(
            router,
            n_experts,
            given.backend,
            readout=given.readout,
            routing=given.routing,
            initialization=given.initialization,
            generator=given.generator,
        )
    kind = kind_of(router)
    return kind.build(replace(given, size=kind.size_of(router)))


def compiled_router(model: MixtureOfExperts) -> CompiledRouter | None:
    """Return the compiled circuit of a mixture's router, or None for a classical router."""
    router = getattr(model.router, "router", model.router)
    return router.connector.compiled if isinstance(router, QuantumRouter) else None


def circuit_weights(model: MixtureOfExperts) -> FloatArray:
    """Return the weights of the circuit of a mixture's router, (W,), in radians."""
    router = getattr(model.router, "router", model.router)
    assert isinstance(router, QuantumRouter)
    weights_W: FloatArray = router.connector.weight.detach().double().numpy()
    return weights_W


def circuit_of(model: MixtureOfExperts) -> RouterCircuit | None:
    """Return the circuit of a mixture's router, or None for a classical router."""
    compiled = compiled_router(model)
    return None if compiled is None else compiled.router
