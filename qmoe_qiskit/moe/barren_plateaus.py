"""How much the gradients of a circuit vary: whether there is anything to follow in training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from qiskit.quantum_info import SparsePauliOp

from qmoe_qiskit import limits
from qmoe_qiskit.backends.statevector import MAX_BATCHED_QUBITS
from qmoe_qiskit.circuits import CIRCUITS, CircuitSettings, RouterCircuit, build_circuit
from qmoe_qiskit.circuits.amplitude import amplitude_angles
from qmoe_qiskit.errors import InputError, require_positive, unknown_name
from qmoe_qiskit.moe.routers.initialization import INITIALIZATIONS, initial_weights
from qmoe_qiskit.simulation import StatevectorProgram

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qmoe_qiskit.typing import FloatArray

OBSERVABLES = ("global", "local")
# Angles per call of the engine: a batch has at most this many numbers.
_MAX_NUMBERS = 2_000_000


@dataclass(frozen=True, kw_only=True)
class GradientVariance:
    """The variance of derivatives of one circuit over draws of its weights and inputs.

    Attributes:
        n_qubits: Number of qubits.
        n_layers: Number of layers.
        n_draws: Number of draws.
        variances_W: The variance of the derivative by each weight, over the draws.
    """

    n_qubits: int
    n_layers: int
    n_draws: int
    variances_W: FloatArray

    @property
    def mean(self) -> float:
        """The mean over the weights."""
        return float(self.variances_W.mean())

    @property
    def largest(self) -> float:
        """The variance of the weight whose derivative varies most."""
        return float(self.variances_W.max())


def gradient_variance(
    circuit: str,
    n_qubits: int,
    n_layers: int,
    n_draws: int = 200,
    seed: int = 0,
    *,
    observable: str = "local",
    initialization: str = "uniform",
    input_scaling: bool = False,
) -> GradientVariance:
    """Estimate how the derivatives of a circuit's output vary, as in McClean et al. (2018).

    Where the variance falls like 2^-n with the number of qubits, the circuit has a barren plateau:
    an optimizer that starts there sees no slope. Cerezo et al. (2021) show that an observable on
    one qubit keeps its gradients in shallow circuits, where one on all qubits loses them.

    Args:
        circuit: Name of a family of circuits, see `qmoe_qiskit.circuits.CIRCUITS`.
        n_qubits: Number of qubits.
        n_layers: Number of layers.
        n_draws: Number of draws of weights, by the initialization, and of inputs: uniform in
            [0, pi], or of amplitudes normal.
        seed: Seed of the draws.
        observable: "local" (Z on qubit 0) or "global" (Z on all qubits).
        initialization: Name of an entry of `INITIALIZATIONS`.
        input_scaling: Whether the circuit multiplies its inputs by weights.

    Raises:
        InputError: If a name is unknown, there are fewer than 2 draws, the seed is not accepted, or
            the circuit is too large.

    >>> found = gradient_variance("angle", 2, 1, n_draws=50)
    >>> found.variances_W.shape, found.mean <= found.largest
    ((6,), True)
    """
    family, entry = CIRCUITS.get(circuit), INITIALIZATIONS.get(initialization)
    n = require_positive("n_qubits", n_qubits)
    if n > MAX_BATCHED_QUBITS:
        raise InputError(
            f"n_qubits is {n}: gradients are evaluated for at most {MAX_BATCHED_QUBITS} qubits"
        )
    if require_positive("n_draws", n_draws, at_most=limits.SAMPLES) < 2:
        raise InputError("n_draws is 1: a variance takes at least 2")
    whole: object = seed  # whatever the user gives
    if isinstance(whole, bool) or not isinstance(whole, int | np.integer) or whole < 0:
        raise InputError(f"seed must be a whole number of at least 0, got {seed!r}")
    if observable not in OBSERVABLES:
        raise unknown_name("observable", observable, OBSERVABLES)
    settings = CircuitSettings(
        n_inputs=2**n if family.embeds_amplitudes else n,
        n_layers=n_layers,
        input_scaling=input_scaling,
        mirrored=entry.mirrored,
    )
    letters = "I" * (n - 1) + "Z" if observable == "local" else "Z" * n
    router = build_circuit(circuit, settings).with_observables(SparsePauliOp(letters))
    rng = np.random.default_rng(seed)
    if family.embeds_amplitudes:
        inputs_BF = amplitude_angles(rng.normal(size=(n_draws, 2**n)))
    else:
        inputs_BF = rng.uniform(0, np.pi, (n_draws, n))
    generator = torch.Generator().manual_seed(int(seed))
    draws = [initial_weights(router, initialization, generator) for _ in range(n_draws)]
    slopes_BW = _slopes(router, inputs_BF, torch.stack(draws).double().numpy())
    return GradientVariance(
        n_qubits=n,
        n_layers=n_layers,
        n_draws=n_draws,
        variances_W=slopes_BW.var(axis=0, ddof=1),
    )


def _slopes(router: RouterCircuit, inputs_BF: FloatArray, weights_BW: FloatArray) -> FloatArray:
    """Return the derivatives of the output by the weights, (B, W), each row with its weights."""
    # The engine has one set of weights per batch: here they are inputs too, one set per row.
    free = RouterCircuit(
        circuit=router.circuit,
        inputs=[*router.inputs, *router.weights],
        weights=[],
        observables=router.observables,
    )
    program = StatevectorProgram(free)
    both_BP = np.concatenate([inputs_BF, weights_BW], axis=1)
    parts = []
    for part_BP in np.array_split(both_BP, -(-both_BP.size // _MAX_NUMBERS)):
        _, tape = program.vjp(part_BP, np.zeros(0))
        by_inputs_BP, _ = program.pullback(tape, np.ones((len(part_BP), 1)))
        assert by_inputs_BP is not None
        parts.append(by_inputs_BP[:, router.n_inputs :])
    slopes_BW: FloatArray = np.concatenate(parts)
    return slopes_BW


def decay_per_qubit(n_qubits: Sequence[int], variances: Sequence[float]) -> float | None:
    """Return the slope of log2 of variances in the number of qubits; -1 for 2^-n.

    None if there are fewer than two numbers of qubits, or a variance is 0.

    >>> decay_per_qubit([2, 4], [0.25, 0.0625])
    -1.0
    """
    if len(set(n_qubits)) < 2 or not all(variance > 0 for variance in variances):
        return None
    slope, _ = np.polyfit(n_qubits, np.log2(variances), 1)
    return round(float(slope), 12)
