"""Kernels of circuits and classical ones: their fit to labels, and machines tuned on them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics.pairwise import rbf_kernel as rbf
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.svm import SVC

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.simulation import ExactProgram
from qmoe_qiskit.simulation.lowering import lower
from qmoe_qiskit.simulation.readout import DensityReadout
from qmoe_qiskit.simulation.representation import DENSITY
from qmoe_qiskit.typing import FloatArray

# Eigenvalues below this share of the largest count as zero; rounding errors are 1e-16 to 1e-14.
TOLERANCE = 1e-10


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """A kernel with a parameter to tune.

    Attributes:
        name: Stable name.
        parameters: Values to choose from; a single value if the kernel is not tuned.
        features: Takes a parameter and points (B, F) to features whose products are the kernel, or
            to the points themselves if the kernel has its own `product`.
        product: Takes a parameter and the features of two sets of points to their kernel values.
    """

    name: str
    parameters: tuple[float, ...]
    features: Callable[[float, FloatArray], FloatArray] = lambda _, points_BF: points_BF
    product: Callable[[float, FloatArray, FloatArray], FloatArray] = lambda _, a, b: a @ b.T

    def gram(self, parameter: float, rows_BF: FloatArray, columns_CF: FloatArray) -> FloatArray:
        """Return the kernel of every row with every column, (B, C)."""
        return self.product(
            parameter, self.features(parameter, rows_BF), self.features(parameter, columns_CF)
        )


def circuit_kernel(
    name: str, circuit: RouterCircuit, weights_W: FloatArray, bandwidths: tuple[float, ...] = (1.0,)
) -> Kernel:
    """Return the fidelity kernel |<phi(x)|phi(y)>|^2 of a circuit, exactly.

    Gates after the last upload cancel: with a single upload of RX rotations the kernel is the
    product over the features of cos^2((x - y) / 2), whatever the weights.

    Args:
        name: Name of the kernel.
        circuit: Circuit that prepares phi(x) from |0>.
        weights_W: Weights of the circuit, in rad.
        bandwidths: Factors on x to choose from.
    """
    return Kernel(
        name=name,
        parameters=bandwidths,
        features=lambda bandwidth, x: pauli_features(circuit, bandwidth * x, weights_W),
    )


def rbf_kernel(gammas: tuple[float, ...]) -> Kernel:
    """Return the kernel exp(-gamma |x - y|^2)."""
    return Kernel(name="rbf", parameters=gammas, product=lambda g, a, b: np.asarray(rbf(a, b, g)))


def linear_kernel() -> Kernel:
    """Return the kernel x . y."""
    return Kernel(name="linear", parameters=(1.0,))


def pauli_features(
    circuit: RouterCircuit, inputs_BF: FloatArray, weights_W: FloatArray
) -> FloatArray:
    """Return tr(P rho(x)) / 2^(n/2) for every string P of n Pauli matrices, (B, 4^n).

    rho(x) is the state that the circuit prepares. Products of these vectors are tr(rho(x) rho(y)):
    for pure states the squared overlap.
    """
    gates, table = lower(circuit)
    n = circuit.n_qubits
    readout = DensityReadout(functionals_OD=np.eye(4**n) / 2 ** (n / 2))
    program = ExactProgram(gates, table, n, representation=DENSITY, readout=readout)
    return np.asarray(program.expectations(inputs_BF, weights_W))


def centred_alignment(gram_NN: FloatArray, labels_N: NDArray[Any]) -> float:
    """Return the cosine between the centred Gram matrices of points and labels, from -1 to 1.

    The Gram matrix of the labels is 1 for two rows of the same class, else 0. For two classes its
    centred form equals that of labels +1 and -1 up to a factor (Cortes, Mohri & Rostamizadeh, JMLR
    13, 795, 2012).
    """
    same_NN = (labels_N[:, None] == labels_N[None, :]).astype(np.float64)
    one_NN, other_NN = _centred(gram_NN), _centred(same_NN)
    norms = float(np.linalg.norm(one_NN) * np.linalg.norm(other_NN))
    return float(np.sum(one_NN * other_NN)) / norms if norms > 0 else 0.0


def eigenvalues(gram_NN: FloatArray) -> FloatArray:
    """Return the eigenvalues of a Gram matrix as shares of their sum, largest first, (N,)."""
    values_N = np.linalg.eigvalsh(gram_NN)[::-1].astype(np.float64)
    return np.asarray(values_N / values_N.sum())


def gram_rank(eigenvalues_N: FloatArray) -> int:
    """Return the number of eigenvalues above `TOLERANCE` times the largest.

    >>> gram_rank(np.array([0.75, 0.25, 1e-12]))
    2
    """
    return int(np.sum(eigenvalues_N > TOLERANCE * eigenvalues_N.max()))


def participation(eigenvalues_N: FloatArray) -> float:
    """Return the number of eigenvalues that matter, (sum)^2 / (sum of squares).

    >>> participation(np.array([0.5, 0.5, 0.0]))
    2.0
    """
    return float(eigenvalues_N.sum() ** 2 / np.sum(eigenvalues_N**2))


def _centred(gram_NN: FloatArray) -> FloatArray:
    by_row_N1 = gram_NN.mean(axis=1, keepdims=True)
    centred_NN: FloatArray = gram_NN - by_row_N1 - gram_NN.mean(axis=0) + gram_NN.mean()
    return centred_NN


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """A support vector machine after tuning, with its accuracies.

    Attributes:
        accuracy: Accuracy on held-out rows.
        validation: Mean accuracy in cross-validation on the training rows.
        parameter: Parameter of the kernel, chosen by `validation`.
        cost: Cost of errors (C), chosen by `validation`.
    """

    accuracy: float
    validation: float
    parameter: float
    cost: float


@dataclass(frozen=True, kw_only=True, eq=False)
class SplitPoints:
    """Points and labels of N training rows and M held-out rows."""

    train_NF: FloatArray
    labels_N: NDArray[Any]
    test_MF: FloatArray
    test_labels_M: NDArray[Any]


def tuned_machine(
    kernel: Kernel, points: SplitPoints, *, costs: tuple[float, ...], folds: int, seed: int
) -> Tuned:
    """Choose parameter and cost by cross-validation on the training rows, then train and measure.

    Among equally good pairs the first one wins: the earlier parameter, then the earlier cost.

    Args:
        kernel: The kernel, with the parameters to choose from.
        points: Training rows, which decide the choice, and held-out rows, which do not.
        costs: Costs of errors to choose from.
        folds: Number of folds of the stratified cross-validation.
        seed: Seed of the shuffle that makes the folds.
    """
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    searches = {
        parameter: GridSearchCV(SVC(kernel="precomputed"), {"C": list(costs)}, cv=splitter).fit(
            kernel.gram(parameter, points.train_NF, points.train_NF), points.labels_N
        )
        for parameter in kernel.parameters
    }
    parameter = max(searches, key=lambda value: float(searches[value].best_score_))
    best = searches[parameter]
    held_out_MN = kernel.gram(parameter, points.test_MF, points.train_NF)
    return Tuned(
        accuracy=float(best.score(held_out_MN, points.test_labels_M)),
        validation=float(best.best_score_),
        parameter=parameter,
        cost=best.best_params_["C"],
    )
