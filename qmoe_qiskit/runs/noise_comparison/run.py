"""The four settings of a router under noise, on the same rows and seed.

Trained without noise or under a device's, evaluated without noise, under the device's, or under a
later calibration of it: what noise costs, what training under it wins back, and how long it lasts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from qmoe_qiskit.io.checked_json import dump_checked
from qmoe_qiskit.runs.metrics import (
    Metric,
    Observed,
    observe,
    paired_difference,
    share_of,
    summarize,
)
from qmoe_qiskit.runs.noise_comparison import folder as noise_folder
from qmoe_qiskit.runs.provenance import Execution, described, execution_of
from qmoe_qiskit.runs.store import folder
from qmoe_qiskit.runs.store.loading import Run, load_run
from qmoe_qiskit.runs.training import check_request, resume_run, train_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qmoe_qiskit.data import Dataset
    from qmoe_qiskit.noise_profiles import NoiseProfile
    from qmoe_qiskit.runs.noise_comparison.request import NoiseRequest
    from qmoe_qiskit.runs.request import TrainingRequest
    from qmoe_qiskit.runs.store.writing import Figures


class NoiseCase(StrEnum):
    """What a router is trained on, and what it is evaluated on."""

    IDEAL_IDEAL = "ideal -> ideal"
    IDEAL_NOISY = "ideal -> noisy"
    NOISY_NOISY = "noisy -> noisy"
    NOISY_LATER = "noisy -> later"


@dataclass(frozen=True, kw_only=True)
class SettingResult:
    """One of the four settings.

    Attributes:
        setting: Which.
        trained_on: Where the circuit ran in training.
        evaluated_on: Where it ran in evaluation.
        metrics: Those of `summarize`, and accuracy_difference (to ideal -> ideal, on the same rows)
            and routing_flips (share of the rows whose expert with the largest weight is another one
            than without noise, the trained weights being the same).
    """

    setting: NoiseCase
    trained_on: Execution
    evaluated_on: Execution
    metrics: dict[str, Metric]


@dataclass(frozen=True, kw_only=True)
class NoiseComparison:
    """The four settings beside each other.

    Attributes:
        data: Name of the data.
        n_rows: Number of held-out rows.
        seed: Of split, initial weights, shuffling and shots.
        settings: In the order of `NoiseCase`.
    """

    data: str
    n_rows: int
    seed: int
    settings: tuple[SettingResult, ...]


def compare_under_noise(
    request: NoiseRequest,
    out: str | Path,
    *,
    force: bool = False,
    figures: Figures | None = None,
    verbose: bool = False,
) -> NoiseComparison:
    """Train a router without noise and under a device's, and evaluate the four settings.

    Both trainings start from the same weights and see the same batches. They are exact; shots are
    those of the evaluations. On a later calibration of the same device the circuit stays on the
    qubits that it was trained on, and is laid out on them anew.

    Args:
        request: What to train and compare.
        out: Folder for the two runs, the later calibration and comparison.json; made.
        force: Replace a comparison that is there.
        figures: Draws the figures of the runs; see `qmoe_qiskit.runs.Figures`.
        verbose: Show progress bars on a terminal.

    Raises:
        InputError: If something is not accepted; nothing is written then.
        RunError: If the folder is in the way or cannot be written to.
        KeyboardInterrupt: Passed on; `resume_comparison` goes on.
    """
    out = Path(out)
    noise_folder.check_vacant(out, force=force)
    later = request.later_profile()
    _check(request, later)

    def trained(name: str, training: TrainingRequest) -> Run:
        return train_run(training, out / name, force=force, figures=figures, verbose=verbose)

    with noise_folder.begun(out, request, later):
        ideal = trained(noise_folder.IDEAL, request.ideal)
        noisy = trained(noise_folder.NOISY, request.noisy)
        return _finished(request, out, ideal, noisy, later)


def resume_comparison(
    out: str | Path, *, figures: Figures | None = None, verbose: bool = False
) -> NoiseComparison:
    """Go on with a comparison that was interrupted; arguments as for `compare_under_noise`.

    Raises:
        RunError: If there is none, or the data are not those of the beginning.
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

    ideal = trained(noise_folder.IDEAL, request.ideal)
    noisy = trained(noise_folder.NOISY, request.noisy)
    return _finished(request, out, ideal, noisy, later)


def _check(request: NoiseRequest, later: NoiseProfile) -> None:
    """Refuse what would be noticed when the trainings are over."""
    from qmoe_qiskit.train.execution import open_for

    _, split = request.training.load()
    check_request(request.ideal, split)
    check_request(request.noisy, split)
    for profile in (request.profile(), later):
        backend = open_for(profile, shots=request.shots, mitigation=request.mitigation)
        check_request(request.noisy, split, backend=backend)


def _finished(
    request: NoiseRequest, out: Path, ideal: Run, noisy: Run, later: NoiseProfile
) -> NoiseComparison:
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
    evaluated = _evaluated(request, ideal, noisy, later)
    trained = {run.path: run.classifier for run in (ideal, noisy)}
    without_noise = {
        path: _observe(load_run(path, backend="statevector"), test) for path in trained
    }
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


def _evaluated(
    request: NoiseRequest, ideal: Run, noisy: Run, later: NoiseProfile
) -> dict[NoiseCase, Run]:
    """Return the runs as they are evaluated."""

    def on(profile: NoiseProfile, run: Run, qubits: tuple[int, ...] | None) -> Run:
        return load_run(
            run.path,
            backend=profile,
            shots=request.shots,
            mitigation=request.mitigation,
            device_qubits=qubits,
        )

    profile, qubits = request.profile(), request.device_qubits
    stay = qubits or _qubits_to_stay_on(noisy, profile, later)
    return {
        NoiseCase.IDEAL_IDEAL: ideal,
        NoiseCase.IDEAL_NOISY: on(profile, ideal, qubits),
        NoiseCase.NOISY_NOISY: on(profile, noisy, qubits),
        NoiseCase.NOISY_LATER: on(later, noisy, stay),
    }


def _observe(run: Run, test: Dataset) -> Observed:
    return observe(run.classifier, test.features_NF, test.labels_N)


def _qubits_to_stay_on(
    noisy: Run, profile: NoiseProfile, later: NoiseProfile
) -> tuple[int, ...] | None:
    """Return the qubits that a circuit uses, where the later calibration is of the same device."""
    compiled = noisy.classifier.compiled_router
    assert compiled is not None
    if later.device != profile.device or later.n_qubits != profile.n_qubits:
        return None
    circuit = compiled.isa_circuit
    return tuple(sorted({circuit.find_bit(q).index for step in circuit.data for q in step.qubits}))
