"""What federated training refuses before anything starts."""

import math
from collections.abc import Sequence
from numbers import Real

from qmoe_qiskit.data.dataset import Dataset
from qmoe_qiskit.errors import InputError, require_positive, unknown_name

METHODS = ("fedavg", "fedprox:MU")


def proximal_factor(method: str) -> float:
    """Return the factor of the proximal term that a method has, 0 for none.

    Raises:
        InputError: If there is no such method.
    """
    name, colon, text = str(method).partition(":")
    if (name, colon) == ("fedavg", ""):
        return 0.0
    if (name, colon) != ("fedprox", ":"):
        raise unknown_name("method", method, METHODS)
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not (math.isfinite(factor) and factor > 0):
        raise InputError(f"MU of method fedprox:MU must be a positive number, got {text!r}")
    return factor


def check_numbers(
    n_clients: int,
    *,
    rounds: int,
    epochs: int,
    drop: float,
    test_fraction: float,
    timeout_s: float,
) -> None:
    """Refuse numbers that are out of range; InputError names the first one."""
    if not n_clients:
        raise InputError("federated training needs at least one client, got none")
    require_positive("rounds", rounds, at_most=100_000)
    require_positive("epochs", epochs, at_most=100_000)
    for name, share in {"drop": drop, "test_fraction": test_fraction}.items():
        if not (_is_number(share) and 0 <= share < 1):
            raise InputError(f"{name} must be at least 0 and below 1, got {share!r}")
    if not (_is_number(timeout_s) and timeout_s > 0):
        raise InputError(f"timeout_s must be a positive number of seconds, got {timeout_s!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def check_columns(parts: Sequence[Dataset]) -> None:
    """Refuse rows whose columns are not those of the first client; InputError names them."""
    first = parts[0].feature_names
    for index, part in enumerate(parts):
        if part.feature_names != first:
            raise InputError(
                f"the rows of client {index + 1} have the features {list(part.feature_names)}, "
                f"those of the first one {list(first)}: all need the same columns"
            )
