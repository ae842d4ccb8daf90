"""The exact distribution of the bit strings that a router yields at a place of a device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from qmoe_qiskit.backends.noisy.device import under_noise
from qmoe_qiskit.backends.noisy.exact import MAX_EXACT_QUBITS, exact_router
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit.quantum_info import SparsePauliOp

    from qmoe_qiskit.backends.transpile.isa_circuit import DeviceCircuit
    from qmoe_qiskit.circuits import RouterCircuit
    from qmoe_qiskit.hardware.options import RuntimeOptions
    from qmoe_qiskit.noise_profiles import NoiseProfile
    from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredBasis:
    """The bit strings of one basis, and how observables follow from them.

    Attributes:
        probabilities_PS: Probability of every bit string at every point, readout errors included.
        signs_TS: The value of every Pauli term, 1 or -1, for a bit string.
        coefficients_OT: The observables in these terms; zero for those of other bases.
        flips_S: Probability that the readout flips the qubits of a bit string, from which the
            readout is calibrated (TREX); None without a correction.
    """

    probabilities_PS: FloatArray
    signs_TS: FloatArray
    coefficients_OT: FloatArray
    flips_S: FloatArray | None

    def values(self, shares: FloatArray, fidelities: FloatArray | None = None) -> FloatArray:
        """Return the observables, (..., O), for shares of the bit strings, (..., S).

        Args:
            shares: How often each bit string was measured.
            fidelities: By how much the readout shrinks every term, (..., T); None for its exact
                value.
        """
        terms = shares @ self.signs_TS.T
        if self.flips_S is not None:
            terms = terms / (self.signs_TS @ self.flips_S if fidelities is None else fidelities)
        values: FloatArray = terms @ self.coefficients_OT.T
        return values


@dataclass(frozen=True, kw_only=True, eq=False)
class Place:
    """What a router yields at a place of a device: its bases, whose shots are independent."""

    bases: tuple[MeasuredBasis, ...]

    @cached_property
    def exact_PO(self) -> FloatArray:
        """The observables with infinitely many shots."""
        values = [basis.values(basis.probabilities_PS) for basis in self.bases]
        summed_PO: FloatArray = np.sum(values, axis=0)
        return summed_PO

    def take(self, points: slice) -> Place:
        """Return the place at some of the points."""
        return Place(
            bases=tuple(
                replace(basis, probabilities_PS=basis.probabilities_PS[points])
                for basis in self.bases
            )
        )

    @property
    def n_outcomes(self) -> int:
        """Number of bit strings of all bases together."""
        return sum(basis.probabilities_PS.shape[1] for basis in self.bases)


def require_exact(router: RouterCircuit, options: RuntimeOptions) -> None:
    """Raise InputError if the exact outcomes of a router are out of reach under these options."""
    if router.n_qubits > MAX_EXACT_QUBITS:
        raise InputError(
            f"the router takes {router.n_qubits} qubits: shots are planned from exact noisy "
            f"outcomes, of at most {MAX_EXACT_QUBITS} qubits; omit --tolerance"
        )
    if options.twirls_or_folds:
        raise InputError(
            f"shots cannot be planned under {options.mitigation}: use --resilience 0 or 1, without "
            "gate twirling, or omit --tolerance"
        )


def place_at(
    router: RouterCircuit,
    placed: DeviceCircuit,
    profile: NoiseProfile,
    options: RuntimeOptions,
    *,
    inputs_PF: FloatArray,
    weights_W: FloatArray,
) -> Place:
    """Evaluate a router under a device's noise, exactly.

    Args:
        router: The router.
        placed: The router on qubits of the device.
        profile: The calibration of the device, as it is simulated.
        options: They say whether the readout is twirled, and corrected.
        inputs_PF: Inputs in radians.
        weights_W: Weights in radians.
    """
    active = options.active
    corrected = "TREX" in active
    bases, n_outcomes = [], 2**router.n_qubits
    circuits = under_noise(router, profile, placed, noise_factors=[1])
    for noisy in circuits:
        circuit = noisy
        if corrected or "measurement twirling" in active:
            circuit = replace(noisy, assignment=tuple(map(_symmetric, noisy.assignment)))
        compiled = exact_router(
            circuit, np.eye(n_outcomes), np.random.default_rng(0), backend_name=profile.device
        )
        found_PS = np.maximum(compiled.expectations(inputs_PF, weights_W).values, 0.0)
        signs_TS, coefficients_OT = _terms(noisy.router.observables, router.n_qubits)
        bases.append(
            MeasuredBasis(
                probabilities_PS=found_PS / found_PS.sum(axis=1, keepdims=True),
                signs_TS=signs_TS,
                coefficients_OT=coefficients_OT,
                flips_S=_flips(circuit.assignment) if corrected else None,
            )
        )
    return Place(bases=tuple(bases))


def _symmetric(assignment: FloatArray) -> FloatArray:
    """Return the readout error that twirling makes of one: as probable for 0 as for 1."""
    flip = (assignment[1, 0] + assignment[0, 1]) / 2
    return np.array([[1 - flip, flip], [flip, 1 - flip]])


def _terms(observables: Sequence[SparsePauliOp], n_qubits: int) -> tuple[FloatArray, FloatArray]:
    """Return the Pauli terms of diagonal observables, (T, S), and their coefficients, (O, T)."""
    z_XN = np.concatenate([observable.paulis.z for observable in observables])
    terms_TN, term_X = np.unique(z_XN, axis=0, return_inverse=True)
    output_X = np.repeat(np.arange(len(observables)), [len(o) for o in observables])
    coefficients_OT = np.zeros((len(observables), len(terms_TN)))
    numbers_X = np.concatenate([observable.coeffs.real for observable in observables])
    np.add.at(coefficients_OT, (output_X, term_X.ravel()), numbers_X)
    bits_SN = np.arange(2**n_qubits)[:, None] >> np.arange(n_qubits) & 1
    signs_TS: FloatArray = 1.0 - 2.0 * (terms_TN.astype(int) @ bits_SN.T % 2)
    return signs_TS, coefficients_OT


def _flips(assignment: Sequence[FloatArray]) -> FloatArray:
    """Return the probability of every pattern of flipped qubits, qubit 0 the lowest bit, (S,)."""
    flips_S: FloatArray = np.ones(1)
    for matrix in assignment:
        flips_S = np.asarray(np.kron(matrix[:, 0], flips_S), dtype=np.float64)
    return flips_S
