"""The routers of the studies: the quantum router, its ablations, and classical controls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import require_positive, unknown_name
from qmoe_qiskit.studies.training.ablated_circuits import dephased, frozen


@dataclass(frozen=True, kw_only=True)
class StudyRouter:
    """A router, or with a size in its name a family of them.

    Attributes:
        name: Name of the router; "mlp:H" stands for "mlp:1", "mlp:2" and so on.
        label: Name in tables and figures; "{size}" stands for the number in the name. That of an
            ablation is "quantum" with what follows the colon in its name.
        family: Name of the routers among which a study compares sizes.
        help: Description of a quantum router, for the notes of tables.
        one_layer: Whether the circuit has one entangling layer, whatever a study asks for.
        entanglement: Entangler of the circuit, see `angle_router`.
        ablate: Takes the circuit and a random generator to the circuit without one of its parts;
            None where the circuit stays.
    """

    name: str
    label: str = "quantum"
    family: str = "quantum"
    help: str = ""
    one_layer: bool = False
    entanglement: str = "strong"
    ablate: Callable[[RouterCircuit, np.random.Generator], RouterCircuit] | None = None


_ALL = (
    StudyRouter(
        name="quantum",
        help="angle embedding, L strongly entangling layers, <Z> of each qubit, adapter",
    ),
    StudyRouter(
        name="quantum:dephased",
        help="the same, every qubit fully dephased in the computational basis after the embedding",
        ablate=lambda circuit, _: dephased(circuit),
    ),
    StudyRouter(
        name="quantum:frozen",
        help="the same with random angles that stay fixed: only the adapter is trained",
        ablate=frozen,
    ),
    StudyRouter(
        name="quantum:no-entangler",
        help="the same without entangling gates: product states throughout",
        entanglement="none",
    ),
    StudyRouter(name="quantum:one-layer", help="a single entangling layer", one_layer=True),
    StudyRouter(
        name="quantum:product",
        help="one rotation of each qubit after the embedding: the functions of the router without "
        "entangler, from the angles of one layer",
        one_layer=True,
        entanglement="none",
    ),
    StudyRouter(name="fourier", label="Fourier", family="Fourier features"),
    StudyRouter(name="linear", label="linear", family="linear and quadratic"),
    StudyRouter(name="mlp:H", label="ReLU (h = {size})", family="ReLU"),
    StudyRouter(name="quadratic", label="quadratic", family="linear and quadratic"),
    StudyRouter(name="rff:N", label="random Fourier ({size})", family="Fourier features"),
)
# Quantum routers by their full name, classical ones by what stands before the colon.
_BY_KEY: Mapping[str, StudyRouter] = MappingProxyType(
    {r.name if r.family == "quantum" else r.name.partition(":")[0]: r for r in _ALL}
)
# Every variant of the quantum router, with its description; and all but the full one.
QUANTUM: Mapping[str, str] = MappingProxyType({r.name: r.help for r in _ALL if r.help})
ABLATIONS = tuple(name for name in QUANTUM if name != "quantum")


def is_quantum(router: str) -> bool:
    """Return whether a router has a circuit."""
    return router.partition(":")[0] == "quantum"


def study_router(router: str) -> StudyRouter:
    """Return the entry of a router.

    Raises:
        InputError: If no router has that name.
    """
    key = router if is_quantum(router) else router.partition(":")[0]
    if key not in _BY_KEY:
        raise unknown_name("router", router, [entry.name for entry in _ALL])
    return _BY_KEY[key]


def check_router(router: str, n_layers: int) -> None:
    """Refuse a router that cannot be built.

    Raises:
        InputError: If the name is unknown or a number is not accepted.
    """
    require_positive("n_layers", n_layers)
    study_router(router)
    if not is_quantum(router):
        from qmoe_qiskit.train.model import build_router

        build_router(router, 1, 1)


def classifier_settings(router: str, *, n_inputs: int, n_layers: int, seed: int) -> dict[str, Any]:
    """Return the settings of a `QMoEClassifier` that make a router.

    Args:
        router: Name of the router.
        n_inputs: Number of coordinates that the router sees.
        n_layers: Number of layers of the quantum routers, L.
        seed: Seed of the angles of "quantum:frozen".
    """
    if not is_quantum(router):
        return {"router": router}
    entry = study_router(router)
    if entry.ablate is None:
        layers = 1 if entry.one_layer else n_layers
        return {"router": "quantum", "n_layers": layers, "entanglement": entry.entanglement}
    return {"router": router_circuit(router, n_inputs=n_inputs, n_layers=n_layers, seed=seed)}


def router_circuit(router: str, *, n_inputs: int, n_layers: int, seed: int = 0) -> RouterCircuit:
    """Return the circuit of a quantum router; the arguments are those of `classifier_settings`."""
    entry = study_router(router)
    layers = 1 if entry.one_layer else n_layers
    circuit = angle_router(n_inputs, layers, entanglement=entry.entanglement)
    if entry.ablate is None:
        return circuit
    # A stream of its own: the seed's first numbers also decide points and split.
    return entry.ablate(circuit, np.random.default_rng([seed, n_layers]))


def label(router: str, n_layers: int | None = None) -> str:
    """Return a router's name in tables and figures, with its number of layers if that is given.

    >>> label("mlp:16"), label("quantum:no-entangler", 3)
    ('ReLU (h = 16)', 'quantum (no entangler, L = 3)')
    """
    _, _, rest = router.partition(":")
    if not is_quantum(router):
        return study_router(router).label.format(size=rest)
    layers = [] if n_layers is None else [f"L = {n_layers}"]
    facts = ", ".join([*([rest.replace("-", " ")] if rest else []), *layers])
    return f"quantum ({facts})" if facts else "quantum"
