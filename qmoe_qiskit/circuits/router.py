"""The router circuit: a parameterized circuit, what enters it, and what is read out of it."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Parameter, ParameterExpression, ParameterVector
from qiskit.quantum_info import SparsePauliOp

from qmoe_qiskit import limits
from qmoe_qiskit.circuits.angles import affine_terms, symbolic
from qmoe_qiskit.circuits.observables import Basis, Observables, as_observables
from qmoe_qiskit.circuits.qpy_bytes import faults_of_qpy, read_circuit
from qmoe_qiskit.circuits.standard_form import standard_form
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.typing import FloatArray


class _Copied:
    """An attribute that is copied when it is set and when it is read: circuits change in place."""

    def __set__(self, router: RouterCircuit, circuit: QuantumCircuit) -> None:
        router.__dict__["_circuit"] = circuit.copy()

    def __get__(self, router: RouterCircuit | None, _: type) -> QuantumCircuit:
        if router is None:
            raise AttributeError("circuit")  # the field has no default
        copy: QuantumCircuit = router.__dict__["_circuit"].copy()
        return copy


@dataclass(frozen=True, kw_only=True, eq=False)
class RouterCircuit:
    """A routing circuit as data: it does not know where it runs.

    Qubits are in Qiskit's little-endian order: qubit 0 is the rightmost letter of a Pauli label and
    the least significant bit of a basis state's index.

    Attributes:
        circuit: A copy of the circuit, without measurements; all its parameters are inputs or
            weights. Angles are real functions of them.
        inputs: The parameters that carry a sample's features, in order, length F.
        weights: The trainable parameters, in order, length W.
        observables: One observable per output, length O; an operator alone is one observable. See
            `as_observables` for what is accepted.
        degree: Highest frequency in each input that an output can contain: the number of times that
            the circuit uploads a feature. None if it is unknown.

    Raises:
        InputError: If parameters and circuit do not fit together, an operation is not unitary, or
            an observable is not real.

    >>> x, w = ParameterVector("x", 1), ParameterVector("w", 1)
    >>> circuit = QuantumCircuit(1)
    >>> circuit.ry(x[0] + w[0], 0)  # doctest: +ELLIPSIS
    <qiskit.circuit.instructionset.InstructionSet object at ...>
    >>> RouterCircuit(circuit=circuit, inputs=x, weights=w, observables="Z", degree=1).n_outputs
    1
    """

    circuit: QuantumCircuit = _Copied()  # type: ignore[assignment]
    inputs: Sequence[Parameter]
    weights: Sequence[Parameter]
    observables: tuple[SparsePauliOp, ...]
    degree: int | None = None

    def __post_init__(self) -> None:
        circuit = self.__dict__["_circuit"]
        for name in ("inputs", "weights"):
            object.__setattr__(self, name, _parameters(name, getattr(self, name)))
        named = [*self.inputs, *self.weights]
        shared = set(self.inputs) & set(self.weights)
        if shared:
            names = ", ".join(sorted(p.name for p in shared))
            raise InputError(
                f"{names}: a parameter is an input or a weight of the router, not both"
            )
        counts = Counter(p.name for p in named)
        if twice := sorted(name for name, count in counts.items() if count > 1):
            raise InputError(
                f"{', '.join(twice)}: each input and weight is listed once, and has a name of its "
                "own"
            )
        free = set(circuit.parameters)
        if not free <= set(named):
            names = ", ".join(sorted(p.name for p in free - set(named)))
            raise InputError(
                f"circuit parameters {names} are neither inputs nor weights of the router: "
                "list each in one of the two"
            )
        self.__dict__["_standard"] = standard_form(circuit)
        if circuit.num_clbits:
            raise InputError(
                "a router circuit has no classical bits and no measurements: its observables say "
                "what is read out; remove them (QuantumCircuit.remove_final_measurements)"
            )
        observables = as_observables(self.observables, circuit.num_qubits)
        object.__setattr__(self, "observables", observables)

    @classmethod
    def from_circuit(
        cls,
        circuit: QuantumCircuit,
        *,
        inputs: Parameters,
        weights: Parameters | None = None,
        observables: Observables | None = None,
    ) -> Self:
        """Return a circuit of yours as a router.

        Args:
            circuit: The circuit, without measurements.
            inputs: The parameters that carry a sample's features, in order: any mixture of
                parameters and parameter vectors, such as `feature_map.parameters`.
            weights: The trainable parameters, likewise; None for all others of the circuit, in its
                order.
            observables: One per output, see `as_observables`; None for Z on every qubit.

        Raises:
            InputError: As the class does.

        >>> from qiskit.circuit.library import real_amplitudes, zz_feature_map
        >>> features, ansatz = zz_feature_map(3), real_amplitudes(3)
        >>> router = RouterCircuit.from_circuit(
        ...     features.compose(ansatz), inputs=features.parameters, weights=ansatz.parameters
        ... )
        >>> router.n_inputs, router.n_weights, router.n_outputs
        (3, 12, 3)
        """
        given = _parameters("inputs", inputs)
        if weights is None:
            weights = [p for p in circuit.parameters if p not in set(given)]
        if observables is None:
            n = circuit.num_qubits
            observables = [SparsePauliOp.from_sparse_list([("Z", [q], 1)], n) for q in range(n)]
        return cls(
            circuit=circuit,
            inputs=given,
            weights=_parameters("weights", weights),
            observables=observables,  # type: ignore[arg-type]
        )

    @property
    def standard_circuit(self) -> QuantumCircuit:
        """A copy of the circuit in standard gates, which every backend evaluates."""
        copy: QuantumCircuit = self.__dict__["_standard"].copy()
        return copy

    @property
    def n_qubits(self) -> int:
        """Number of qubits."""
        return int(self.__dict__["_circuit"].num_qubits)

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
            *_describe(self.__dict__["_standard"]),
            *(str(observable.simplify().to_list()) for observable in self.observables),
        ]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def with_observables(self, observables: Observables) -> RouterCircuit:
        """Return the same circuit, read out through other observables."""
        return replace(self, observables=observables)  # type: ignore[arg-type]

    def in_basis(self, basis: Basis) -> Self:
        """Return the circuit followed by a change of basis, with what is read out in this basis."""
        circuit = self.__dict__["_circuit"].compose(basis.change())
        return replace(self, circuit=circuit, observables=basis.observables)

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
        """Return the circuit, with its observables in the metadata, as QPY.

        A circuit with gates that QPY cannot hold is written in standard gates.
        """
        data = self._to_qpy(self.circuit)
        try:
            kept = self.from_qpy(data).content_hash == self.content_hash
        except InputError:
            kept = False
        return data if kept else self._to_qpy(self.standard_circuit)

    def _to_qpy(self, circuit: QuantumCircuit) -> bytes:
        circuit.metadata = {
            "inputs": _names(self.inputs),
            "weights": _names(self.weights),
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
        circuit = read_circuit(data)
        with faults_of_qpy():
            meta = circuit.metadata
            degree = None if meta["degree"] is None else int(meta["degree"])
            observables = tuple(SparsePauliOp.from_list(terms) for terms in meta["observables"])
            inputs, weights = (_named(meta[key], circuit) for key in ("inputs", "weights"))
            circuit.metadata = {}
            return cls(
                circuit=circuit,
                inputs=inputs,
                weights=weights,
                observables=observables,
                degree=degree,
            )


# Any mixture of parameters and vectors of them.
Parameters = Parameter | ParameterVector | Iterable[Parameter | ParameterVector]


def _parameters(name: str, given: Parameters) -> ParameterVector | tuple[Parameter, ...]:
    """Return parameters in order; a vector alone stays one."""
    if isinstance(given, ParameterVector):
        return given
    parameters: list[Parameter] = []
    for item in [given] if isinstance(given, Parameter) else given:
        if isinstance(item, ParameterVector):
            parameters.extend(item)
        elif isinstance(item, Parameter):
            parameters.append(item)
        else:
            raise InputError(
                f"{name} hold {item!r}: give Parameters and ParameterVectors of the circuit, such "
                "as feature_map.parameters"
            )
    return tuple(parameters)


def _names(parameters: Sequence[Parameter]) -> list[Any]:
    """Return what `_named` needs: the name and length of a vector, or the name of each."""
    if isinstance(parameters, ParameterVector):
        return [parameters.name, len(parameters)]
    return [[p.name for p in parameters]]


def _named(names: list[Any], circuit: QuantumCircuit) -> Sequence[Parameter]:
    """Return a circuit's parameters by name; those that it does not use are made anew."""
    if len(names) == 2:
        name, length = names
        if not 0 <= length <= limits.COLUMNS:
            raise ValueError(f"a vector of {length} parameters")
        vectors = {p.vector.name: p.vector for p in circuit.parameters if hasattr(p, "vector")}
        vector: ParameterVector = vectors.get(name) or ParameterVector(name, length)
        return vector
    used = {p.name: p for p in circuit.parameters}
    return [used.get(name) or Parameter(name) for name in names[0]]


def _describe(circuit: QuantumCircuit) -> Iterator[str]:
    """Yield a line per instruction of a circuit in standard form."""
    for step in circuit.data:
        operation = step.operation
        qubits = [circuit.find_bit(q).index for q in step.qubits]
        # A delay in "dt", the default, has no word for its unit.
        unit = [] if getattr(operation, "unit", "dt") == "dt" else [operation.unit]
        yield f"{operation.name} {qubits} {[*map(_angle_text, operation.params), *unit]}"


def _angle_text(angle: object) -> str:
    """Write an angle so that equal ones read alike, however their terms are ordered."""
    if isinstance(angle, np.ndarray):
        return angle.tobytes().hex()
    if not isinstance(angle, ParameterExpression):
        return str(angle + 0.0 if isinstance(angle, float) else angle)  # -0.0 is 0.0
    if (affine := affine_terms(angle)) is None:
        import sympy

        return str(sympy.srepr(symbolic(angle)[0]))
    slopes, constant = affine
    return f"{sorted((p.name, slope) for p, slope in slopes.items())} + {constant}"
