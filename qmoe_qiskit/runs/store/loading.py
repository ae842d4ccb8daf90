"""Reading a run: every file is checked against the manifest before it is used."""

from __future__ import annotations

import hashlib
import os
import shlex
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qmoe_qiskit import limits
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.io.checked_json import load_checked, parse_as, to_json
from qmoe_qiskit.io.reasons import reason_of
from qmoe_qiskit.io.regular_files import read_regular
from qmoe_qiskit.runs.metrics import NEEDED_METRICS, Metric, main_metric
from qmoe_qiskit.runs.metrics_table import metrics_html
from qmoe_qiskit.runs.store.folder import (
    CIRCUIT,
    CONTROLS,
    HISTORY,
    MANIFEST,
    METRICS,
    PROFILE,
    SIZES,
    WEIGHTS,
    is_interrupted,
    is_own_file,
    quoted,
)
from qmoe_qiskit.runs.store.manifest import KIND, Manifest, ModelFacts, shown_router

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

    from qmoe_qiskit.backends import Backend, BackendSpec
    from qmoe_qiskit.circuits import RouterCircuit
    from qmoe_qiskit.noise_profiles import NoiseProfile
    from qmoe_qiskit.train import ModelState


@dataclass(frozen=True, kw_only=True)
class OpenedRun:
    """A run whose folder was read and verified once; everything else is made from these bytes.

    Attributes:
        path: Path of the folder.
        manifest: Content of the manifest: what the run is.
        model: Facts about the model from the manifest.
        metrics: Measured metrics by name.
        history: Losses of every epoch, see `QMoEClassifier`.
        files: Content of every file by its name, the manifest of the run excepted.
    """

    path: Path
    manifest: Manifest
    model: ModelFacts
    metrics: dict[str, Metric]
    history: list[dict[str, float]]
    files: dict[str, bytes] = field(repr=False)

    def __repr__(self) -> str:
        main = main_metric(self.metrics)
        held_out = "" if self.manifest.data.split is None else "held-out "
        return (
            f"<{type(self).__name__} {str(self.path)!r}: router {self.router!r} on "
            f"{self.manifest.data}, {held_out}{main} {self.metrics[main].number:.3f}>"
        )

    def _repr_html_(self) -> str:
        return metrics_html(repr(self)[1:-1], self.metrics)

    @property
    def task(self) -> str:
        """What the model predicts: "classification" or "regression"."""
        return str(self.manifest.model.get("task", "classification"))

    @property
    def router(self) -> str:
        """The router's name, such as "quantum"; of a user's circuit, the start of its hash."""
        return shown_router(self.model.settings.router)

    @property
    def projection(self) -> str:
        """A sentence on what the router sees; "" if it sees the features themselves."""
        from qmoe_qiskit.train.features import projection_sentence

        model = self.manifest.model
        projection = model["settings"].get("projection", "auto")
        grouped = projection == "groups" and self.has_circuit
        return projection_sentence(
            projection,
            n_features=len(self.manifest.data.feature_names),
            n_inputs=self.manifest.router_inputs,
            n_qubits=self.load_circuit().n_qubits if grouped else None,
            feature_range=tuple(model["range"]),
            explained_variance=self.model.explained_variance,
        )

    def control(self) -> OpenedRun | None:
        """Return the run of the first control, if there is one; errors as for `controls`."""
        return next(iter(self.controls()), None)

    def controls(self) -> tuple[OpenedRun, ...]:
        """Return the runs of all controls, in the order in which they were named.

        Raises:
            RunError: If a control's own manifest does not fit its files.
        """
        found = []
        for control in CONTROLS:
            files = {
                name.removeprefix(f"{control}/"): content
                for name, content in self.files.items()
                if name.startswith(f"{control}/")
            }
            if MANIFEST in files:
                found.append(_opened(self.path / control, files[MANIFEST], files))
        return tuple(found)

    @property
    def has_circuit(self) -> bool:
        """Whether the router is a circuit."""
        return CIRCUIT in self.files

    def load_circuit(self) -> RouterCircuit:
        """Return the router's circuit.

        Raises:
            InputError: If the router is classical.
        """
        from qmoe_qiskit.circuits import RouterCircuit

        if not self.has_circuit:
            raise InputError(f"router {self.router!r} is classical: it has no circuit to execute")
        return RouterCircuit.from_qpy(self.files[CIRCUIT])

    def model_state(self) -> ModelState:
        """Return the model as plain data.

        Raises:
            RunError: If the weights are damaged.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load

        from qmoe_qiskit.train import ModelState

        try:
            tensors = load(self.files[WEIGHTS])
        except SafetensorError as error:
            raise RunError(f"{quoted(self.path / WEIGHTS)} is damaged: {error}") from error
        return ModelState(
            config={**self.manifest.model, "history": self.history},
            tensors=tensors,
            circuit=self.files.get(CIRCUIT),
            noise_profile=self.files.get(PROFILE),
        )

    def load(self, where: BackendSpec | None = None) -> Run:
        """Rebuild the model, to run where it was trained or elsewhere.

        Args:
            where: Where the circuit is to run; None for where it was trained.

        Raises:
            InputError: If the backend is not accepted, or cannot run the model's circuit.
            RunError: If the parts do not make a model.
        """
        from qmoe_qiskit.train import restore_model

        parts = {part.name: getattr(self, part.name) for part in fields(OpenedRun)}
        return Run(**parts, classifier=restore_model(self.model_state(), where))


@dataclass(frozen=True, kw_only=True, repr=False)
class Run(OpenedRun):
    """A run with its model.

    Attributes:
        classifier: The model, ready to predict: a `QMoEClassifier`, or a `QMoERegressor`.
    """

    classifier: Any

    def plot_decision_boundary(
        self,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        *,
        ax: Axes | None = None,
    ) -> Figure | Axes:
        """Draw the model's predictions, see `QMoEClassifier.plot_decision_boundary`.

        Without X and y, the rows are those that `evaluate_run` measures on.
        """
        drawn: Figure | Axes = self.classifier.plot_decision_boundary(*self._rows(X, y), ax=ax)
        return drawn

    def plot_routing_map(
        self,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        *,
        ax: Axes | None = None,
    ) -> Figure | Axes:
        """Draw the expert that serves each part of the plane; arguments as above."""
        drawn: Figure | Axes = self.classifier.plot_routing_map(*self._rows(X, y), ax=ax)
        return drawn

    def plot_loss(self, *, ax: Axes | None = None) -> Figure | Axes:
        """Draw the losses of training by epoch, those of the control beside them."""
        from qmoe_qiskit.figures import plot_losses

        control = self.control()
        histories = {self.router: self.history}
        if control is not None:
            histories[f"{control.router} (control)"] = control.history
        return plot_losses(histories, ax=ax)

    def _rows(self, X: ArrayLike | None, y: ArrayLike | None) -> tuple[Any, Any]:
        if (X is None) != (y is None):
            raise InputError("X and y are given together, or neither of them")
        if X is not None:
            return X, y
        from qmoe_qiskit.runs.evaluation import select_rows

        rows = select_rows(self).dataset
        return rows.features_NF, rows.labels_N


def require_classes(run: OpenedRun, what: str) -> None:
    """Refuse a run of a regression where there is nothing for it yet.

    Raises:
        InputError: If the run predicts numbers; the message says what needs classes.
    """
    if run.task == "regression":
        raise InputError(
            f"run {quoted(run.path)} predicts numbers, and {what} is for classes: use qmoe "
            "evaluate or qmoe predict on a simulation, or a run of a classifier"
        )


def read_run(path: str | Path) -> OpenedRun:
    """Read a run without rebuilding its model.

    Raises:
        RunError: If the folder is no run, its schema is newer, or a file is missing or was changed.
    """
    path = Path(path)
    try:
        manifest = read_regular(path / MANIFEST, limits.FACTS_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        raise _no_run(path) from None
    except (OSError, ValueError) as error:
        raise _unreadable(path / MANIFEST, error) from error
    return _opened(path, manifest, None)


def load_run(
    path: str | Path,
    *,
    backend: str | NoiseProfile | Backend | None = None,
    shots: int | None = None,
    mitigation: str | None = None,
    device_qubits: Sequence[int] | None = None,
    slots: str | int | None = None,
    spacing: int | None = None,
) -> Run:
    """Read a run and rebuild its model.

    The model of a run on a table knows the names of its columns: like any scikit-learn estimator
    it refuses a data frame whose columns are others, or stand in another order.

    Args:
        path: Path of the run's folder.
        backend: Where the circuit is to run, if not where it was trained: a specification for
            `open_backend`, the calibration of a device, or an open backend.
        shots: Number of shots per row. An argument that is None, here and below, is as in training,
            or, if `backend` is given, that backend's default (exact values).
        mitigation: Name of the mitigation, see `open_backend`.
        device_qubits: Device qubits to run on, see `open_backend`, where they are called qubits.
        slots: How many rows to evaluate at once, see `open_backend`.
        spacing: Number of idle qubits between slots, see `open_backend`.

    Raises:
        InputError: If the backend is not accepted, or cannot run the model's circuit.
        RunError: As for `read_run`, or if the parts do not make a model.

    >>> import tempfile
    >>> from qmoe_qiskit.runs import TrainingRequest, load_run, train_run
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     request = TrainingRequest(router="linear", n_samples=40, max_epochs=1)
    ...     _ = train_run(request, f"{folder}/run")
    ...     load_run(f"{folder}/run").classifier.predict([[2.0, -0.5], [-1.0, 1.0]]).shape
    (2,)
    """
    run = read_run(path)
    if isinstance(backend, str) and backend.startswith("surrogate:") and not run.has_circuit:
        raise InputError(
            f"router {run.router!r} is classical: it has no circuit that a surrogate could replace"
        )
    where = None
    given: dict[str, Any] = {
        "backend": backend,
        "shots": shots,
        "mitigation": mitigation,
        "device_qubits": device_qubits,
        "slots": slots,
        "spacing": spacing,
    }
    if any(value is not None for value in given.values()):
        where = run.model_state().backend_spec().replaced(**given)
    loaded = run.load(where)
    data = run.manifest.data
    if data.file is not None and not data.file.lower().endswith(".npz"):
        loaded.classifier.feature_names_in_ = np.array(data.feature_names, dtype=object)
    return loaded


def _opened(path: Path, data: bytes, known: Mapping[str, bytes] | None) -> OpenedRun:
    """Return a run from its manifest and its files, read from disk if they are not known yet."""
    document = quoted(path / MANIFEST)
    manifest = load_checked(data, KIND, Manifest, document)
    files: dict[str, bytes] = {}
    room = limits.RUN_BYTES
    for name, stated in manifest.files.items():
        files[name] = _verified(path, name, stated, known, room)
        room -= len(files[name])
    for name in (METRICS, HISTORY, WEIGHTS):
        if name not in files:
            raise RunError(f"{document} is damaged: it lists no {name}")
    metrics = parse_as(files[METRICS], dict[str, Metric], quoted(path / METRICS))
    history = parse_as(files[HISTORY], list[dict[str, float]], quoted(path / HISTORY))
    if len(metrics) > limits.ITEMS:
        raise RunError(f"{quoted(path / METRICS)} is damaged: it has {len(metrics)} metrics")
    task = manifest.model.get("task", "classification")
    needed = NEEDED_METRICS.get(str(task))
    if needed is None:
        raise RunError(f"{document} is damaged: it has the task {task!r}")
    lacking = sorted(needed - metrics.keys())
    if lacking:
        raise RunError(f"{quoted(path / METRICS)} is damaged: it has no {lacking[0]}")
    if not history or any("train_loss" not in epoch for epoch in history):
        raise RunError(f"{quoted(path / HISTORY)} is damaged: it has epochs without train_loss")
    model = parse_as(to_json(manifest.model), ModelFacts, f"model in {document}")
    if len(model.classes) > limits.CLASSES:
        raise RunError(
            f"model in {document} has {len(model.classes)} classes: at most {limits.CLASSES} are "
            "accepted"
        )
    return OpenedRun(
        path=path,
        manifest=manifest,
        model=model,
        metrics=metrics,
        history=history,
        files=files,
    )


def _verified(
    path: Path, name: str, stated: str, known: Mapping[str, bytes] | None, room: int
) -> bytes:
    """Return a file's content; at most `room` bytes are read, and the limit of such a file."""
    if not is_own_file(name):
        raise RunError(f"{quoted(path / MANIFEST)} is damaged: {name!r} is no file of a run")
    try:
        if known is None:
            at_most = min(SIZES.get(Path(name).name, limits.DOCUMENT_BYTES), room)
            content = read_regular(path / name, at_most)
        else:
            content = known[name]
    except (FileNotFoundError, KeyError):
        raise RunError(f"{quoted(path / name)} is missing: the run is not complete") from None
    except OSError as error:
        raise _unreadable(path / name, error) from error
    if hashlib.sha256(content).hexdigest() != stated:
        raise RunError(
            f"{quoted(path / name)} was changed or cut off after the run was written: its hash "
            "differs from the manifest's"
        )
    return content


def _no_run(path: Path) -> RunError:
    if is_interrupted(path):
        return RunError(
            f"the training in {quoted(path)} is not complete: go on with "
            f"qmoe train --resume --out {shlex.quote(str(path))}"
        )
    if not os.path.lexists(path):
        return RunError(f"there is no run folder {quoted(path)}: check the path")
    return RunError(f"{quoted(path)} is not a run folder: it holds no {MANIFEST}")


def _unreadable(path: Path, error: OSError | ValueError) -> RunError:
    return RunError(f"{quoted(path)} cannot be read: {reason_of(error)}")
