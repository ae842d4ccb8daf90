"""The router circuit: a parameterized circuit, what enters it, and what is read out of it."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Gate, Instruction, ParameterExpression, ParameterVector
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import SparsePauliOp

from qmoe_qiskit.circuits.affine import affine_terms
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.typing import FloatArray

# What reading bytes that are not a router circuit may raise.
_QPY_FAULTS = (AttributeError, EOFError, KeyError, QiskitError, TypeError, ValueError, struct.error)


@dataclass(frozen=True, kw_only=True, eq=False)
class RouterCircuit:
    """A routing circuit as data: it does not know where it runs.

    Qubits are in Qiskit's little-endian order: qubit 0 is the rightmost letter of a Pauli label and
    the least significant bit of a basis state's index.

    Attributes:
        circuit: The circuit, without measurements; all its parameters are inputs or weights.
        inputs: Angles that carry a sample's features, in radians, length F.
        weights: Trainable angles in radians, length W, flattened (layer, qubit, angle).
        observables: One observable per output, length O. Each is diagonal in the computational
            basis (identities and Z only), so that all are estimated from the same shots.
        degree: Highest frequency in each input that an output can contain: the number of times that
            the circuit uploads a feature. None if it is unknown.

    Raises:
        InputError: If parameters and circuit do not fit together, or an observable is not diagonal.

    >>> x, w = ParameterVector("x", 1), ParameterVector("w", 1)
    >>> circuit = QuantumCircuit(1)
    >>> circuit.ry(x[0] + w[0], 0)  # doctest: +ELLIPSIS
    <qiskit.circuit.instructionset.InstructionSet object at ...>
    >>> RouterCircuit(
    ...     circuit=circuit, inputs=x, weights=w, observables=(SparsePauliOp("Z"),), degree=1
    ... ).n_outputs
    1
    """

    circuit: QuantumCircuit
    inputs: ParameterVector
    weights: ParameterVector
    observables: tuple[SparsePauliOp, ...]
    degree: int | None = None

    def __post_init__(self) -> None:
        # A copy: the caller's circuit may go on changing, this one does not.
        object.__setattr__(self, "circuit", self.circuit.copy())
        shared = set(self.inputs) & set(self.weights)
        if shared:
            names = ", ".join(sorted(p.name for p in shared))
            raise InputError(
                f"{names}: a parameter is an input or a weight of the router, not both"
            )
        named = {*self.inputs, *self.weights}
        free = set(self.circuit.parameters)
        if not free <= named:
            names = ", ".join(sorted(p.name for p in free - named))
            raise InputError(
                f"circuit parameters {names} are neither inputs nor weights of the router: "
                "list each in one of the two ParameterVectors"
            )
        if self.circuit.num_clbits or self.circuit.count_ops().get("measure"):
            raise InputError(
                "a router circuit has no classical bits and no measurements: its observables say "
                "what is read out; remove them (QuantumCircuit.remove_final_measurements)"
            )
        if not self.observables:
            raise InputError("a router needs at least one observable, got none")
        for observable in self.observables:
            _check_observable(observable, self.circuit.num_qubits)

    @property
    def n_qubits(self) -> int:
        """Number of qubits."""
        return int(self.circuit.num_qubits)

    @property
    def n_inputs(self) -> int:
        """Number of input angles, F."""
        return len(self.inputs)

    @property
    def n_weights(self) -> int:
        """Number of trainable angles, W."""
        return len(self.weights)

    @property
    def n_outputs(self) -> int:
        """Number of observables, O."""
        return len(self.observables)

    @cached_property
    def content_hash(self) -> str:
        """Hash over instructions, parameters and observables; equal circuits have equal hashes."""
        lines = [
            f"{self.n_qubits} {list(map(str, self.inputs))} {list(map(str, self.weights))}",
            *_describe(self.circuit, tuple(range(self.n_qubits))),
            *(str(observable.simplify().to_list()) for observable in self.observables),
        ]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def with_observables(self, observables: Sequence[SparsePauliOp]) -> RouterCircuit:
        """Return the same circuit, read out through other observables."""
        return replace(self, observables=tuple(observables))

    def bind(self, inputs_F: FloatArray, weights_W: FloatArray) -> QuantumCircuit:
        """Return the circuit for one sample with every angle filled in.

        Raises:
            InputError: If a length differs from the circuit's.
        """
        x_F, w_W = np.asarray(inputs_F, dtype=float), np.asarray(weights_W, dtype=float)
        if x_F.shape != (self.n_inputs,) or w_W.shape != (self.n_weights,):
            raise InputError(
                f"the circuit takes {self.n_inputs} inputs and {self.n_weights} weights, "
                f"got shapes {x_F.shape} and {w_W.shape}"
            )
        values = dict(zip([*self.inputs, *self.weights], [*x_F, *w_W], strict=True))
        used = set(self.circuit.parameters)
        return self.circuit.assign_parameters({p: float(v) for p, v in values.items() if p in used})

    def draw(self, output: str = "text", **options: Any) -> Any:  # noqa: ANN401 - as Qiskit's
        """Draw the circuit; arguments as for `QuantumCircuit.draw`."""
        return self.circuit.draw(output, **options)

    def to_qpy(self) -> bytes:
        """Return the circuit, with its observables in the metadata, as QPY."""
        circuit = self.circuit.copy()
        circuit.metadata = {
            "inputs": [self.inputs.name, self.n_inputs],
            "weights": [self.weights.name, self.n_weights],
            "degree": self.degree,
            "observables": [
                [[label, value.real] for label, value in observable.to_list()]
                for observable in self.observables
            ],
        }
        buffer = io.BytesIO()
        qpy.dump(circuit, buffer)
        return buffer.getvalue()

    @classmethod
    def from_qpy(cls, data: bytes) -> RouterCircuit:
        """Read what `to_qpy` wrote.

        Raises:
            InputError: If the bytes are not a router circuit.
        """
        try:
            (circuit,) = qpy.load(io.BytesIO(data))
            meta = circuit.metadata
            observables = tuple(SparsePauliOp.from_list(terms) for terms in meta["observables"])
            vectors = {p.vector.name: p.vector for p in circuit.parameters}
            inputs, weights = (
                vectors.get(name, ParameterVector(name, length))
                for name, length in (meta["inputs"], meta["weights"])
            )
        except _QPY_FAULTS as error:
            raise InputError(f"not a router circuit in QPY format: {error}") from error
        circuit.metadata = {}
        return cls(
            circuit=circuit,
            inputs=inputs,
            weights=weights,
            observables=observables,
            degree=meta["degree"],
        )


def _describe(circuit: QuantumCircuit, wires: tuple[int, ...]) -> Iterator[str]:
    """Yield a line per instruction; gates made from circuits are unfolded."""
    for step in circuit.data:
        operation = step.operation
        qubits = tuple(wires[circuit.find_bit(q).index] for q in step.qubits)
        if type(operation) in (Gate, Instruction) and operation.definition is not None:
            yield from _describe(operation.definition, qubits)
        else:
            yield f"{operation.name} {list(qubits)} {[_angle_text(p) for p in operation.params]}"


def _angle_text(angle: object) -> str:
    """Write an angle so that equal ones read alike, however their terms are ordered."""
    if isinstance(angle, np.ndarray):
        return angle.tobytes().hex()
    if not isinstance(angle, ParameterExpression):
        return str(angle)
    try:
        slopes, constant = affine_terms(angle)
    except InputError:
        return str(angle)
    return f"{sorted((p.name, slope) for p, slope in slopes.items())} + {constant}"


def _check_observable(observable: SparsePauliOp, n_qubits: int) -> None:
    if observable.num_qubits != n_qubits:
        raise InputError(
            f"observable {observable.to_list()} acts on {observable.num_qubits} qubits, "
            f"the circuit has {n_qubits}"
        )
    if observable.paulis.x.any():
        raise InputError(
            f"observable {observable.to_list()} is not diagonal: only I and Z are read out; "
            "append the change of basis to the circuit and measure Z"
        )
    if observable.parameters or not (
        np.isfinite(observable.coeffs).all() and (observable.coeffs.imag == 0).all()
    ):
        raise InputError(
            f"observable {observable.to_list()} needs numeric, real and finite coefficients"
        )
