"""Public names of a package that are loaded when they are first used.

A help text may then import a light module of a package, a table of names for one, without loading
what the package needs for its work.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import ModuleType


def load_lazily(
    package: str, names_by_module: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the functions `__getattr__` and `__dir__` of a package.

    Args:
        package: Name of the package.
        names_by_module: The public names that each module defines; ".x" is the package's own x.
    """
    home = {name: module for module, names in names_by_module.items() for name in names}

    def __getattr__(name: str) -> object:  # noqa: N807 - this becomes the package's own
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(home[name], package), name)
        setattr(sys.modules[package], name, value)
        return value

    def __dir__() -> list[str]:  # noqa: N807
        return sorted({*filter(is_offered, vars(sys.modules[package])), *home})

    def is_offered(name: str) -> bool:
        """Leave out what a package imports for itself: completion offers what users import."""
        value = vars(sys.modules[package])[name]
        return name.startswith("__") or isinstance(value, ModuleType)

    return __getattr__, __dir__
