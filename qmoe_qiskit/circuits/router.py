"""The router circuit: a parameterized circuit, what enters it, and what is read out of it."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeAlias

import numpy as np
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Delay, Parameter, ParameterExpression, ParameterVector
from qiskit.quantum_info import SparsePauliOp

from qmoe_qiskit import limits
from qmoe_qiskit.circuits.angles import affine_terms, symbolic
from qmoe_qiskit.circuits.layers import WeightLayout
from qmoe_qiskit.circuits.observables import Basis, Observables, as_observables
from qmoe_qiskit.circuits.qpy_bytes import faults_of_qpy, read_circuit
from qmoe_qiskit.circuits.standard_form import standard_form
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.typing import FloatArray

# Attributes of an instance of QuantumCircuit, and those of a compiled router.
_OF_CIRCUIT = {"name", "metadata"}
_OF_COMPILED = {"router", "expectations", "jacobian", "vjp", "isa_circuit", "physical_qubits"}


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

    circuit: QuantumCircuit = _Copied()
    inputs: Sequence[Parameter]
    weights: Sequence[Parameter]
    observables: tuple[SparsePauliOp, ...]
    degree: int | None = None
    layout: WeightLayout | None = None

    def __repr__(self) -> str:
        counts = {"qubits": self.n_qubits, "inputs": self.n_inputs, "weights": self.n_weights}
        shown = ", ".join(f"{count} {name}" for name, count in counts.items())
        depth = self.__dict__["_circuit"].depth()
        return f"<RouterCircuit: {shown}, {self.n_outputs} outputs, depth {depth}>"

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
        standard = standard_form(circuit)
        self.__dict__["_standard"] = standard
        if not set(standard.parameters) <= set(circuit.parameters):
            circuit = self.__dict__["_circuit"] = standard.copy()  # see `_parameters_of`
        free = set(circuit.parameters)
        if others := sorted({p.name for p in free - set(named)} & {p.name for p in named}):
            raise InputError(
                f"{', '.join(others)}: the circuit has other parameters of these names, since each "
                "Parameter that is made is a new one; take them from the circuit's parameters, or "
                "from the parts that it was composed of"
            )
        if not free <= set(named):
            names = ", ".join(sorted(p.name for p in free - set(named)))
            raise InputError(
                f"circuit parameters {names} are neither inputs nor weights of the router: "
                "list each in one of the two"
            )
        if circuit.num_clbits:
            raise InputError(
                "a router circuit has no classical bits and no measurements: its observables say "
                "what is read out; remove them (QuantumCircuit.remove_final_measurements)"
            )
        observables = as_observables(self.observables, circuit.num_qubits)
        object.__setattr__(self, "observables", observables)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            """Raise an AttributeError that says what has the attribute."""
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
            if name in _OF_COMPILED:
                message += ": a compiled router has it, see backend.compile(router)"
            elif name in _OF_CIRCUIT or (
                not name.startswith("_") and hasattr(QuantumCircuit, name)
            ):
                message += ": where a QuantumCircuit is wanted, give its attribute circuit"
            raise AttributeError(message, name=name, obj=self)

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
            names = {p.name for p in given}  # those of equal names are refused with the reason
            weights = [p for p in _parameters_of(circuit) if p.name not in names]
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
        # QPY forgets the unit of a delay, and then cannot read what is no whole number.
        delays = [
            (k, step)
            for k, step in enumerate(circuit.data)
            if isinstance(step.operation, Delay) and step.operation.unit != "dt"
        ]
        if delays:
            circuit.metadata["delays"] = [
                [k, float(step.operation.duration), step.operation.unit] for k, step in delays
            ]
        for k, step in delays:
            circuit.data[k] = step.replace(operation=Delay(0))
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
            for k, duration, unit in meta.get("delays", []):
                circuit.data[k] = circuit.data[k].replace(operation=Delay(duration, unit))
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
Parameters: TypeAlias = Parameter | ParameterVector | Iterable[Parameter | ParameterVector]


def _parameters(name: str, given: Parameters) -> tuple[Parameter, ...]:
    """Return parameters in order; a vector may change its length later, a tuple does not."""
    parameters: list[Parameter] = []
    for item in [given] if isinstance(given, Parameter | ParameterVector) else given:
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
    vector = getattr(parameters[0], "vector", None) if parameters else None
    if vector is not None and tuple(vector) == tuple(parameters):
        return [vector.name, len(vector)]
    return [[p.name for p in parameters]]


def _named(names: list[Any], circuit: QuantumCircuit) -> Sequence[Parameter]:
    """Return a circuit's parameters by name; those that it does not use are made anew."""
    if len(names) == 2:
        name, length = names
        if not 0 <= length <= limits.COLUMNS:
            raise ValueError(f"a vector of {length} parameters")
        used_ones = _parameters_of(circuit)
        vectors = {p.vector.name: p.vector for p in used_ones if hasattr(p, "vector")}
        vector: Sequence[Parameter] = vectors.get(name) or ParameterVector(name, length)
        return vector
    used = {p.name: p for p in _parameters_of(circuit)}
    return [used.get(name) or Parameter(name) for name in names[0]]


def _parameters_of(circuit: QuantumCircuit) -> list[Parameter]:
    """Return a circuit's parameters in its order, with those that Qiskit has lost at the end.

    After a circuit is read from QPY, Qiskit no longer knows the parameters within annotated gates,
    and does not bind them.
    """
    known = list(circuit.parameters)
    return [*known, *(p for p in standard_form(circuit).parameters if p not in set(known))]


def _describe(circuit: QuantumCircuit) -> Iterator[str]:
    """Yield a line per instruction of a circuit in standard form."""
    for step in circuit.data:
        operation = step.operation
        qubits = [circuit.find_bit(q).index for q in step.qubits]
        # A delay in "dt", the default, has no word for its unit.
        unit = [] if getattr(operation, "unit", "dt") == "dt" else [operation.unit]
        # In other units, 100 is 100.0.
        values = [float(p) for p in operation.params] if unit else operation.params
        yield f"{operation.name} {qubits} {[*map(_angle_text, values), *unit]}"


def _angle_text(angle: object) -> str:
    """Write an angle so that equal ones read alike, however their terms are ordered."""
    if isinstance(angle, np.ndarray):
        return angle.tobytes().hex()
    if not isinstance(angle, ParameterExpression):
        return str(angle + 0.0 if isinstance(angle, float) else angle)  # -0.0 is 0.0
    if (affine := affine_terms(angle)) is None:
        import sympy

        expression, _ = symbolic(angle)
        if expression.is_number:  # c / c, of which QPY makes a number
            return str(float(expression) + 0.0)
        # QPY makes 2.0 of 2; SymPy orders and expands by the kind of the number.
        exact = {n: sympy.Rational(float(n)) for n in expression.atoms(sympy.Float)}
        return str(sympy.srepr(expression.xreplace(exact)))
    slopes, constant = affine
    return f"{sorted((p.name, slope) for p, slope in slopes.items())} + {constant}"
