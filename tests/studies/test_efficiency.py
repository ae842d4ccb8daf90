"""The study of efficiency: what its tables and verdicts say of given results."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.stats import estimates, judge
from qmoe_qiskit.studies.efficiency.figure import side_by_side
from qmoe_qiskit.studies.efficiency.parameters_needed import Family, needed_parameters
from qmoe_qiskit.studies.efficiency.settings import EfficiencySettings
from qmoe_qiskit.studies.efficiency.study import STUDY
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.report.summary import Estimate
from qmoe_qiskit.studies.training.paired_results import RouterResults, ScaledRouter, router_results
from qmoe_qiskit.studies.training.train_task import TrainTask

if TYPE_CHECKING:
    from collections.abc import Mapping

SMALL = EfficiencySettings(
    n_samples=60,
    epochs=2,
    learning_rates=(0.1,),
    layers=(1, 2),
    reference_layers=2,
    controls=("linear", "mlp:2", "fourier"),
    compared=("linear",),
    threshold=0.8,
)
SEEDS = (5, 2)


@pytest.fixture(scope="module")
def results() -> list[TaskResult]:
    return [
        TaskResult(task=task, result=task.run(), seconds=0.0) for task in STUDY.tasks(SMALL, SEEDS)
    ]


def test_every_router_meets_every_seed_on_both_scalings() -> None:
    for settings in (SMALL, STUDY.quick, STUDY.settings()):
        tasks = STUDY.tasks(settings, SEEDS)
        n_routers = len(settings.layers) + len(settings.controls)
        assert len(tasks) == n_routers * len(settings.scalings) * len(SEEDS)
        assert len({task.content_hash for task in tasks}) == len(tasks)
        for task in tasks:
            task.check()


def test_tables_hold_the_results(results: list[TaskResult]) -> None:
    summary = STUDY.summarize(SMALL, SEEDS, results)
    table = summary.tables[0]
    assert len(table.rows) == 5 * 2
    by_name = {(row[0], row[1]): row for row in table.rows}

    def accuracies(scaling: str, router: str, layers: int) -> list[float]:
        return [
            found.result["settings"][0]["accuracy"]
            for seed in SEEDS
            for found in results
            if isinstance(found.task, TrainTask)
            and (found.task.seed, found.task.scaling) == (seed, scaling)
            and (found.task.router, found.task.n_layers) == (router, layers)
        ]

    for scaling in SMALL.scalings:
        reference = np.array(accuracies(scaling, "quantum", 2))
        row = by_name[scaling, "ReLU (h = 2)"]
        relu = np.array(accuracies(scaling, "mlp:2", 3))
        assert row[2] == 12
        mean, lead = row[5], row[8]
        assert isinstance(mean, Estimate)
        assert isinstance(lead, Estimate)
        assert mean.value == pytest.approx(relu.mean())
        assert lead.value == pytest.approx((reference - relu).mean())
        assert lead.n == len(SEEDS)
        assert by_name[scaling, "quantum (L = 2)"][8] is None
        assert by_name[scaling, "quantum (L = 1)"][2] == 12
    # Two counts of no other family, which have 1 size each, and one compared router, on 2 scalings.
    assert len(summary.verdicts) == 2 == STUDY.n_claims(SMALL)
    assert {verdict.n_claims for verdict in summary.verdicts} == {2}
    assert {verdict.outcome for verdict in summary.verdicts} == {"undecided"}


def test_pictures_can_be_drawn(results: list[TaskResult]) -> None:
    for picture in STUDY.summarize(SMALL, SEEDS, results).figures:
        figure = Figure(figsize=picture.size, layout="constrained")
        picture.draw(figure)
        figure.draw_without_rendering()


def result(accuracy: float, size: int, validation: float | None = None) -> dict[str, Any]:
    tried = accuracy if validation is None else validation
    return {
        "learning_rate": 0.1,
        "validation": [
            {"learning_rate": 0.05, "accuracy": 1.0},
            {"learning_rate": 0.1, "accuracy": tried},
        ],
        "settings": [{"accuracy": accuracy}],
        "n_parameters": size,
        "effective_parameters": size // 2,
    }


def found(accuracies: Mapping[str, tuple[float, ...]], n_seeds: int = 12) -> RouterResults:
    """Return results in which every seed has the same accuracy and size, by router."""
    results = [
        TaskResult(
            task=TrainTask(seed=seed, router=router),
            result=result(*numbers),  # type: ignore[arg-type]
            seconds=0.0,
        )
        for router, numbers in accuracies.items()
        for seed in range(n_seeds)
    ]
    return router_results(range(n_seeds), results)


@pytest.mark.parametrize(
    ("relu", "outcome", "difference"),
    [
        ((0.99, 40), "supported", 1.0),  # twice as many
        ((0.99, 10), "not supported", -1.0),
        ((0.99, 20), "undecided", 0.0),
        ((0.97, 10), "supported", 2.0),  # never there: twice the largest, which is 40
    ],
)
def test_the_smaller_one_that_gets_there_wins(
    relu: tuple[float, int], outcome: str, difference: float
) -> None:
    accuracies = {"quantum": (0.98, 20), "mlp:4": relu, "fourier": (0.5, 40)}
    table, claims = needed_parameters(
        found(accuracies), ["paper"], threshold=0.98, source="nothing"
    )
    verdicts = judge(claims)
    of_relu = [verdict for verdict in verdicts if "ReLU" in verdict.claim]
    assert [verdict.outcome for verdict in of_relu] == [outcome] * 2
    assert of_relu[0].difference.value == pytest.approx(difference)
    assert "effective" in of_relu[1].claim
    sizes = {(row[1], row[2]): row[5] for row in table.rows}
    assert sizes["quantum", "parameters"] == 20
    assert sizes["Fourier features", "parameters"] == "not reached"


def test_the_smallest_of_a_family_counts_that_passes_on_validation_rows() -> None:
    # Held-out accuracy, size, validation accuracy.
    accuracies = {
        "quantum": (0.99, 24, 0.9),  # the only one: chosen, and good enough
        "mlp:2": (0.99, 12, 0.9),  # would do, but who should know
        "mlp:4": (0.99, 22, 0.99),
        "mlp:8": (0.99, 42, 1.0),
        "fourier": (0.99, 18, 0.9),
        "rff:4": (0.9, 10, 0.95),  # the best one there is not good enough
    }
    table, claims = needed_parameters(found(accuracies), ["paper"], threshold=0.98, source="")
    sizes = {(row[1], row[2]): row[5] for row in table.rows}
    assert sizes["quantum", "parameters"] == 24
    assert sizes["ReLU", "parameters"] == 22
    assert sizes["Fourier features", "effective parameters"] == "not reached"
    assert {row[1]: row[3] for row in table.rows} == {
        "quantum": 1,
        "ReLU": 3,
        "Fourier features": 2,
    }
    # More sizes are more tries.
    assert claims == []


def test_points_of_equal_size_stand_side_by_side() -> None:
    sizes = [6.0, 12.0, 12.0, 12.0, 24.0]
    places = side_by_side(sizes)
    assert [places[0], places[2], places[4]] == [6.0, 12.0, 24.0]
    assert len(set(places)) == len(sizes)
    assert places == sorted(places)
    assert side_by_side([9.0, 9.0])[0] < 9.0 < side_by_side([9.0, 9.0])[1]


def test_full_and_quick_settings_compare_families_of_as_many_sizes() -> None:
    for settings in (EfficiencySettings(), STUDY.quick):
        routers = ["quantum"] * len(settings.layers) + list(settings.controls)
        sizes = Counter(
            Family.of(ScaledRouter(scaling="paper", router=router)) for router in routers
        )
        assert sizes[Family.QUANTUM] == sizes[Family.RELU] == sizes[Family.FOURIER] > 1


def made_up(
    settings: EfficiencySettings, seeds: range, rng: np.random.Generator
) -> list[TaskResult]:
    """Every family alike: as large, and as often good enough, whatever the size."""
    ranks: Counter[tuple[int, str, Family]] = Counter()
    results = []
    for task in STUDY.tasks(settings, seeds):
        assert isinstance(task, TrainTask)
        family = Family.of(ScaledRouter(scaling=task.scaling, router=task.router))
        rank = ranks[task.seed, task.scaling, family]
        ranks[task.seed, task.scaling, family] += 1
        share = 0.992 if rng.random() < 0.5 else 0.9
        held_out, tried = rng.binomial(250, share) / 250, rng.binomial(150, share) / 150
        made = result(held_out, 12 * 2**rank, tried)
        results.append(
            TaskResult(task=task, result={**made, "train_accuracy": held_out}, seconds=0.0)
        )
    return results


def test_families_alike_are_seldom_told_apart(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, *, whole: bool
) -> None:
    """The true rate is at most 2.5 %; more would be seen in 2 of 100 tests, or of 100 samples."""
    n_studies, bound = (200, 0.05) if whole else (20, 0.1)
    # p-values decide; intervals of fewer resamples are as good here, and 100 times as fast.
    monkeypatch.setattr(estimates, "RESAMPLES", 99)
    settings, seeds = EfficiencySettings(scalings=("paper",)), range(20)
    wrong = 0
    for _ in range(n_studies):
        summary = STUDY.summarize(settings, seeds, made_up(settings, seeds, rng))
        assert len(summary.verdicts) == 2 * 2 + 4 == STUDY.n_claims(settings)
        wrong += any(verdict.outcome == "supported" for verdict in summary.verdicts)
    assert wrong <= bound * n_studies


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scalings": ("paper", "centered")}, "did you mean 'centred'"),
        ({"scalings": ()}, "scalings"),
        ({"layers": (1, 0)}, "layers"),
        ({"layers": (1, 2)}, "reference_layers is 3"),
        ({"controls": ("linear", "linear")}, "twice"),
        ({"controls": ()}, "controls"),
        ({"compared": ("mlp:5",)}, "unknown router in compared 'mlp:5'"),
        ({"threshold": 98.0}, "threshold"),
        ({"margin": -0.01}, "margin"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        EfficiencySettings(**changes)


def test_results_are_paired_whatever_their_order(results: list[TaskResult]) -> None:
    first, second = (
        STUDY.summarize(SMALL, SEEDS, order) for order in (results, list(reversed(results)))
    )
    assert sorted(map(repr, first.tables[0].rows)) == sorted(map(repr, second.tables[0].rows))
    assert all(a.seed != b.seed or a != b for a, b in pairwise(r.task for r in results))  # type: ignore[attr-defined]
