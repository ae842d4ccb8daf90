"""Writing a run: measure the trained models, draw them, and put the folder together."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from safetensors.torch import save

from qmoe_qiskit.data import Dataset, Split
from qmoe_qiskit.io.atomic import write_atomically
from qmoe_qiskit.io.checked_json import to_json
from qmoe_qiskit.runs.metrics import MAIN_METRIC, Metric, measure
from qmoe_qiskit.runs.provenance import described, execution_of
from qmoe_qiskit.runs.relative_paths import relative_path
from qmoe_qiskit.runs.request import DATA_SEED, TrainingRequest
from qmoe_qiskit.runs.store import folder
from qmoe_qiskit.runs.store.loading import Run, load_run
from qmoe_qiskit.runs.store.manifest import (
    DataRecord,
    Manifest,
    Role,
    SplitRecord,
    package_versions,
)
from qmoe_qiskit.train import model_state, restore_model
from qmoe_qiskit.train.estimator import MixtureEstimator
from qmoe_qiskit.train.fit import Fit
from qmoe_qiskit.train.on_device.calibrated import move_to_calibration

# A function that draws a run, from models by name, the data, and held-out accuracies by name, into
# a folder of PNG, SVG or PDF files, whose names consist of a-z, 0-9 and _.
Figures = Callable[[Mapping[str, "MixtureEstimator"], Split, Mapping[str, float], Path], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelTraining:
    """The training of one model of a run, checked and not begun, or complete.

    Attributes:
        index: 0 for the run's own model; its controls follow.
        router: Name of its router.
        fit: The training.
        seconds: Time that it took since it began or was resumed, preparation included.
        n_epochs_before: Number of epochs that were done before it was resumed.
    """

    index: int
    router: str
    fit: Fit[MixtureEstimator]
    seconds: float
    n_epochs_before: int = 0

    def run(self) -> ModelTraining:
        """Train the model."""
        n_epochs_before, started = self.fit.n_epochs_done, time.perf_counter()
        classifier = self.fit.run()
        if classifier.hardware_training is not None:
            move_to_calibration(classifier)
        seconds = self.seconds + time.perf_counter() - started
        return replace(self, seconds=seconds, n_epochs_before=n_epochs_before)

    @property
    def classifier(self) -> MixtureEstimator:
        """The classifier, which is fitted once the training is complete."""
        return self.fit.estimator

    @property
    def role(self) -> Role:
        """Role of the model in the run."""
        return "control" if self.index else "model"

    @property
    def below(self) -> str:
        """Its folder, below that of the run."""
        return folder.CONTROLS[self.index - 1] if self.index else ""

    @property
    def name(self) -> str:
        """The model's name in tables and figures."""
        return self.router if self.role == "model" else f"{self.router} (control)"


@dataclass(frozen=True, kw_only=True)
class CompletedTraining:
    """A complete training, which is not written yet.

    Attributes:
        request: The request.
        command: Command line that trains the request.
        dataset: The data before the split.
        split: The data after the split.
        models: The model, then its controls.
    """

    request: TrainingRequest
    command: list[str]
    dataset: Dataset
    split: Split
    models: list[ModelTraining]


def write_run(trained: CompletedTraining, out: Path, *, figures: Figures | None = None) -> Run:
    """Write the run into the folder that it was trained in, and read it back.

    Raises:
        InputError: If `figures` writes files that a run cannot have.
        OSError: If the folder cannot be written to; the training in it can go on.
    """
    metrics = [_metrics(one, trained) for one in trained.models]
    with folder.staging(out) as staged:
        if figures is not None:
            (staged / folder.FIGURES).mkdir()
            main = MAIN_METRIC[trained.request.task]
            scores = {one.name: metrics[one.index][main].number for one in trained.models}
            figures(
                {one.name: one.classifier for one in trained.models},
                trained.split,
                scores,
                staged / folder.FIGURES,
            )
            folder.check_names(staged)
        # The controls first: the model's manifest lists their files too.
        for one in reversed(trained.models):
            (staged / one.below).mkdir(exist_ok=True)
            _write_model(one, metrics[one.index], trained, staged / one.below, out / one.below)
        folder.publish(staged, out)
    return load_run(out)


