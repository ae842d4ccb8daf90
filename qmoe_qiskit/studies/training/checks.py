"""Checks of settings that studies of trainings have in common."""

from __future__ import annotations

from qmoe_qiskit.errors import InputError, unknown_name
from qmoe_qiskit.studies.training.train_task import SCALINGS


def check_different(name: str, values: tuple[object, ...]) -> None:
    """Refuse the same value twice.

    Raises:
        InputError: If there is one.
    """
    if len(set(values)) < len(values):
        raise InputError(f"{name} has a value twice: {', '.join(map(str, values))}")


def check_common(scalings: tuple[str, ...], *, threshold: float, margin: float) -> None:
    """Check settings that studies of trainings have in common.

    Raises:
        InputError: If one is not accepted.
    """
    if not scalings:
        raise InputError("scalings: the study needs one at least, such as 'paper'")
    for scaling in scalings:
        if scaling not in SCALINGS:
            raise unknown_name("scaling", scaling, SCALINGS)
    if not 0 < threshold <= 1:
        raise InputError(f"threshold is an accuracy above 0 and at most 1, got {threshold!r}")
    if not 0 <= margin < 1:
        raise InputError(f"margin is a difference in accuracy from 0 to 1, got {margin!r}")
