"""What a backend is: the two protocols that all callers use."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from qiskit import QuantumCircuit

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.typing import FloatArray

# A NumPy array or a torch tensor; results are of the same library.
ArrayLike = Any
# Takes the gradient of the values, (B, O), to those of inputs, (B, F) or None, and weights, (W,).
Pullback = Callable[..., tuple[ArrayLike | None, ArrayLike]]


@dataclass(frozen=True, kw_only=True)
class Expectations:
    """Values of every observable for every sample.

    Attributes:
        values: Shape (B, O).
        std_errors: Standard errors, shape (B, O); zero where the evaluation is exact.
        shots: Shots per sample, or None where the evaluation is exact.
    """

    values: FloatArray
    std_errors: FloatArray
    shots: int | None = None

    def __repr__(self) -> str:
        how = "exact" if self.shots is None else f"{self.shots} shots"
        values, errors = map(_in_short, (self.values, self.std_errors))
        return f"Expectations({how}, values={values}, std_errors={errors})"


def _in_short(array: FloatArray) -> str:
    """Return an array on one line, with its shape if numbers are left out."""
    text = " ".join(np.array2string(array, precision=4, threshold=8, edgeitems=1).split())
    return text if array.size <= 8 else f"{text} of shape {array.shape}"


class CompiledRouter(Protocol):
    """A router circuit, ready to be evaluated on one backend.

    Shapes: inputs (B, F) and weights (W,), in radians; values (B, O).
    """

    @property
    def router(self) -> RouterCircuit:
        """The circuit that was compiled."""
        ...

    @property
    def isa_circuit(self) -> QuantumCircuit:
        """`device_circuit()`: what a pass manager of Qiskit would return for the router."""
        ...

    @property
    def expected_error(self) -> float | None:
        """1 - the product of (1 - error) over what happens; None without a device.

        The errors are those that are simulated: of gates, the larger of the calibrated error and
        that of relaxation meanwhile; of measurements; and of the relaxation of waiting qubits.
        """
        ...

    def device_circuit(self, *, measured: bool = False, scheduled: bool = False) -> QuantumCircuit:
        """Return the circuit in the device's gates, over the whole device, with its layout.

        It has the router's parameters, name and metadata; `observable.apply_layout(circuit.layout)`
        carries observables of the router over. Each call returns a new circuit: changing it changes
        nothing here. A change of basis for observables off the diagonal is not part of it. Without
        a device it is the router's circuit in standard gates, with the trivial layout.

        Args:
            measured: Whether it ends in measurements into the register `meas`, bit k of router
                qubit k.
            scheduled: Whether idle qubits have delays, those until the measurements included.
                Gates without a device take no time, so that there are none.

        Raises:
            InputError: If a schedule is asked for, and the durations of the gates are unknown.
        """
        ...

    @property
    def physical_qubits(self) -> tuple[int, ...]:
        """The device qubit that holds each of the router's qubits."""
        ...

    def expectations(self, inputs_BF: FloatArray, weights_W: FloatArray) -> Expectations:
        """Evaluate a batch.

        Raises:
            InputError: If a shape does not fit or a value is not finite.
        """
        ...

    def jacobian(
        self, inputs_BF: FloatArray, weights_W: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Differentiate a batch: by inputs, (B, O, F), and by weights, (B, O, W).

        Raises:
            InputError: If a shape does not fit or a value is not finite.
        """
        ...

    def vjp(self, inputs_BF: ArrayLike, weights_W: ArrayLike) -> tuple[ArrayLike, Pullback]:
        """Evaluate a batch, and return the function that carries a gradient back.

        The arrays are float64 NumPy arrays or torch tensors, and so are the results. The pullback
        is `pullback(gradient_BO, need_inputs=True, per_sample=False) -> (gradient_BF or None,
        gradient_W)`; with `per_sample` the gradient of the weights is not summed over the samples:
        (B, W). This is the inner loop of training: nothing is checked.
        """
        ...


@runtime_checkable
class InSlots(Protocol):
    """A compiled router that runs in several slots of a device at once."""

    def averaged(self) -> CompiledRouter:
        """Return the router that runs each sample in every slot: all values are means over slots.

        The shots of a sample are divided among the slots.
        """
        ...


class Backend(Protocol):
    """Where router circuits run."""

    @property
    def name(self) -> str:
        """The specification that opens this backend again, such as "statevector"."""
        ...

    def compile(self, router: RouterCircuit) -> CompiledRouter:
        """Transpile, lay out and check a circuit, once.

        Raises:
            InputError: If the backend cannot run the circuit.
        """
        ...


def check_router(router: Any) -> None:  # noqa: ANN401 - whatever the user gave
    """Raise InputError if what is to be compiled is not a `RouterCircuit`."""
    if isinstance(router, RouterCircuit):
        return
    if isinstance(router, QuantumCircuit):
        raise InputError(
            "compile takes a RouterCircuit, got a QuantumCircuit: make one with "
            "RouterCircuit.from_circuit(circuit, inputs=feature_map.parameters)"
        )
    if isinstance(getattr(router, "router", None), RouterCircuit):
        raise InputError(
            f"compile takes a RouterCircuit, got a {type(router).__name__}: use its attribute "
            "router"
        )
    raise InputError(
        f"compile takes a RouterCircuit, such as angle_router(2, 3), got {router!r:.60}"
    )


def check_batch(
    router: RouterCircuit, inputs_BF: FloatArray, weights_W: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return inputs and weights as float64 arrays of the right shapes.

    Raises:
        InputError: If a shape does not fit or a value is not finite.
    """
    x_BF = np.asarray(inputs_BF, dtype=np.float64)
    w_W = np.asarray(weights_W, dtype=np.float64)
    if x_BF.ndim != 2 or x_BF.shape[1] != router.n_inputs:
        raise InputError(f"inputs must have shape (B, {router.n_inputs}), got {x_BF.shape}")
    if w_W.shape != (router.n_weights,):
        raise InputError(f"weights must have shape ({router.n_weights},), got {w_W.shape}")
    for name, array in (("inputs", x_BF), ("weights", w_W)):
        if not np.isfinite(array).all():
            place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            raise InputError(f"{name}{list(place)} is {array[place]}: angles must be finite")
    return x_BF, w_W
