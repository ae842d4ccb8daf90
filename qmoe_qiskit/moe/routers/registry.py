"""The table of routers: all that a name such as "mlp:16" stands for, in one entry per kind.

Reading the table loads neither torch nor Qiskit; building a router does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from qmoe_qiskit.registry import Entry, Registry, size_in

if TYPE_CHECKING:
    import torch
    from torch import nn

    from qmoe_qiskit.backends import Backend
    from qmoe_qiskit.circuits import RouterCircuit


@dataclass(frozen=True, kw_only=True)
class RouterSettings:
    """What a router is built from; every kind uses the settings that it needs.

    Attributes:
        n_inputs: Number of coordinates that the router sees.
        n_experts: Number of experts, E.
        size: Number after the colon of the router's name; 0 where the kind takes none.
        circuit: Name of the circuit's family, an entry of `CIRCUITS`.
        n_layers: Number of entangling layers of the circuit, see `angle_router`.
        n_qubits: Number of qubits that the coordinates enter in groups, see `angle_router`; None
            for one qubit per coordinate.
        rotation: Axis of the embedding, see `angle_router`.
        reuploads: Number of times that the circuit takes the inputs, see `angle_router`.
        entanglement: Entangler of the circuit, see `CircuitSettings`.
        input_scaling: Whether inputs are multiplied by weights, see `angle_router`.
        initialization: How the circuit's weights start, see `initial_weights`.
        readout: "expectations" or "probabilities", see `QuantumRouter`.
        routing: "weighted" or "sampled", see `QuantumRouter`.
        backend: Backend that evaluates the circuit, or a specification for `open_backend`.
        built: The circuit of these settings, where it exists already: a circuit that follows the
            device that it was trained on is not built anew for another one.
        generator: Source of the initial weights.
    """

    n_inputs: int
    n_experts: int
    size: int = 0
    circuit: str = "angle"
    n_layers: int = 3
    n_qubits: int | None = None
    rotation: str = "x"
    reuploads: int = 1
    entanglement: str = "strong"
    input_scaling: bool = False
    initialization: str = "uniform"
    readout: str = "expectations"
    routing: str = "weighted"
    backend: Backend | str = "statevector"
    built: RouterCircuit | None = None
    generator: torch.Generator | None = None


@dataclass(frozen=True, kw_only=True)
class RouterKind(Entry):
    """A kind of router.

    Attributes:
        name: The name that a user gives; "mlp:H" stands for "mlp:1", "mlp:2" and so on.
        label: The name in tables and figures; "{size}" stands for the number in the name.
        family: The name of the kinds among which a study compares sizes.
        build: Function that builds the router, a module from (..., n_inputs) to weights (..., E).
        counts: What the number in the name counts, such as "hidden units"; "" without a number.
    """

    label: str
    family: str
    build: Callable[[RouterSettings], nn.Module]
    counts: str = ""

    def size_of(self, router: str) -> int:
        """Return the number in a router's name, or 0 if the kind takes none.

        Raises:
            InputError: If the name lacks its number.
        """
        return size_in("router", router, self.counts)

    def label_of(self, router: str) -> str:
        """Return the name of a router of this kind in tables and figures."""
        return self.label.format(size=self.size_of(router))


def kind_of(router: object) -> RouterKind:
    """Return the kind of router that a name stands for.

    Raises:
        InputError: If no kind has that name.

    >>> kind_of("mlp:16").label_of("mlp:16")
    'ReLU (h = 16)'
    """
    return ROUTERS.kind_of(router)


def _quantum(settings: RouterSettings) -> nn.Module:
    from qmoe_qiskit.backends import open_backend
    from qmoe_qiskit.backends.transpile.couplers import couplers_of
    from qmoe_qiskit.circuits.families import CIRCUITS, CircuitSettings, build_circuit
    from qmoe_qiskit.moe.routers.initialization import INITIALIZATIONS
    from qmoe_qiskit.moe.routers.quantum import QuantumRouter

    family = CIRCUITS.get(settings.circuit)
    backend = settings.backend
    if isinstance(backend, str):
        backend = open_backend(backend)
    circuit = settings.built or build_circuit(
        settings.circuit,
        CircuitSettings(
            n_inputs=settings.n_inputs,
            n_qubits=settings.n_qubits,
            n_layers=settings.n_layers,
            rotation=settings.rotation,
            reuploads=settings.reuploads,
            entanglement=settings.entanglement,
            input_scaling=settings.input_scaling,
            mirrored=INITIALIZATIONS.get(settings.initialization).mirrored,
            couplers=partial(couplers_of, backend),
        ),
    )
    return QuantumRouter(
        circuit,
        settings.n_experts,
        backend,
        readout=settings.readout,
        routing=settings.routing,
        # A circuit that exists has weights already, which replace the initial ones.
        initialization="uniform" if settings.built else settings.initialization,
        embeds_amplitudes=family.embeds_amplitudes,
        generator=settings.generator,
    )


def _router_class(name: str, **arguments: str) -> Callable[[RouterSettings], nn.Module]:
    """Return a function that builds a classical router, by the name of its class.

    The class is loaded when a router is built; `arguments` are the settings that it takes further.
    """

    def build(settings: RouterSettings) -> nn.Module:
        import qmoe_qiskit.moe

        further = {argument: getattr(settings, setting) for argument, setting in arguments.items()}
        router: nn.Module = getattr(qmoe_qiskit.moe, name)(
            settings.n_inputs, settings.n_experts, generator=settings.generator, **further
        )
        return router

    return build


ROUTERS = Registry(
    "router",
    [
        RouterKind(
            name="quantum", help="a circuit", label="quantum", family="quantum", build=_quantum
        ),
        RouterKind(
            name="linear",
            help="one linear layer",
            label="linear",
            family="linear and quadratic",
            build=_router_class("LinearRouter"),
        ),
        RouterKind(
            name="quadratic",
            help="linear in the products of two coordinates too",
            label="quadratic",
            family="linear and quadratic",
            build=_router_class("QuadraticRouter"),
        ),
        RouterKind(
            name="mlp:H",
            help="H hidden units",
            label="ReLU (h = {size})",
            family="ReLU",
            build=_router_class("MLPRouter", hidden="size"),
            counts="hidden units",
        ),
        RouterKind(
            name="fourier",
            help="linear in the circuit's trigonometric functions",
            label="Fourier",
            family="Fourier features",
            build=_router_class("FourierRouter", degree="reuploads"),
        ),
        RouterKind(
            name="rff:N",
            help="N random waves",
            label="random Fourier ({size})",
            family="Fourier features",
            build=_router_class("RandomFourierRouter", n_waves="size"),
            counts="waves",
        ),
    ],
)
