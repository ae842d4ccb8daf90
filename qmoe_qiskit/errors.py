"""Every exception and warning that the project raises on purpose.

`QMoEError` is the base: the command line prints its message as one sentence and exits with code 2.
Anything else that escapes is a defect and keeps its traceback.
"""

import difflib
import reprlib
import sys
import warnings
from collections.abc import Iterable

from qmoe_qiskit import limits


class QMoEError(Exception):
    """Base of the errors that a user can act on; the message says what to do."""


class InputError(QMoEError, ValueError):
    """A value, name or setting that is not accepted."""


class UndefinedAngleError(InputError):
    """Inputs or weights at which an angle of the circuit has no finite value."""


class DivergenceError(InputError):
    """A training whose numbers are no longer finite."""


class DataError(InputError):
    """A data file or data set that cannot be used."""


class ProfileError(InputError):
    """A noise profile that is missing, damaged, of a newer schema, or physically impossible."""


class RunError(InputError):
    """A run or a model's file that is missing, damaged, of a newer schema, or exists already."""


class EngineMismatchError(QMoEError, RuntimeError):
    """The exact engine and Aer disagree on a circuit: a defect of ours, never the user's."""


class HardwareError(QMoEError, RuntimeError):
    """A quantum service, or its ledger, has refused or lost something."""


class LedgerError(HardwareError):
    """A ledger that is locked, damaged or of a newer schema."""


class BudgetError(HardwareError):
    """An estimate or a charge beyond the budget."""


class SurrogateError(QMoEError, RuntimeError):
    """A surrogate whose check failed: its values cannot be trusted.

    Attributes:
        surrogate: The surrogate as it was measured.
    """

    def __init__(self, message: str, surrogate: object = None) -> None:
        super().__init__(message)
        self.surrogate = surrogate


class SurrogateWarning(UserWarning):
    """A surrogate whose check failed, and whose values are used nevertheless."""


class StudyError(QMoEError, RuntimeError):
    """A study that cannot continue."""


class FederationError(QMoEError, RuntimeError):
    """A federated training that cannot continue."""


class DriftWarning(UserWarning):
    """A drift of a calibration that has drifted already."""


class ImplausibleValueWarning(UserWarning):
    """Values from a device that lie beyond what their observables can have."""


# How scikit-learn's warning of an array begins where the model knows the names of its columns.
NO_NAMES = "X does not have valid feature names"


class OutOfRangeWarning(UserWarning):
    """Some inputs are outside the range of the training data."""


def warn_user(message: str, category: type[Warning]) -> None:
    """Issue a warning that points at the user's own line, not into this package.

    Frames of scikit-learn and joblib, which call a model's methods, are left out as well.
    """
    level, frame = 1, sys._getframe()  # noqa: SLF001 - as warnings itself does
    while frame.f_back is not None and _is_of_library(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _is_of_library(module: str) -> bool:
    return module.partition(".")[0] in {"joblib", "qmoe_qiskit", "sklearn"}


def unknown_name(kind: str, value: object, known: Iterable[str]) -> InputError:
    """Return the error for a name that does not exist: it lists the names and suggests the nearest.

    Args:
        kind: What the name stands for, such as "dataset".
        value: The name as given.
        known: The accepted names.

    >>> print(unknown_name("router", "quantun", ["linear", "quantum"]))
    unknown router 'quantun': known are linear, quantum; did you mean 'quantum'?
    """
    names = sorted(known)
    near = difflib.get_close_matches(str(value), names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return InputError(f"unknown {kind} {value!r}: known are {', '.join(names)}{hint}")


def quoted(value: object) -> str:
    """Return a value as an error message shows it: never long, never failing."""
    try:
        return reprlib.repr(value)
    except ValueError:  # an integer of thousands of digits
        return "a very long number"


def require_positive(name: str, value: int, *, at_most: int = limits.COUNT) -> int:
    """Return `value` if it is a positive whole number, and not above a limit.

    Raises:
        InputError: If it is not; the message names the setting and quotes the value.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < 1:
        raise InputError(f"{name} must be a whole number of at least 1, got {value!r}")
    if value > at_most:
        raise InputError(f"{name} must be at most {at_most}, got {quoted(value)}")
    return int(value)
