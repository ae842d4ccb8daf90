"""The manifest: what a run is, what it was made from, and the hash of each of its files."""

from __future__ import annotations

import dataclasses
import platform
from dataclasses import dataclass
from typing import Any, Literal

from qmoe_qiskit.io.checked_json import dump_checked, load_checked, parse_as, to_json
from qmoe_qiskit.io.versions import library_versions
from qmoe_qiskit.runs.provenance import Execution

Role = Literal["model", "control"]

KIND = "qmoe-run"
PACKAGES = (
    "numpy",
    "qiskit",
    "qiskit-aer",
    "qiskit-machine-learning",
    "qmoe-qiskit",
    "scikit-learn",
    "skorch",
    "torch",
)


@dataclass(frozen=True, kw_only=True)
class SplitRecord:
    """How the held-out rows were chosen: arguments of `split_dataset`."""

    test_fraction: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class DataRecord:
    """The data that a run was trained and tested on.

    Attributes:
        name: Built-in name, or the file's stem.
        source: Where the rows come from, for a reader.
        file: Path of the user's file, relative to the run folder; None for built-in data.
        target: Name of the labels' column.
        feature_names: Names of the F features.
        n_samples: Number of rows that was asked for, or None for all.
        seed: Decides which rows are generated or drawn.
        split: How the held-out rows were chosen.
        content_hash: Of the rows before the split, see `Dataset.content_hash`.
        n_train: Number of training rows.
        n_test: Number of held-out rows.
    """

    name: str
    source: str
    file: str | None
    target: str
    feature_names: tuple[str, ...]
    n_samples: int | None
    seed: int
    split: SplitRecord
    content_hash: str
    n_train: int
    n_test: int


@dataclass(frozen=True, kw_only=True)
class SettingsFacts:
    """Some of a model's settings, see `QMoEClassifier`."""

    router: str
    n_experts: int
    backend: str


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What a reader wants to know of a model's configuration, which holds more, see `ModelState`.

    Attributes:
        settings: Some of its settings.
        classes: The labels.
        explained_variance: Share of the features' variance that the router sees.
    """

    settings: SettingsFacts
    classes: list[Any]
    explained_variance: float


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a run folder's manifest.json says.

    Attributes:
        role: "model", or "control" for the model that a run compares its own with.
        created: When the run was complete; UTC, ISO 8601.
        versions: Of Python, of this package and of those that its results depend on.
        seed: Of initial weights, shuffling and split.
        command: Command line that trains this again.
        data: The data.
        router_inputs: Number of coordinates that the router sees; fewer than there are features
            where it sees their principal components.
        model: Configuration of the model, see `ModelState`, but for its history.
        execution: Where the circuit ran; None for a classical router, and in runs that were
            written before this was recorded.
        files: SHA-256, in hex, of every other file of the run by its name.
    """

    role: Role
    created: str
    versions: dict[str, str]
    seed: int
    command: list[str]
    data: DataRecord
    router_inputs: int
    model: dict[str, Any]
    files: dict[str, str]
    execution: Execution | None = None

    def to_json(self) -> bytes:
        """Return the manifest as a checked JSON document."""
        return dump_checked(KIND, dataclasses.asdict(self))

    @classmethod
    def from_json(cls, data: bytes, file: object) -> Manifest:
        """Read a manifest; `file` is its name for messages.

        Raises:
            RunError: If it is damaged, was changed, or is of a newer schema.
        """
        return load_checked(data, KIND, cls, file)

    def model_facts(self, file: object) -> ModelFacts:
        """Read the model's configuration as far as it is shown.

        Raises:
            RunError: If it is not what a model's configuration is.
        """
        return parse_as(to_json(self.model), ModelFacts, f"model in {file}")


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a result depends on."""
    return {"python": platform.python_version()} | library_versions(PACKAGES)
