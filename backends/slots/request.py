"""What a user asks for: how many slots, how far apart, how good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qmoe_qiskit.errors import InputError

AUTO = "auto"
DEFAULT_SPACING = 1


@dataclass(frozen=True, kw_only=True)
class SlotRequest:
    """The slots that a user asks for.

    Attributes:
        count: Number of slots; None for as many as pay, see `find_slots`.
        spacing: Smallest number of idle qubits on any path between two slots.
        max_error: Largest expected error of a slot; None for the rule of `find_slots`.
        average: Whether each sample runs in every slot, with its shots divided among them, rather
            than in one of them.
    """

    count: int | None = None
    spacing: int = DEFAULT_SPACING
    max_error: float | None = None
    average: bool = False

    @property
    def key_settings(self) -> dict[str, Any]:
        """The request as JSON values, for the key of a work."""
        settings = {"count": self.count, "spacing": self.spacing, "max_error": self.max_error}
        return {**settings, "average": True} if self.average else settings

    @property
    def argument(self) -> str | int:
        """The number of slots as an argument of `open_backend`."""
        return AUTO if self.count is None else self.count

    def shots_per_slot(self, shots: int, n_slots: int) -> int:
        """Return the shots of one execution, from those that a sample gets at least."""
        return -(-shots // n_slots) if self.average else shots


def slot_request(
    slots: str | int | None, spacing: int | None = None, max_error: float | None = None
) -> SlotRequest | None:
    """Return the slots that arguments of `open_backend` ask for; None without slots.

    Raises:
        InputError: If a value is not accepted, or spacing or max_error is given without slots.

    >>> slot_request("auto")
    SlotRequest(count=None, spacing=1, max_error=None, average=False)
    """
    if slots is None:
        for name, value in (("spacing", spacing), ("max_error", max_error)):
            if value is not None:
                raise InputError(f"{name} {value} is for packed execution: give slots as well")
        return None
    count = None if slots == AUTO else slots
    if count is not None and (not _is_whole(count) or int(count) < 1):
        raise InputError(f"slots must be 'auto' or a number of at least 1, got {slots!r}")
    if spacing is not None and (not _is_whole(spacing) or int(spacing) < 0):
        raise InputError(
            f"spacing must be a number of idle qubits between slots, 0 or more, got {spacing!r}"
        )
    if max_error is not None and not 0 < max_error <= 1:
        raise InputError(
            f"max_error must be a probability above 0 and up to 1, such as 0.1, got {max_error!r}"
        )
    return SlotRequest(
        count=None if count is None else int(count),
        spacing=DEFAULT_SPACING if spacing is None else int(spacing),
        max_error=None if max_error is None else float(max_error),
    )


def _is_whole(value: object) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool)
