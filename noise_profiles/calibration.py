"""What a profile consists of: calibrations of qubits and gates, and repairs of values."""

from dataclasses import dataclass
from typing import Literal

RepairAction = Literal["dropped", "changed", "missing", "assumed"]


# IBM reports these for every Heron, and offers them on request: with `use_fractional_gates`.
FRACTIONAL_GATES = ("rx", "rzz")


@dataclass(frozen=True, kw_only=True, slots=True)
class QubitCalibration:
    """Measured properties of one qubit. None means not reported.

    Without T1 the qubit does not relax, without T2 it has 2 T1, and without readout errors every
    outcome is right.

    Attributes:
        qubit: Number within the profile, from 0.
        t1: Relaxation time T1 in s.
        t2: Coherence time T2 in s, at most 2 T1.
        frequency: Transition frequency in Hz.
        p_meas1_prep0: Probability of reading 1 after preparing 0.
        p_meas0_prep1: Probability of reading 0 after preparing 1.
        readout_length: Duration of a measurement in s.
        operational: False if the qubit cannot be used; it then has no gates.
    """

    qubit: int
    t1: float | None
    t2: float | None
    frequency: float | None = None
    p_meas1_prep0: float | None
    p_meas0_prep1: float | None
    readout_length: float | None
    operational: bool = True

    @property
    def readout_error(self) -> float | None:
        """Probability of a wrong outcome, averaged over both preparations."""
        if self.p_meas1_prep0 is None or self.p_meas0_prep1 is None:
            return None
        return (self.p_meas1_prep0 + self.p_meas0_prep1) / 2


@dataclass(frozen=True, kw_only=True, slots=True)
class GateCalibration:
    """Measured properties of a gate, or of a reset, on given qubits. None means not reported.

    Attributes:
        name: Name of the instruction in Qiskit, such as "cz".
        qubits: The qubits it acts on, in order.
        error: Average gate infidelity, the part from relaxation included; in [0, 1].
        duration: Duration in s.
        copied: Whether `error` repeats the error of another gate and was not measured by itself: on
            Heron, the error of `rx` is that of `sx`.
    """

    name: str
    qubits: tuple[int, ...]
    error: float | None
    duration: float | None
    copied: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Repair:
    """A value of the source that could not be kept as it was.

    Attributes:
        action: "dropped" if the value or gate was left out, "changed" if another value replaces it,
            "missing" if the source has none, "assumed" if it was derived.
        item: What it concerns: "T1", "T2", "readout", "qubit" or the name of an instruction.
        qubits: The qubits that it concerns; empty for the whole device.
        found: Value in the source, or None if it has none.
        reason: The reason, in words.
    """

    action: RepairAction
    item: str
    qubits: tuple[int, ...]
    found: float | None
    reason: str
