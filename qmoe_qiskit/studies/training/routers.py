"""The routers of the studies, by name: the quantum router, what it is without, and controls."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.errors import require_positive, unknown_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qmoe_qiskit.circuits import RouterCircuit

# What each variant of the quantum router is, for the notes of tables.
QUANTUM: Mapping[str, str] = MappingProxyType(
    {
        "quantum": "angle embedding, L strongly entangling layers, <Z> of each qubit, adapter",
        "quantum:dephased": (
            "the same, every qubit fully dephased in the computational basis behind the embedding"
        ),
        "quantum:frozen": "the same with random angles that stay: only the adapter is trained",
        "quantum:no-entangler": "the same without entangling gates: product states throughout",
        "quantum:one-layer": "a single entangling layer",
        "quantum:product": (
            "one rotation of each qubit behind the embedding: the functions of the router without "
            "entangler, from the angles of one layer"
        ),
    }
)
CLASSICAL = ("fourier", "linear", "mlp:H", "quadratic", "rff:N")


def is_quantum(router: str) -> bool:
    """Return whether a router has a circuit."""
    return router.partition(":")[0] == "quantum"


def check_router(router: str, n_layers: int) -> None:
    """Refuse a router that cannot be built.

    Raises:
        InputError: If the name is unknown or a number is not accepted.
    """
    require_positive("n_layers", n_layers)
    if is_quantum(router):
        if router not in QUANTUM:
            raise unknown_name("router", router, (*QUANTUM, *CLASSICAL))
        return
    from qmoe_qiskit.train.model import build_router

    if router.partition(":")[0] not in {name.partition(":")[0] for name in CLASSICAL}:
        raise unknown_name("router", router, (*QUANTUM, *CLASSICAL))
    build_router(router, 1, 1)


def classifier_settings(router: str, *, n_inputs: int, n_layers: int, seed: int) -> dict[str, Any]:
    """Return the settings of a `QMoEClassifier` that make a router.

    Args:
        router: See `QUANTUM` and `CLASSICAL`.
        n_inputs: Number of coordinates that the router sees.
        n_layers: L of the quantum routers.
        seed: Of the angles of "quantum:frozen".
    """
    if router in {"quantum:frozen", "quantum:dephased"}:
        import numpy as np

        from qmoe_qiskit.circuits import angle_router
        from qmoe_qiskit.studies.training.ablated_circuits import dephased, frozen

        circuit = angle_router(n_inputs, n_layers)
        if router == "quantum:dephased":
            return {"router": dephased(circuit)}
        # A stream of its own: the seed's first numbers also decide points and split.
        return {"router": frozen(circuit, np.random.default_rng([seed, n_layers]))}
    if not is_quantum(router):
        return {"router": router}
    return {
        "router": "quantum",
        "n_layers": 1 if router in {"quantum:one-layer", "quantum:product"} else n_layers,
        "entanglement": "none"
        if router in {"quantum:no-entangler", "quantum:product"}
        else "strong",
    }


def circuit_of(router: str, *, n_inputs: int, n_layers: int, seed: int = 0) -> RouterCircuit:
    """Return the circuit of a quantum router; the arguments are those of `classifier_settings`."""
    from qmoe_qiskit.circuits import angle_router

    settings = classifier_settings(router, n_inputs=n_inputs, n_layers=n_layers, seed=seed)
    given = settings["router"]
    if not isinstance(given, str):
        ablated: RouterCircuit = given
        return ablated
    return angle_router(n_inputs, settings["n_layers"], entanglement=settings["entanglement"])


def label(router: str, n_layers: int | None = None) -> str:
    """Return a router's name for tables and figures; with its layers where they are given."""
    kind, _, rest = router.partition(":")
    if kind == "mlp":
        return f"ReLU (h = {rest})"
    if kind == "rff":
        return f"random Fourier ({rest})"
    if kind == "fourier":
        return "Fourier"
    if kind != "quantum":
        return router
    layers = [] if n_layers is None else [f"L = {n_layers}"]
    facts = ", ".join([*([rest.replace("-", " ")] if rest else []), *layers])
    return f"quantum ({facts})" if facts else "quantum"
