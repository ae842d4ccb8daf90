"""Which versions of libraries are installed."""

from collections.abc import Iterable
from importlib.metadata import version


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each distribution, in the order of the names.

    Raises:
        PackageNotFoundError: If a distribution is not installed.
    """
    return {name: version(name) for name in names}
