"""The packages of the extra `private`."""

from importlib.util import find_spec

from qmoe_qiskit.errors import InputError

_PACKAGES = {"opacus": "opacus", "dp_accounting": "dp-accounting"}


def require_extra() -> None:
    """Refuse a private training without the packages that it takes.

    Raises:
        InputError: If one is missing; the message names the extra.
    """
    for module, package in _PACKAGES.items():
        if find_spec(module) is None:
            raise InputError(
                f"a private training needs the package {package}, which is not installed: "
                "pip install 'qmoe-qiskit[private]'"
            )
