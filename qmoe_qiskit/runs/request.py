"""What a training is asked to do: all settings and where the data come from."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.data import Dataset, Split, list_datasets, load_dataset, split_dataset
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.train import QMoEClassifier

# The generated data sets are the paper's, with its seed: `seed` of a request decides on split and
# training, so that seeds are compared on the same points.
DATA_SEED = 42

# The option of the command line that sets each field.
OPTIONS = {
    "data": "--data",
    "target": "--target",
    "n_samples": "--samples",
    "test_fraction": "--test-fraction",
    "router": "--router",
    "control": "--control",
    "n_experts": "--experts",
    "n_layers": "--layers",
    "n_qubits": "--qubits",
    "rotation": "--rotation",
    "reuploads": "--reuploads",
    "entanglement": "--entanglement",
    "readout": "--readout",
    "backend": "--backend",
    "shots": "--shots",
    "mitigation": "--mitigation",
    "device_qubits": "--device-qubits",
    "max_epochs": "--epochs",
    "batch_size": "--batch-size",
    "learning_rate": "--learning-rate",
    "balance_weight": "--balance",
    "early_stopping": "--early-stopping",
    "patience": "--patience",
    "seed": "--seed",
}
_ABOUT_DATA = {"data", "target", "n_samples", "test_fraction"}
_ABOUT_BACKEND = {"backend", "shots", "mitigation", "device_qubits"}


@dataclass(frozen=True, kw_only=True)
class TrainingRequest:
    """All that decides the result of a training.

    Attributes:
        data: A built-in name, or the path of a .csv or .npz file.
        target: See `load_dataset`.
        n_samples: See `load_dataset`.
        test_fraction: See `split_dataset`.
        control: Router of a second model that is trained on the same rows for comparison, or None.
        seed: Of split, initial weights and shuffling.

    The other attributes are those of `QMoEClassifier`.

    Raises:
        InputError: If the backend is no simulation.
    """

    data: str = "moons"
    target: str | None = None
    n_samples: int | None = None
    test_fraction: float = 0.25
    router: str = "quantum"
    control: str | None = None
    n_experts: int = 2
    n_layers: int = 3
    n_qubits: int | None = None
    rotation: str = "x"
    reuploads: int = 1
    entanglement: str = "strong"
    readout: str = "expectations"
    backend: str = "statevector"
    shots: int | None = None
    mitigation: str = "none"
    device_qubits: tuple[int, ...] | None = None
    max_epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 0.05
    balance_weight: float = 0.0
    early_stopping: bool = False
    patience: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        if self.backend.startswith("runtime:"):
            raise InputError(
                f"a training run takes a simulation, not {self.backend!r}: train ideally or under "
                "a device's calibration (such as noisy:ibm_fez) and give the run to qmoe submit; "
                "on a device itself train from Python, with "
                "QMoEClassifier(backend=open_backend(..., budget_s=...))"
            )

    @property
    def is_file(self) -> bool:
        """Whether the data come from a file of the user's."""
        return self.data not in list_datasets()

    def load(self) -> tuple[Dataset, Split]:
        """Load the data and hold the test rows out.

        Raises:
            InputError: If data or split cannot be had as asked.
        """
        dataset = load_dataset(
            self.data, target=self.target, n_samples=self.n_samples, seed=DATA_SEED
        )
        return dataset, split_dataset(dataset, test_fraction=self.test_fraction, seed=self.seed)

    def classifier(self, router: str, **options: Any) -> QMoEClassifier:  # noqa: ANN401
        """Return an unfitted classifier with the request's settings and the given router.

        A classical router has no circuit, and its classifier no backend.
        """
        from qmoe_qiskit.train import QMoEClassifier

        apart = {*_ABOUT_DATA, "router", "control", "seed"}
        if router != "quantum":
            apart |= _ABOUT_BACKEND
        settings = {name: value for name, value in asdict(self).items() if name not in apart}
        return QMoEClassifier(router, **settings, random_state=self.seed, **options)

    def command(self, out: Path) -> list[str]:
        """Return the command line that trains this, started in the current folder."""
        words = ["qmoe", "train"]
        for name, option in OPTIONS.items():
            value = getattr(self, name)
            if name == "data" and self.is_file:
                value = _path_below(value)
            if name == "backend":
                value = with_file(value, _path_below)
            if name == "device_qubits" and value is not None:
                value = ",".join(map(str, value))
            if name == "control" and value is None:
                value = "none"
            if value is True:
                words.append(option)
            elif value is not None and value is not False:
                words += [option, str(value)]
        return [*words, "--out", _path_below(out)]

    def relative_to(self, folder: Path) -> TrainingRequest:
        """Return the request as stored in a folder: a file's path starts there."""
        return self._with_files(lambda path: relative_path(path, folder))

    def resolved_from(self, folder: Path) -> TrainingRequest:
        """Undo `relative_to`: a file's path starts at the current folder again."""
        return self._with_files(lambda path: resolved_path(path, folder))

    def _with_files(self, change: Callable[[str], str]) -> TrainingRequest:
        return replace(
            self,
            data=change(self.data) if self.is_file else self.data,
            backend=with_file(self.backend, change),
        )


def with_file(backend: str, change: Callable[[str], str]) -> str:
    """Return a backend's specification with another path, if it is one of a noise profile's."""
    kind, _, rest = backend.partition(":")
    is_file = kind == "noisy" and rest.endswith(".json")
    return f"{kind}:{change(rest)}" if is_file else backend


def relative_path(path: str | Path, folder: Path) -> str:
    """Return the path from a folder to a file, with forward slashes.

    A stored path tells little of the machine then, and outlives a move of folder and file together.
    """
    # realpath: ".." leads to the real parent of a folder behind a symbolic link.
    return Path(os.path.relpath(os.path.realpath(path), os.path.realpath(folder))).as_posix()


def _path_below(path: str | Path) -> str:
    """Return the path from the current folder; of a path that leads elsewhere only its name."""
    relative = relative_path(path, Path.cwd())
    return Path(relative).name if relative.startswith("..") else relative


def resolved_path(path: str, folder: Path) -> str:
    """Return the path from the current folder to what `relative_path` found."""
    return os.path.relpath(os.path.join(os.path.realpath(folder), path))  # noqa: PTH118
