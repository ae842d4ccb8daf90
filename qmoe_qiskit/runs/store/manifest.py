"""The manifest: facts about a run and its origin, and the hash of each of its files."""

import dataclasses
import platform
from dataclasses import dataclass, field
from typing import Any, Literal

from qmoe_qiskit.io.checked_json import dump_checked
from qmoe_qiskit.io.versions import library_versions
from qmoe_qiskit.runs.provenance import Execution

Role = Literal["model", "control"]

KIND = "qmoe-run"
PACKAGES = (
    "numpy", "qiskit", "qiskit-aer", "qiskit-machine-learning", "qmoe-qiskit", "scikit-learn",
    "skorch", "torch",
)  # fmt: skip


def shown_router(router: str) -> str:
    """Return a router's name as it is shown: of a circuit's hash, the first digits.

    >>> shown_router("mlp:16"), shown_router("circuit 0123456789abcdef")
    ('mlp:16', 'circuit 01234567')
    """
    kind, _, content_hash = router.partition(" ")
    return f"{kind} {content_hash[:8]}" if content_hash else router


@dataclass(frozen=True, kw_only=True)
class SplitRecord:
    """Arguments of `split_dataset`, which chose the held-out rows."""

    test_fraction: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class DataRecord:
    """The data that a run was trained and tested on.

    Attributes:
        name: Name of the built-in data, or the file's stem.
        source: Origin of the rows, in words.
        file: Path of the user's file, relative to the run folder; None for built-in data. Rows that
            came from no file lie in the run folder itself.
        target: Name of the labels' column.
        feature_names: Names of the F features.
        n_samples: Requested number of rows, or None for all.
        seed: Seed of the rows that are generated or drawn.
        split: Arguments of the choice of held-out rows; None if the model is measured on all rows,
            and which of them it was trained on is not known.
        content_hash: Hash of the rows before the split, see `Dataset.content_hash`.
        n_train: Number of training rows; 0 without a split.
        n_test: Number of held-out rows, or of all rows.
        ignored_columns: Columns of the file that are neither features nor labels.
    """

    name: str
    source: str
    file: str | None
    target: str
    feature_names: tuple[str, ...]
    n_samples: int | None
    seed: int
    split: SplitRecord | None
    content_hash: str
    n_train: int
    n_test: int
    ignored_columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.split is None:
            return f"{self.name} ({self.n_test} rows)"
        return f"{self.name} ({self.n_train} training rows, {self.n_test} held out)"

    def __repr__(self) -> str:
        n_features = len(self.feature_names)
        return f"<DataRecord {self}: {n_features} features, hash {self.content_hash[:12]}>"


@dataclass(frozen=True, kw_only=True)
class SettingsFacts:
    """The settings of a model that are shown, see `QMoEClassifier`."""

    router: str
    n_experts: int
    backend: str


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """The part of a model's configuration that is shown; `ModelState` has all of it.

    Attributes:
        settings: Some of the model's settings.
        explained_variance: Share of the features' variance that the router sees.
        classes: Labels, sorted; none of a regression.
    """

    settings: SettingsFacts
    explained_variance: float
    classes: list[Any] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The content of a run folder's manifest.json.

    Attributes:
        role: "model", or "control" for the model that the run's own model is compared with.
        created: Time at which the run was complete; UTC, ISO 8601.
        versions: Versions of Python, of this package, and of packages that decide results.
        seed: Seed of initial weights, shuffling and split.
        command: Command line that trains this run again; empty if the model came from Python.
        data: Record of the data.
        router_inputs: Number of coordinates that the router sees; below the number of features if
            the coordinates are principal components.
        model: Configuration of the model without its history, see `ModelState`.
        execution: Where the circuit ran; None for a classical router, and in runs that are older
            than this record.
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

    def __repr__(self) -> str:
        return (
            f"<Manifest of a {self.role} of {self.created}: trained on {self.data}, seed "
            f"{self.seed}, {len(self.files)} files>"
        )

    def to_json(self) -> bytes:
        """Return the manifest as a checked JSON document."""
        return dump_checked(KIND, dataclasses.asdict(self))


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide results."""
    return {"python": platform.python_version()} | library_versions(PACKAGES)
