"""Making reported numbers usable, with a record of every repair."""

import math

from qmoe_qiskit.noise_profiles.calibration import Repair, RepairAction


class RepairLog:
    """The record of repairs; its methods take a reported number to a usable one.

    Attributes:
        repairs: The repairs so far.
    """

    def __init__(self) -> None:
        self.repairs: list[Repair] = []

    def note(
        self,
        action: RepairAction,
        item: str,
        qubits: tuple[int, ...],
        found: float | None,
        reason: str,
    ) -> None:
        """Record a repair."""
        # JSON knows no NaN and no infinity.
        found = None if found is None or not math.isfinite(found) else float(found)
        self.repairs.append(
            Repair(action=action, item=item, qubits=qubits, found=found, reason=reason)
        )

    def time(self, item: str, qubit: int, value: float | None, instead: str) -> float | None:
        """Return T1 or T2 in s, or None, which is modelled as `instead` says."""
        if value is None:
            self.note("missing", item, (qubit,), None, f"modelled as {instead}")
        elif not is_positive(value):
            self.note("dropped", item, (qubit,), value, f"not a time: modelled as {instead}")
            return None
        return value

    def error(self, name: str, qubits: tuple[int, ...], value: float | None) -> float | None:
        """Return a gate's error; a reset has none."""
        if value is None:
            if name != "reset":
                self.note("missing", f"{name} error", qubits, None, "modelled as no gate error")
            return None
        return self.probability(f"{name} error", qubits, value)

    def probability(self, item: str, qubits: tuple[int, ...], value: float) -> float | None:
        """Return a probability."""
        if math.isnan(value):
            self.note("dropped", item, qubits, value, "not a number: modelled as none")
            return None
        if value < 0:
            self.note("changed", item, qubits, value, "below 0: 0")
            return 0.0
        if value > 1:
            self.note("changed", item, qubits, value, "above 1: 1")
            return 1.0
        return float(value)

    def duration(self, item: str, qubits: tuple[int, ...], value: float | None) -> float | None:
        """Return a duration in s; a reset needs none, because no router resets a qubit."""
        if value is None:
            if item != "reset":
                self.note("missing", f"{item} duration", qubits, None, "counted as 0")
            return None
        if 0 <= value < math.inf:
            return float(value)
        self.note("dropped", f"{item} duration", qubits, value, "not a time: counted as 0")
        return None


def is_positive(value: float | None) -> bool:
    """Whether there is a value, above 0 and finite."""
    return value is not None and 0 < value < math.inf
