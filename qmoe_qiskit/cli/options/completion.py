"""Values that a shell completes, from the registries: names of data, routers, backends, devices."""

import re
from collections.abc import Iterable
from pathlib import Path

_EXAMPLES = {"H": "16", "N": "16"}  # of numbers in names, as in mlp:H


def data(incomplete: str) -> list[str]:
    """Complete the name of a data set, or the path of a file with a table."""
    from qmoe_qiskit.data import list_datasets

    return [*_begin(list_datasets(), incomplete), *_files(incomplete, "csv tsv gz parquet npz")]


def router(incomplete: str) -> list[str]:
    """Complete the name of a router, or the path of a circuit."""
    return [*_begin(_router_names(), incomplete), *_files(incomplete, "qpy")]


def control(incomplete: str) -> list[str]:
    """Complete the name of a control."""
    return [*_begin(["none"], incomplete), *router(incomplete)]


def routers(incomplete: str) -> list[str]:
    """Complete the last name of a list of routers."""
    before, comma, last = incomplete.rpartition(",")
    taken = before.split(",")
    names = [name for name in _router_names() if name not in taken]
    return [f"{before}{comma}{name}" for name in _begin(names, last)]


def backend(incomplete: str) -> list[str]:
    """Complete the specification of a simulator."""
    from qmoe_qiskit.backends.noisy.registry import NOISES

    noises = [f"noisy:{kind.name}:" if kind.arguments else f"noisy:{kind.name}" for kind in NOISES]
    devices = [f"noisy:{name}" for name in _devices()]
    files = []
    if incomplete.startswith("noisy:"):
        path = incomplete.removeprefix("noisy:")
        files = [f"noisy:{name}" for name in _files(path, "json")]
    return [*_begin(["statevector", *devices, *noises], incomplete), *files]


def device(incomplete: str) -> list[str]:
    """Complete the name of a noise profile, or the path of one."""
    return [*_begin(_devices(), incomplete), *_files(incomplete, "json")]


def study(incomplete: str) -> list[str]:
    """Complete the name of a study."""
    from qmoe_qiskit.studies.registry import STUDIES

    return _begin(STUDIES, incomplete)


def _router_names() -> list[str]:
    from qmoe_qiskit.moe.routers.registry import ROUTERS

    return [re.sub(r":(\w)$", lambda m: f":{_EXAMPLES[m[1]]}", name) for name in ROUTERS.names]


def _devices() -> tuple[str, ...]:
    from qmoe_qiskit.noise_profiles import list_profiles

    return list_profiles()


def _begin(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _files(incomplete: str, endings: str) -> list[str]:
    """Return the files with some endings, and the folders, that a path may go on to."""
    at = Path(incomplete or ".")
    parent = at if not incomplete or incomplete.endswith("/") else at.parent
    before = incomplete[: incomplete.rfind("/") + 1]
    found = []
    try:
        for path in sorted(parent.iterdir()):
            name = f"{before}{path.name}"
            if path.name.startswith(".") or not name.startswith(incomplete):
                continue
            if path.is_dir():
                found.append(f"{name}/")
            elif path.suffix.lower().removeprefix(".") in endings.split():
                found.append(name)
    except OSError:
        return []
    return found
