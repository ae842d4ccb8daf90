"""Timing parameters of a device, and the duration of a circuit on it."""

from dataclasses import dataclass
from typing import Any

from qiskit import QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.transpiler import Target

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.options import RuntimeOptions

USUAL_REP_DELAY_S = 250e-6
"""Default repetition delay of most devices, for a device that states none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DeviceTiming:
    """Timing parameters of a device.

    Attributes:
        name: The name of the device.
        target: The gates of the device and their durations.
        rep_delay_s: Default delay between two executions in seconds; None if the device states
            none.
        rep_delay_range_s: Shortest and longest delay in seconds that the device accepts; None if
            the delay cannot be set.
    """

    name: str
    target: Target
    rep_delay_s: float | None = None
    rep_delay_range_s: tuple[float, float] | None = None

    def rep_delay(self, options: RuntimeOptions) -> float:
        """Return the delay between two executions in seconds.

        Raises:
            InputError: If the device does not accept the delay that the options set.
        """
        asked = options.execution.rep_delay
        if asked is None:
            return USUAL_REP_DELAY_S if self.rep_delay_s is None else self.rep_delay_s
        if self.rep_delay_range_s is None:
            raise InputError(
                f"rep_delay {asked} s cannot be set on {self.name}: omit execution.rep_delay"
            )
        shortest, longest = self.rep_delay_range_s
        if not shortest <= asked <= longest:
            raise InputError(
                f"rep_delay {asked} s is not accepted by {self.name}: execution.rep_delay is in "
                f"seconds, from {shortest:g} to {longest:g}"
            )
        return float(asked)

    def duration_s(self, circuit: QuantumCircuit) -> float:
        """Return the duration of one execution in seconds: gates, delays, barriers and readout.

        It is the longest path through the ISA circuit, since instructions on different qubits run
        at the same time. Initialization is excluded: it belongs to the repetition delay.

        Raises:
            InputError: If the device states no duration for an instruction of the circuit.
        """
        if not circuit.data:
            return 0.0
        try:
            return float(circuit.estimate_duration(self.target, unit="s"))
        except QiskitError as error:
            raise InputError(
                f"the duration of the circuit cannot be estimated: {error.message}; name another "
                "device, or transpile the circuit to this one"
            ) from error


def device_timing(backend: Any, *, name: str | None = None) -> DeviceTiming:  # noqa: ANN401
    """Return the timing parameters of an `IBMBackend` or a fake; its own name is the default."""
    configuration = backend.configuration()  # its delays are in seconds
    span = getattr(configuration, "rep_delay_range", None)
    dynamic = getattr(configuration, "dynamic_reprate_enabled", False)
    return DeviceTiming(
        name=name or backend.name,
        target=backend.target,
        rep_delay_s=getattr(configuration, "default_rep_delay", None),
        rep_delay_range_s=(span[0], span[1]) if dynamic and span else None,
    )
