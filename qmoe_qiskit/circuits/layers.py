"""Trainable layers: a rotation of every qubit, then an entangler."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector

from qmoe_qiskit import limits
from qmoe_qiskit.errors import InputError, quoted, require_positive, unknown_name

ENTANGLEMENTS = ("linear", "none", "ring", "strong")
# Two-qubit gates that are their own inverse, which a device may have.
ENTANGLING_GATES = ("cx", "cz", "ecr")


@dataclass(frozen=True, kw_only=True)
class Couplers:
    """An entangler that a device has: one gate on every coupler.

    Attributes:
        pairs: The pairs of qubits, in order.
        gate: "cx", "cz" or "ecr".

    Raises:
        InputError: If the gate is unknown.
    """

    pairs: tuple[tuple[int, int], ...]
    gate: str = "cz"

    def __post_init__(self) -> None:
        if self.gate not in ENTANGLING_GATES:
            raise unknown_name("entangling gate", self.gate, ENTANGLING_GATES)

    @classmethod
    def line(cls, n_qubits: int) -> "Couplers":
        """Return CZ gates between neighbours on a line: first the even pairs, then the odd ones."""
        pairs = [(q, q + 1) for q in range(n_qubits - 1)]
        return cls(pairs=(*pairs[::2], *pairs[1::2]))


Entanglement = str | Couplers


@dataclass(frozen=True, kw_only=True)
class WeightLayout:
    """What the weights of a circuit of ours are, so that they can be initialized by it.

    The weights are 3 angles per layer and qubit, then factors of inputs, which start at 1.

    Attributes:
        n_layers: Number of layers, all blocks together.
        n_qubits: Number of qubits.
        n_scalings: Number of factors.
        mirrored: Whether every second layer is the mirror image of the one before it.
    """

    n_layers: int
    n_qubits: int
    n_scalings: int = 0
    mirrored: bool = False


def layer_weights(
    n_qubits: int, n_layers: int, reuploads: int = 1, *, mirrored: bool = False
) -> ParameterVector:
    """Return the weights of all layers: 3 per layer and qubit.

    Raises:
        InputError: If a count is below 1, the circuit has too many angles, or layers are to be
            mirrored and their number is odd.
    """
    layers = require_positive("n_layers", n_layers)
    blocks = require_positive("reuploads", reuploads)
    if 3 * blocks * layers * n_qubits > limits.ANGLES:
        raise InputError(
            f"{quoted(layers)} layers x {quoted(blocks)} uploads on {n_qubits} qubits have "
            f"{quoted(3 * blocks * layers * n_qubits)} angles: at most {limits.ANGLES} are accepted"
        )
    if mirrored and layers % 2:
        raise InputError(
            f"n_layers={layers}: initialization 'identity-block' pairs each layer with its mirror "
            "image, so that their number must be even"
        )
    return ParameterVector("w", blocks * layers * n_qubits * 3)


def append_layers(
    circuit: QuantumCircuit,
    angles: Iterator[Parameter],
    n_layers: int,
    entanglement: Entanglement,
    *,
    mirrored: bool = False,
) -> None:
    """Append layers of Rot(phi, theta, omega) on every qubit and an entangler; see `angle_router`.

    If `mirrored`, every second layer undoes the one before it for suitable angles: its entangler
    comes first, in reverse order. This is the block of Grant et al. (2019), one layer deep.

    Raises:
        InputError: If the entanglement is unknown.
    """
    if isinstance(entanglement, str) and entanglement not in ENTANGLEMENTS:
        raise unknown_name("entanglement", entanglement, ENTANGLEMENTS)
    n = circuit.num_qubits
    for layer in range(n_layers):
        circuit.barrier()
        image = mirrored and layer % 2 == 1
        gate, pairs = _entangler(n, layer // 2 if mirrored else layer, entanglement)
        if image:
            _entangle(circuit, gate, pairs[::-1])
        for qubit in range(n):
            circuit.rz(next(angles), qubit)
            circuit.ry(next(angles), qubit)
            circuit.rz(next(angles), qubit)
        if not image:
            _entangle(circuit, gate, pairs)


def _entangle(circuit: QuantumCircuit, gate: str, pairs: Sequence[tuple[int, int]]) -> None:
    for pair in pairs:
        getattr(circuit, gate)(*pair)


def _entangler(
    n: int, layer: int, entanglement: Entanglement
) -> tuple[str, Sequence[tuple[int, int]]]:
    if isinstance(entanglement, Couplers):
        return entanglement.gate, entanglement.pairs
    if n == 1 or entanglement == "none":
        return "cx", []
    if entanglement == "linear":
        return "cx", [(i, i + 1) for i in range(n - 1)]
    step = layer % (n - 1) + 1 if entanglement == "strong" else 1
    return "cx", [(i, (i + step) % n) for i in range(n)]
