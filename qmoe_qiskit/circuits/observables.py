"""Observables as Qiskit's primitives take them, and the bases in which they are measured."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from qiskit import QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.quantum_info import Pauli, PauliList, SparseObservable, SparsePauliOp

from qmoe_qiskit.errors import InputError

# One observable, as the primitives of Qiskit take it.
Observable: TypeAlias = str | Pauli | SparsePauliOp | SparseObservable | Mapping[str, float]
Observables: TypeAlias = Observable | PauliList | Iterable[Observable]

_FORMS = (
    "give a SparsePauliOp, a Pauli, a label such as 'ZI', a mapping from labels to numbers, or a "
    "sequence of these"
)


def as_observables(observables: Observables, n_qubits: int) -> tuple[SparsePauliOp, ...]:
    """Return observables as operators, one per output.

    A single operator is one observable, however many terms it has, as in Qiskit's primitives.

    Args:
        observables: An observable or several: `SparsePauliOp`, `SparseObservable`, `Pauli`, a label
            such as "ZI" (of I, X, Y, Z and the projectors 0, 1, +, -, r, l; qubit 0 is the
            rightmost letter), a mapping from labels to coefficients, or a `PauliList`.
        n_qubits: The number of qubits that each of them must have.

    Raises:
        InputError: If one is not an observable, has another width, or is not real.

    >>> as_observables(["ZI", SparsePauliOp(["XX", "ZZ"], [1, 2])], 2)[0]
    SparsePauliOp(['ZI'],
                  coeffs=[1.+0.j])
    """
    single = isinstance(observables, str | Pauli | SparsePauliOp | SparseObservable | Mapping)
    try:
        several = [observables] if single else list(observables)
    except TypeError as error:
        kind = type(observables).__name__
        raise InputError(f"the observables are of type {kind}: {_FORMS}") from error
    if not several:
        raise InputError("a router needs at least one observable, got none")
    return tuple(_as_operator(observable, n_qubits) for observable in several)


def _as_operator(observable: Observable, n_qubits: int) -> SparsePauliOp:
    if isinstance(observable, SparsePauliOp):
        operator = observable.copy()
    elif isinstance(observable, Pauli):
        operator = SparsePauliOp(observable)
    else:
        try:
            coerced = ObservablesArray.coerce_observable(observable)
            operator = SparsePauliOp.from_sparse_observable(coerced)
        except (QiskitError, TypeError, ValueError) as error:
            what = repr(observable) if isinstance(observable, str) else type(observable).__name__
            raise InputError(f"{what} is not an observable ({error}): {_FORMS}") from error
    text = operator.to_list() if len(operator) <= 4 else f"of {len(operator)} terms"
    if operator.num_qubits != n_qubits:
        raise InputError(
            f"observable {text} acts on {operator.num_qubits} qubits, the circuit has {n_qubits}"
        )
    if operator.parameters:
        raise InputError(f"observable {text} needs numeric coefficients: bind its parameters")
    # The phase of a Pauli, such as "-Z", becomes part of its coefficient.
    operator = SparsePauliOp(operator.paulis.copy(), np.array(operator.coeffs, dtype=complex))
    if not (np.isfinite(operator.coeffs).all() and (operator.coeffs.imag == 0).all()):
        raise InputError(f"observable {text} needs numeric, real and finite coefficients")
    for array in (operator.coeffs, operator.paulis.x, operator.paulis.z):
        array.setflags(write=False)  # hashes and compiled circuits rely on it
    return operator


def is_diagonal(observables: Sequence[SparsePauliOp]) -> bool:
    """Whether all observables consist of identities and Z, so that any shot measures them all."""
    return not any(observable.paulis.x.any() for observable in observables)


@dataclass(frozen=True, kw_only=True, eq=False)
class Basis:
    """A basis in which some terms of the observables are measured, by the same shots.

    Attributes:
        letters: Per qubit the Pauli letter that is measured, qubit 0 first; I where none is.
        observables: The terms, turned into sums of Z strings, per output; those of an output
            without terms in this basis are zero.
    """

    letters: str
    observables: tuple[SparsePauliOp, ...]

    def change(self) -> QuantumCircuit:
        """Return the circuit after which measuring Z measures the letters."""
        circuit = QuantumCircuit(len(self.letters))
        for qubit, letter in enumerate(self.letters):
            if letter == "Y":
                circuit.sdg(qubit)
            if letter in "XY":
                circuit.h(qubit)
        return circuit


def measurement_bases(observables: Sequence[SparsePauliOp]) -> list[Basis]:
    """Return the bases that together measure all terms: qubit-wise commuting groups of them.

    The values of an output are the sum over the bases. Observables of I and Z alone have one basis.

    >>> [basis.letters for basis in measurement_bases([SparsePauliOp(["XX", "XI", "ZZ"])])]
    ['ZZ', 'XX']
    """
    if is_diagonal(observables):
        letters = "Z" * observables[0].num_qubits
        return [Basis(letters=letters, observables=tuple(observables))]
    simple = [observable.simplify() for observable in observables]
    labels = dict.fromkeys(label for o in simple for label in o.paulis.to_labels())
    groups = PauliList(list(labels)).group_qubit_wise_commuting()
    return [_basis({*group.to_labels()}, simple) for group in groups]


def _basis(labels: set[str], observables: Sequence[SparsePauliOp]) -> Basis:
    n_qubits = observables[0].num_qubits
    letters = "".join(
        max(label[n_qubits - 1 - qubit] for label in labels)  # I comes before X, Y and Z
        for qubit in range(n_qubits)
    )
    parts = []
    for observable in observables:
        terms = [
            (label.replace("X", "Z").replace("Y", "Z"), coefficient)
            for label, coefficient in observable.to_list()
            if label in labels
        ]
        parts.append(SparsePauliOp.from_list(terms or [("I" * n_qubits, 0.0)]))
    return Basis(letters=letters, observables=tuple(parts))
