"""The four settings of a router under noise, on the same rows and seed.

The router is trained without noise or under a device's noise, and evaluated without noise, under
the device's noise, or under a later calibration of the device. The comparison shows what noise
costs, what training under noise recovers, and whether the recovery outlasts the calibration.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

from qmoe_qiskit.backends import BackendSpec
from qmoe_qiskit.data import Dataset
from qmoe_qiskit.io.checked_json import dump_checked
from qmoe_qiskit.noise_profiles import NoiseProfile
from qmoe_qiskit.runs.metrics import (
    Metric,
    Observed,
    observe,
    paired_difference,
    share_of,
    summarize,
)
from qmoe_qiskit.runs.noise_comparison import folder as noise_folder
from qmoe_qiskit.runs.noise_comparison.request import NoiseRequest
from qmoe_qiskit.runs.provenance import Execution, described, execution_of
from qmoe_qiskit.runs.request import TrainingRequest
from qmoe_qiskit.runs.store import folder
from qmoe_qiskit.runs.store.loading import Run, load_run
from qmoe_qiskit.runs.store.writing import Figures
from qmoe_qiskit.runs.training import plan_training, resume_run, train_run


class NoiseCase(StrEnum):
    """What a router is trained on, and what the trained router is evaluated on."""

    IDEAL_IDEAL = "ideal -> ideal"
    IDEAL_NOISY = "ideal -> noisy"
    NOISY_NOISY = "noisy -> noisy"
    NOISY_LATER = "noisy -> later"


@dataclass(frozen=True, kw_only=True)
class SettingResult:
    """The result of one of the four settings.

    Attributes:
        setting: The setting.
        trained_on: Where the circuit ran in training.
        evaluated_on: Where the circuit ran in evaluation.
        metrics: Metrics of `summarize`; accuracy_difference (to ideal -> ideal, on the same rows);
            and routing_flips (share of the rows that noise sends to another expert, the trained
            weights being the same).
    """

    setting: NoiseCase
    trained_on: Execution
    evaluated_on: Execution
    metrics: dict[str, Metric]

    def __repr__(self) -> str:
        return f"<SettingResult {self.setting}: accuracy {self.metrics['accuracy'].number:.3f}>"


@dataclass(frozen=True, kw_only=True)
class NoiseComparison:
    """The results of the four settings.

    Attributes:
        data: Name of the data.
        n_rows: Number of held-out rows.
        seed: Seed of split, initial weights, shuffling and shots.
        settings: One result per setting, in the order of `NoiseCase`.
    """

    data: str
    n_rows: int
    seed: int
    settings: tuple[SettingResult, ...]

    def __repr__(self) -> str:
        accuracies = [
            f"{one.setting} {one.metrics['accuracy'].number:.3f}" for one in self.settings
        ]
        return (
            f"<NoiseComparison on {self.n_rows} held-out rows of {self.data}: accuracy "
            f"{', '.join(accuracies)}>"
        )


def compare_under_noise(
    request: NoiseRequest,
    out: str | Path,
    *,
    force: bool = False,
    figures: Figures | None = None,
    verbose: bool = False,
) -> NoiseComparison:
    """Train a router without noise and under a device's, and evaluate the four settings.

    Both trainings start from the same weights and see the same batches. They are exact; only the
    evaluations use shots. On a later calibration of the same device the circuit stays on the qubits
    that it was trained on, and is laid out on them again.

    Args:
        request: What to train and compare.
        out: Folder for the two runs, the later calibration and comparison.json; it is made.
        force: Whether to replace an existing comparison.
        figures: Function that draws the figures of the runs; see `qmoe_qiskit.runs.Figures`.
        verbose: Whether to show progress bars on a terminal and in a notebook.

    Raises:
        InputError: If something is not accepted; nothing is written then.
        RunError: If the folder is in use or cannot be written to.
        KeyboardInterrupt: Passed on; `resume_comparison` goes on.
    """
    out = Path(out)
    noise_folder.check_vacant(out, force=force)
    later = request.later_profile()
    _check(request, out, later)

    def trained(name: str, training: TrainingRequest) -> Run:
        return train_run(training, out / name, force=force, figures=figures, verbose=verbose)

    with noise_folder.begun(out, request, later):
        return _finished(request, out, later, trained)


def resume_comparison(
    out: str | Path, *, figures: Figures | None = None, verbose: bool = False
) -> NoiseComparison:
    """Resume an interrupted comparison; arguments as for `compare_under_noise`.

    Raises:
        RunError: If there is no interrupted comparison, or its data have changed.
        InputError: If data or device cannot be loaded.
    """
    out = Path(out)
    request, later = noise_folder.read_begun(out)

    def trained(name: str, training: TrainingRequest) -> Run:
        path = out / name
        if folder.is_interrupted(path):
            return resume_run(path, figures=figures, verbose=verbose)
        if folder.is_run(path):
            return load_run(path)
        return train_run(training, path, figures=figures, verbose=verbose)

    return _finished(request, out, later, trained)


def _check(request: NoiseRequest, out: Path, later: NoiseProfile) -> None:
    """Refuse before the trainings what the evaluations after them would refuse."""
    _, split = request.training.load()
    plan_training(request.ideal, split, out / noise_folder.IDEAL)
    noisy, *_ = plan_training(request.noisy, split, out / noise_folder.NOISY)
    assert noisy.fit.circuit is not None
    for profile in (request.profile(), later):
        request.evaluated_on(profile, None).open().compile(noisy.fit.circuit)


def _finished(
    request: NoiseRequest,
    out: Path,
    later: NoiseProfile,
    trained: Callable[[str, TrainingRequest], Run],
) -> NoiseComparison:
    ideal = trained(noise_folder.IDEAL, request.ideal)
    noisy = trained(noise_folder.NOISY, request.noisy)
    _, split = request.training.load()
    comparison = NoiseComparison(
        data=split.test.name,
        n_rows=len(split.test.labels_N),
        seed=request.training.seed,
        settings=tuple(_results(request, ideal, noisy, later, split.test)),
    )
    document = {"request": asdict(request.relative_to(out)), **asdict(comparison)}
    noise_folder.finish(out, dump_checked(noise_folder.COMPARISON_KIND, document))
    return comparison


def _results(
    request: NoiseRequest, ideal: Run, noisy: Run, later: NoiseProfile, test: Dataset
) -> Iterator[SettingResult]:
    """Evaluate the four settings."""
    profile, qubits = request.profile(), request.device_qubits
    on_device = request.evaluated_on(profile, qubits)
    stay = qubits or _qubits_to_stay_on(noisy, profile, later)
    evaluated = {
        NoiseCase.IDEAL_IDEAL: ideal,
        NoiseCase.IDEAL_NOISY: ideal.load(on_device),
        NoiseCase.NOISY_NOISY: noisy.load(on_device),
        NoiseCase.NOISY_LATER: noisy.load(request.evaluated_on(later, stay)),
    }
    exactly = BackendSpec(backend="statevector")
    trained = {run.path: run.classifier for run in (ideal, noisy)}
    without_noise = {run.path: _observe(run.load(exactly), test) for run in (ideal, noisy)}
    reference = without_noise[ideal.path]
    for setting, run in evaluated.items():
        exact = without_noise[run.path]
        is_reference = setting == NoiseCase.IDEAL_IDEAL
        observed = exact if is_reference else _observe(run, test)
        trained_on, evaluated_on = execution_of(trained[run.path]), execution_of(run.classifier)
        assert trained_on is not None
        assert evaluated_on is not None
        how = (
            f"{len(test.labels_N)} held-out rows of {test.name}; "
            f"{described(run.router, evaluated_on)}, seed {request.training.seed}"
        )
        compared = {
            "accuracy_difference": paired_difference(
                observed.hits_N,
                reference.hits_N,
                f"{how}; less {NoiseCase.IDEAL_IDEAL} on the same rows",
            ),
            "routing_flips": share_of(
                observed.experts_N != exact.experts_N,
                f"{how}; against the same weights on backend 'statevector'",
            ),
        }
        if is_reference:  # zero by definition
            compared = {k: replace(metric, uncertainty=None) for k, metric in compared.items()}
        yield SettingResult(
            setting=setting,
            trained_on=trained_on,
            evaluated_on=evaluated_on,
            metrics={**summarize(observed, how), **compared},
        )


def _observe(run: Run, test: Dataset) -> Observed:
    return observe(run.classifier, test.features_NF, test.labels_N)


def _qubits_to_stay_on(
    noisy: Run, profile: NoiseProfile, later: NoiseProfile
) -> tuple[int, ...] | None:
    """Return the qubits that the circuit uses, or None if the later device is another one."""
    from qmoe_qiskit.backends.transpile.placement import active_qubits

    compiled = noisy.classifier.compiled_router
    assert compiled is not None
    if later.device != profile.device or later.n_qubits != profile.n_qubits:
        return None
    return tuple(active_qubits(compiled.device_circuit(measured=True)))
