"""What the time of an execution on a device depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from qiskit.transpiler import Target

    from qmoe_qiskit.hardware.options import RuntimeOptions

USUAL_REP_DELAY_S = 250e-6
"""The default of most devices, for one that does not state its own."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Machine:
    """What the time on a device depends on.

    Attributes:
        name: The device.
        target: Its gates and their durations.
        plan: The plan that it is used under, None if it is not known.
        rep_delay_s: Default delay between two executions in seconds, None if it states none.
        rep_delay_range_s: The delays that it accepts, None if the delay cannot be set.
    """

    name: str
    target: Target
    plan: str | None = None
    rep_delay_s: float | None = None
    rep_delay_range_s: tuple[float, float] | None = None

    def rep_delay(self, options: RuntimeOptions) -> float:
        """Return the delay between two executions in seconds.

        Raises:
            InputError: If the options set one that the device does not accept.
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


def machine_of(backend: Any, *, name: str | None = None, plan: str | None = None) -> Machine:  # noqa: ANN401
    """Return the machine behind a backend of IBM's service, or behind one of its fakes.

    Args:
        backend: An `IBMBackend`, or a fake.
        name: The device, where it is not the backend's own name.
        plan: The plan of the instance.
    """
    configuration = backend.configuration()  # which gives delays in seconds
    span = getattr(configuration, "rep_delay_range", None)
    dynamic = getattr(configuration, "dynamic_reprate_enabled", False)
    return Machine(
        name=name or backend.name,
        target=backend.target,
        plan=plan,
        rep_delay_s=getattr(configuration, "default_rep_delay", None),
        rep_delay_range_s=(span[0], span[1]) if dynamic and span else None,
    )
