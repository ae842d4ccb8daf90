"""River, which is an extra."""

from importlib import import_module
from types import ModuleType

from qmoe_qiskit.errors import InputError


def river(module: str) -> ModuleType:
    """Return a module of River.

    Raises:
        InputError: If the extra "adaptive" is not installed.
    """
    try:
        return import_module(f"river.{module}")
    except ModuleNotFoundError as error:
        raise InputError(
            'this needs River: install the extra "adaptive", pip install "qmoe-qiskit[adaptive]"'
        ) from error
