"""The profiles that come with the package, by name."""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from qmoe_qiskit.errors import ProfileError, unknown_name
from qmoe_qiskit.noise_profiles.profile import NoiseProfile

SUFFIX = ".json"


def list_profiles() -> tuple[str, ...]:
    """Return the names of the bundled profiles, sorted; opens none of them.

    >>> list_profiles()[:3]
    ('ibm_aachen', 'ibm_berlin', 'ibm_boston')
    """
    names = (entry.name for entry in _folder().iterdir())
    return tuple(sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX)))


def load_profile(name_or_path: str | Path) -> NoiseProfile:
    """Return a noise profile.

    Args:
        name_or_path: A name of `list_profiles()`, or the path of a .json file.

    Raises:
        ProfileError: If no profile has that name, or the file cannot be used.

    >>> load_profile("ibmq_manila").couplings[:2]
    ((0, 1), (1, 0))
    """
    if isinstance(name_or_path, Path) or name_or_path.endswith(SUFFIX):
        return NoiseProfile.load(name_or_path)
    names = list_profiles()
    if name_or_path not in names:
        raise ProfileError(
            f"{unknown_name('noise profile', name_or_path, names)}; or name a {SUFFIX} file"
        )
    return _bundled(name_or_path)


@cache
def _bundled(name: str) -> NoiseProfile:
    data = _folder().joinpath(name + SUFFIX).read_bytes()
    return NoiseProfile.loads(data, name=f"bundled noise profile {name!r}")


def _folder() -> Traversable:
    return files("qmoe_qiskit.noise_profiles")