def _write_model(
    one: ModelTraining,
    metrics: dict[str, Metric],
    trained: CompletedTraining,
    staged: Path,
    final: Path,
) -> None:
    surrogate = getattr(one.classifier, "surrogate_", None)
    if surrogate is not None:
        surrogate.save(staged / folder.SURROGATE)
    write_model(
        one.classifier,
        metrics,
        staged,
        role=one.role,
        seed=trained.request.seed,
        command=trained.command,
        data=_data_record(trained, final),
    )


def write_model(
    classifier: MixtureEstimator,
    metrics: Mapping[str, Metric],
    staged: Path,
    *,
    role: Role,
    seed: int,
    command: list[str],
    data: DataRecord,
) -> None:
    """Write all files of a fitted model beside those in a staging folder, the manifest last.

    The arguments after the folder are those of the manifest.
    """
    state = model_state(classifier)
    config = dict(state.config)
    files: dict[str, bytes | None] = {
        folder.METRICS: to_json({name: asdict(metric) for name, metric in metrics.items()}),
        folder.HISTORY: to_json(config.pop("history")),
        folder.WEIGHTS: save(state.tensors),
        folder.CIRCUIT: state.circuit,
        folder.PROFILE: state.noise_profile,
    }
    for name, content in files.items():
        if content is not None:
            write_atomically(staged / name, content)
    manifest = Manifest(
        role=role,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=package_versions(),
        seed=seed,
        command=command,
        data=data,
        router_inputs=state.tensors["features/matrix_FK"].shape[1],
        model=config,
        execution=execution_of(classifier),
        files={
            name: hashlib.sha256((staged / name).read_bytes()).hexdigest()
            for name in sorted(folder.names_below(staged))
        },
    )
    write_atomically(staged / folder.MANIFEST, manifest.to_json())


def _data_record(trained: CompletedTraining, final: Path) -> DataRecord:
    request, dataset = trained.request, trained.dataset
    return DataRecord(
        name=dataset.name,
        source=dataset.source,
        file=relative_path(request.data, final) if request.is_file else None,
        target=dataset.target_name,
        feature_names=dataset.feature_names,
        n_samples=request.n_samples,
        seed=DATA_SEED,
        split=SplitRecord(test_fraction=request.test_fraction, seed=request.seed),
        content_hash=dataset.content_hash,
        n_train=len(trained.split.train.labels_N),
        n_test=len(trained.split.test.labels_N),
        ignored_columns=dataset.ignored_columns,
    )


def _metrics(one: ModelTraining, trained: CompletedTraining) -> dict[str, Metric]:
    train, test = trained.split.train, trained.split.test
    # The stored model is measured, with its shots from the start: an evaluation of the run repeats
    # the numbers.
    classifier = restore_model(model_state(one.classifier))
    execution, seed = execution_of(classifier), trained.request.seed
    how = f"{described(one.router, execution, classifier.drawn_votes)}, seed {seed}"
    measured, on_training_rows = (
        measure(
            classifier,
            rows.features_NF,
            rows.labels_N,
            f"{len(rows.labels_N)} {kind} rows of {rows.name}; {how}",
        )
        for rows, kind in ((test, "held-out"), (train, "training"))
    )
    main = MAIN_METRIC[trained.request.task]
    epochs = len(one.classifier.history_)
    first = one.n_epochs_before + 1
    took = f"epochs {first} to {epochs}" if first <= epochs else "no epoch"
    took += f", after {one.n_epochs_before} before an interruption" if one.n_epochs_before else ""
    return {
        main: measured.pop(main),
        f"train_{main}": on_training_rows[main],
        **measured,
        **parameter_counts(one.classifier),
        **_qpu_seconds(one.classifier),
        "training_seconds": Metric(
            value=one.seconds,
            uncertainty=None,
            produced_by=f"one measurement of the wall clock: {took}; {how}",
        ),
    }


def _qpu_seconds(classifier: MixtureEstimator) -> dict[str, Metric]:
    report = getattr(classifier, "hardware_report_", None)
    if report is None:
        return {}
    said = f"charged by the device, or estimated on a fake: {report}"
    return {"qpu_seconds": Metric(value=report.seconds, uncertainty=None, produced_by=said)}


def parameter_counts(classifier: MixtureEstimator) -> dict[str, Metric]:
    """Return the numbers of trainable parameters of a fitted classifier as metrics."""
    return {
        f"n_parameters_{part}": Metric(
            value=count, uncertainty=None, produced_by=f"trainable numbers of the {part}"
        )
        for part, count in classifier.n_parameters_.items()
    }
