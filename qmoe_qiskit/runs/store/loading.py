"""Reading a run back: every file is checked against the manifest before it is used."""

from __future__ import annotations

import hashlib
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qmoe_qiskit.errors import RunError
from qmoe_qiskit.io.checked_json import parse_as
from qmoe_qiskit.io.reasons import reason_of
from qmoe_qiskit.runs.metrics import METRIC_NAMES, Metric
from qmoe_qiskit.runs.store.folder import (
    CIRCUIT,
    CONTROL,
    HISTORY,
    MANIFEST,
    METRICS,
    PROFILE,
    WEIGHTS,
    is_interrupted,
    is_own_file,
    quoted,
)
from qmoe_qiskit.runs.store.manifest import Manifest, ModelFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qmoe_qiskit.backends import Backend
    from qmoe_qiskit.noise_profiles import NoiseProfile
    from qmoe_qiskit.train import QMoEClassifier


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What a run's folder holds, checked to be as it was written.

    Attributes:
        path: The folder.
        manifest: What the run is.
        model: What the manifest says of the model.
        metrics: What was measured, by name.
        history: Losses of every epoch, see `QMoEClassifier`.
        weights: The model's tensors, in safetensors format.
        circuit: The router's circuit in QPY format, or None for a classical router.
        noise_profile: The calibration of the device that the circuit ran on, as JSON, or None.
    """

    path: Path
    manifest: Manifest
    model: ModelFacts
    metrics: dict[str, Metric]
    history: list[dict[str, float]]
    weights: bytes
    circuit: bytes | None
    noise_profile: bytes | None

    @property
    def router(self) -> str:
        """The router's name, such as "quantum"."""
        return self.model.settings.router

    @property
    def projection(self) -> str:
        """What the router sees, as a sentence, where it sees principal components; else ""."""
        seen, there = self.manifest.router_inputs, len(self.manifest.data.feature_names)
        if seen == there:
            return ""
        share = f"{100 * self.model.explained_variance:.1f} %"
        return (
            f"The router sees {seen} principal components of the {there} features, which hold "
            f"{share} of their variance; the experts see every feature."
        )

    def control(self) -> RunRecord | None:
        """Read the run of the control, if there is one."""
        has_control = f"{CONTROL}/{MANIFEST}" in self.manifest.files
        return read_run(self.path / CONTROL) if has_control else None


@dataclass(frozen=True, kw_only=True)
class Run(RunRecord):
    """A run with its model.

    Attributes:
        classifier: The model, ready to predict.
    """

    classifier: QMoEClassifier


def read_run(path: str | Path) -> RunRecord:
    """Read a run without rebuilding its model.

    Raises:
        RunError: If the folder is no run, its schema is newer, or a file is missing or was changed.
    """
    path = Path(path)
    document = path / MANIFEST
    try:
        data = document.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise _no_run(path) from None
    except (OSError, ValueError) as error:
        raise _unreadable(document, error) from error
    manifest = Manifest.from_json(data, quoted(document))
    files = {name: _verified(path, name, stated) for name, stated in manifest.files.items()}
    for name in (METRICS, HISTORY, WEIGHTS):
        if name not in files:
            raise RunError(f"{quoted(document)} is damaged: it lists no {name}")
    metrics = parse_as(files[METRICS], dict[str, Metric], quoted(path / METRICS))
    history = parse_as(files[HISTORY], list[dict[str, float]], quoted(path / HISTORY))
    lacking = sorted(METRIC_NAMES - metrics.keys())
    if lacking:
        raise RunError(f"{quoted(path / METRICS)} is damaged: it has no {lacking[0]}")
    if not history or any("train_loss" not in epoch for epoch in history):
        raise RunError(f"{quoted(path / HISTORY)} is damaged: it has epochs without train_loss")
    return RunRecord(
        path=path,
        manifest=manifest,
        model=manifest.model_facts(quoted(document)),
        metrics=metrics,
        history=history,
        weights=files[WEIGHTS],
        circuit=files.get(CIRCUIT),
        noise_profile=files.get(PROFILE),
    )


def load_run(
    path: str | Path,
    *,
    backend: str | NoiseProfile | Backend | None = None,
    shots: int | None = None,
    mitigation: str | None = None,
    device_qubits: Sequence[int] | None = None,
) -> Run:
    """Read a run and rebuild its model.

    Args:
        path: The run's folder.
        backend: Where the circuit is to run, if not where it was trained: a specification for
            `open_backend`, the calibration of a device, or an open backend.
        shots: Shots per row. What is None here and below is as in training, and where `backend` is
            given that backend's default, which is exact.
        mitigation: See `open_backend`.
        device_qubits: See `open_backend`, where they are called qubits.

    Raises:
        InputError: If the backend is not accepted, or cannot run the model's circuit.
        RunError: As for `read_run`, or if the parts do not make a model.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    from qmoe_qiskit.train import ModelState, restore_model

    record = read_run(path)
    try:
        tensors = load(record.weights)
    except SafetensorError as error:
        raise RunError(f"{quoted(record.path / WEIGHTS)} is damaged: {error}") from error
    state = ModelState(
        config={**record.manifest.model, "history": record.history},
        tensors=tensors,
        circuit=record.circuit,
        noise_profile=record.noise_profile,
    )
    classifier = restore_model(
        state, backend=backend, shots=shots, mitigation=mitigation, device_qubits=device_qubits
    )
    return Run(**vars(record), classifier=classifier)


def _verified(path: Path, name: str, stated: str) -> bytes:
    if not is_own_file(name):
        raise RunError(f"{quoted(path / MANIFEST)} is damaged: {name!r} is no file of a run")
    try:
        content = (path / name).read_bytes()
    except FileNotFoundError:
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
