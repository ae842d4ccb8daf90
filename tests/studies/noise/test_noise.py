"""The study of noise: its tasks, and what tables and verdicts say of results."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import list_profiles
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.noise.settings import PARTS, NoiseSettings
from qmoe_qiskit.studies.noise.study import STUDY
from qmoe_qiskit.studies.noise.tasks import METHODS, MitigationTask, PinnedTask, ShotsTask
from qmoe_qiskit.studies.report.summary import Breakdown, Estimate, Summary, Table
from qmoe_qiskit.studies.training.circuit_execution import CircuitExecution
from qmoe_qiskit.studies.training.train_task import TrainTask

SMALL = NoiseSettings(
    n_samples=60,
    n_layers=1,
    epochs=1,
    controls=("linear", "fourier"),
    levels=(0.0, 0.2, 0.5),
    shots=(256, 16),
    devices=("ibm_perth", "ibmq_manila"),
    device="ibmq_manila",
    scales=(0.0, 4.0),
    drift_hours=(24.0,),
    factors=(2.0,),
)
SEEDS = (7, 2)
MANY = tuple(range(12))


def results_of(
    settings: NoiseSettings, seeds: tuple[int, ...], result_of: Callable[[Any], dict[str, Any]]
) -> list[TaskResult]:
    return [
        TaskResult(task=task, result=result_of(task), seconds=0.0)
        for task in STUDY.tasks(settings, seeds)
    ]


def table(summary: Summary, name: str) -> Table:
    (found,) = (t for t in summary.tables if t.name == name)
    return found


def outcomes(summary: Summary, words: str) -> set[str]:
    found = {str(v.outcome) for v in summary.verdicts if re.search(words, v.claim)}
    assert found, words
    return found


def at(accuracy: float) -> dict[str, float]:
    return {"accuracy": accuracy, "routing_flips": 0.0}


def swept(quantum: Callable[[float], float], control: float) -> Callable[[Any], dict[str, Any]]:
    """Return results of a sweep in which accuracy is a function of the level."""

    def result_of(task: TrainTask) -> dict[str, Any]:
        if not isinstance(task, ShotsTask):
            return {"settings": [at(control)]}
        exact = task.train_on.is_exact
        accuracy = quantum(0.0 if exact else float(task.train_on.backend.rpartition(":")[2]))
        return {
            "settings": [at(accuracy) for _ in task.settings],
            "train_accuracy": accuracy,
            "shots": [[at(accuracy - 0.2) for _ in task.shots] for _ in task.sampled],
        }

    return result_of


@pytest.mark.parametrize(
    "settings", [SMALL, STUDY.quick, pytest.param(STUDY.settings(), marks=pytest.mark.trial)]
)
def test_tasks_are_possible_and_each_is_there_once(settings: NoiseSettings) -> None:
    tasks = STUDY.tasks(settings, SEEDS)
    assert len({task.content_hash for task in tasks}) == len(tasks)
    assert {task.seed for task in tasks if isinstance(task, TrainTask)} == set(SEEDS)
    for task in tasks:
        task.check()


def test_parts_can_be_left_out() -> None:
    whole = set(STUDY.tasks(SMALL, SEEDS))
    parts = [set(STUDY.tasks(SMALL.changed(parts=(part,)), SEEDS)) for part in PARTS]
    assert set.union(*parts) == whole
    assert all(part < whole for part in parts)


def test_all_devices_are_compared_unless_some_are_named() -> None:
    assert NoiseSettings().all_devices == list_profiles()
    assert len(list_profiles()) >= 14
    tasks = STUDY.tasks(NoiseSettings(parts=("devices",)), (0,))
    trained_on = {task.train_on.backend for task in tasks if isinstance(task, TrainTask)}
    assert trained_on == {"statevector", *(f"noisy:{name}" for name in list_profiles())}


def test_the_quick_form_is_the_papers_sweep() -> None:
    quick = STUDY.quick
    assert quick.levels == (0.0, 0.02, 0.05, 0.1, 0.15, 0.2)
    assert (quick.epochs, quick.n_samples, quick.learning_rate) == (20, 1000, 0.05)
    tasks: list[Task] = STUDY.tasks(quick, range(20))
    assert len(tasks) == 20 * (6 + 3)


def test_the_whole_study() -> None:
    results = results_of(SMALL, SEEDS, lambda task: task.run())
    summary = STUDY.summarize(SMALL, SEEDS, results)
    names = [t.name for t in summary.tables]
    assert names == [
        "depolarizing",
        "depolarizing_controls",
        "depolarizing_shots",
        "depolarizing_breakdown",
        "devices",
        "devices_factors",
        "devices_breakdown",
        "devices_shots",
        "scales",
        "scales_breakdown",
        "mechanisms",
        "mechanisms_breakdown",
        "drift",
        "mitigation",
    ]
    for one in summary.tables:
        assert all(len(row) == len(one.columns) for row in one.rows)
        assert one.source.startswith("2 seeds (7, 2)")
    for picture in summary.figures:
        picture.draw(Figure(figsize=picture.size, layout="constrained"))
    # Two seeds cannot decide anything.
    assert {verdict.outcome for verdict in summary.verdicts} == {"undecided"}

    sweeps = {(t.task.seed, t.task.train_on.backend): t.result for t in results
              if isinstance(t.task, ShotsTask)}  # fmt: skip
    found = np.array(
        [sweeps[s, "noisy:depolarizing:0.5"]["settings"][0]["accuracy"] for s in SEEDS]
    )
    mean = table(summary, "depolarizing").rows[2][1]
    assert isinstance(mean, Estimate)
    assert mean.value == pytest.approx(found.mean())
    # On the same seeds and points: without noise nothing is lost.
    (first,) = (row for row in table(summary, "scales").rows if row[0] == 0.0)
    exact = np.array([sweeps[s, "statevector"]["settings"][0]["accuracy"] for s in SEEDS])
    assert isinstance(first[1], Estimate)
    assert first[1].value == pytest.approx(exact.mean())
    mitigation = table(summary, "mitigation").rows
    assert len(mitigation) == 3 * len(METHODS)
    costs = {row[2]: row[-2:] for row in mitigation}
    assert costs["readout"] == (1, 1.0)
    assert costs["ZNE, linear"] == (3, pytest.approx(1.2076 * 3**0.5, abs=1e-4))
    # Times 4: the same model on the same rows as in the other part.
    by_device, by_factor = table(summary, "devices_factors"), table(summary, "scales")
    assert by_device.rows[1] == ("ibmq_manila", *(row[1] for row in by_factor.rows))


def test_a_breakdown_is_found_where_it_is() -> None:
    settings = SMALL.changed(parts=("depolarizing",))
    fall = swept(lambda p: 1.0 - p, control=0.95)
    summary = STUDY.summarize(settings, MANY, results_of(settings, MANY, fall))
    behind, _, under = table(summary, "depolarizing_breakdown").rows
    assert behind[0] == "falls behind linear"
    assert under[0] == "has an accuracy under 0.9"
    for cell, place in ((behind[1], 0.05), (under[1], 0.1), (behind[2], 0.0), (under[2], 0.0)):
        assert isinstance(cell, Breakdown)
        assert cell.value == pytest.approx(place)
        assert cell.interval == pytest.approx((place, place))
    assert outcomes(summary, "stays within 0.01 of its accuracy without") == {"not supported"}
    assert outcomes(summary, "more accurate than the router") == {"not supported"}
    assert outcomes(summary, "256 shots") == {"not supported"}


def test_what_does_not_break_down_is_said_so() -> None:
    settings = SMALL.changed(parts=("depolarizing",))
    flat = swept(lambda _: 0.99, control=0.95)
    summary = STUDY.summarize(settings, MANY, results_of(settings, MANY, flat))
    for row in table(summary, "depolarizing_breakdown").rows:
        assert str(row[1]).startswith("not reached up to 0.5")
    assert outcomes(summary, "stays within 0.01 of its accuracy without") == {"supported"}
    assert outcomes(summary, "more accurate than the router") == {"supported"}
    # Nothing was won by training under noise, since nothing was lost.
    assert outcomes(summary, "helps") == {"not supported"}


def test_an_equal_control_is_no_advantage() -> None:
    settings = SMALL.changed(parts=("depolarizing",))
    equal = swept(lambda _: 0.95, control=0.95)
    summary = STUDY.summarize(settings, MANY, results_of(settings, MANY, equal))
    assert outcomes(summary, "more accurate than the router") == {"not supported"}


def test_verdicts_on_devices_and_mitigation() -> None:
    settings = SMALL.changed(parts=("devices", "mechanisms", "mitigation"), shots=(1024,))

    def result_of(task: TrainTask) -> dict[str, Any]:
        if isinstance(task, MitigationTask):
            # Readout mitigation halves the errors, and costs 0.02 of accuracy.
            row = {"accuracy": 0.97, "routing_flips": 0.0, "error": 0.1, "overshoot": 0.0}
            better = {**row, "accuracy": 0.95, "error": 0.05}
            rows = [better if method == "readout" else row for method in METHODS]
            return {"mitigation": rows * len(task.executions)}
        if isinstance(task, PinnedTask):
            # Only readout errors cost anything.
            return {"settings": [at(0.97 if s.readout == 0 else 0.9) for s in task.settings]}
        # One device costs more than the other, unless trained on; less with every factor.
        ideal = task.train_on.is_exact

        def under(setting: CircuitExecution) -> float:
            bad = ideal and setting.backend == "noisy:ibm_perth"
            return 0.97 - 0.07 * setting.gates if bad else 0.97

        result = {"settings": [at(under(setting)) for setting in task.settings]}
        if isinstance(task, ShotsTask):
            result["shots"] = [[at(under(s) - 0.1)] for s in task.sampled]
        return result

    summary = STUDY.summarize(settings, MANY, results_of(settings, MANY, result_of))
    assert outcomes(summary, "accuracy without noise, on ibm_perth") == {"not supported"}
    assert outcomes(summary, "accuracy without noise, on ibmq_manila") == {"supported"}
    bad, good = table(summary, "devices_breakdown").rows
    assert (bad[0], good[0]) == ("ibm_perth", "ibmq_manila")
    assert isinstance(bad[-1], Breakdown)
    assert bad[-1].value == pytest.approx(1.0)
    assert str(good[-1]).startswith("not reached up to 4")
    with_shots = table(summary, "devices_shots").rows[0][2]
    assert isinstance(with_shots, Estimate)
    assert with_shots.value == pytest.approx(0.8)
    assert outcomes(summary, "training under a device's noise helps") == {"supported"}
    assert outcomes(summary, "readout errors of ibmq_manila alone") == {"not supported"}
    assert outcomes(summary, "relaxation of ibmq_manila alone") == {"supported"}
    assert outcomes(summary, "^readout mitigation brings") == {"supported"}
    assert outcomes(summary, "^readout mitigation makes") == {"not supported"}
    behind, _, under = table(summary, "mechanisms_breakdown").rows
    assert behind[0] == "falls behind linear"
    assert str(under[1]).startswith("not reached up to 4")


def test_all_claims_of_the_study_are_one_family() -> None:
    results = results_of(SMALL, MANY, lambda task: fabricated(task, np.random.default_rng(0)))
    summary = STUDY.summarize(SMALL, MANY, results)
    assert {verdict.n_claims for verdict in summary.verdicts} == {len(summary.verdicts)}
    assert STUDY.n_claims(SMALL) == len(summary.verdicts)
    assert f"the {len(summary.verdicts)} claims of the study" in str(summary.verdicts[0])


def fabricated(task: TrainTask, rng: np.random.Generator) -> dict[str, Any]:
    """Return results without meaning."""

    def some() -> dict[str, float]:
        return {**at(rng.uniform(0.8, 1)), "error": rng.uniform(), "overshoot": 0.0}

    return {
        "settings": [some() for _ in task.settings],
        "train_accuracy": 1.0,
        "shots": [[some() for _ in (256, 16)] for _ in task.settings],
        "mitigation": [some() for _ in METHODS for _ in (0, 256, 16)],
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"parts": ()}, "parts is empty"),
        ({"parts": ("device",)}, "did you mean 'devices'|known are"),
        ({"parts": ("drift", "drift")}, "parts has a value twice"),
        ({"device": "ibm_turino"}, "ibm_torino"),
        ({"devices": ("ibm_perth", "ibm_pert")}, "ibm_perth"),
        ({"controls": ("quantum",)}, "a control is a classical router, got 'quantum'"),
        ({"levels": (0.1, 0.2)}, "levels must begin with 0"),
        ({"levels": (0.0, 0.2, 0.1)}, "levels must begin with 0"),
        ({"levels": (0.0, 0.8)}, r"levels\[1\] .* cannot be 0.8: .* less than or equal to 0.75"),
        ({"scales": (0.0,)}, "scales must begin with 0"),
        ({"scales": (0.0, float("inf"))}, r"scales\[1\] .* cannot be inf: .* finite number"),
        ({"shots": (0,)}, "shots"),
        (
            {"drift_hours": (-1.0,)},
            r"drift_hours\[0\] .* cannot be -1.0: .* than or equal to 0",
        ),
        ({"margin": 0.0}, "margin .* cannot be 0.0: it must lie between 0 and 1"),
        ({"accuracy": 1.5}, "accuracy .* cannot be 1.5: it must lie between 0 and 1"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        NoiseSettings(**changes)
