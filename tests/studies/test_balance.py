"""The study of balance: its task, its settings, and what it says of given results."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.stats import entropy as reference_entropy

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.balance.results import BalanceResults, entropy
from qmoe_qiskit.studies.balance.settings import BalanceSettings, Case
from qmoe_qiskit.studies.balance.study import STUDY
from qmoe_qiskit.studies.balance.task import BalanceTask
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.task import unique_tasks
from qmoe_qiskit.studies.report.summary import Estimate, Summary
from qmoe_qiskit.studies.training.circuit_execution import EXACT, CircuitExecution
from qmoe_qiskit.studies.training.train_task import TrainTask

SMALL: dict[str, Any] = {"n_samples": 80, "epochs": 2, "n_layers": 1}


@pytest.mark.parametrize("router", ["quantum", "linear"])
def test_without_weight_it_is_the_usual_training(router: str) -> None:
    task = BalanceTask(seed=3, router=router, **SMALL)
    usual = TrainTask(seed=3, router=router, **SMALL)
    assert task.run() == usual.run()
    assert task.content_hash != usual.content_hash
    weighted = replace(task, balance_weight=0.1)
    assert weighted.run() != task.run()
    assert weighted.content_hash != task.content_hash


def test_the_loss_spreads_the_load() -> None:
    task = BalanceTask(seed=3, router="linear", n_experts=4, n_samples=80, epochs=20)
    loads = [
        np.array(replace(task, balance_weight=weight).run()["settings"][0]["expert_load"])
        for weight in (0.0, 5.0)
    ]
    assert entropy(loads[1]) > entropy(loads[0])


def test_noise_flips_routing_and_exact_evaluation_does_not() -> None:
    noise = CircuitExecution(backend="noisy:depolarizing:0.2", shots=16)
    task = BalanceTask(seed=3, settings=(EXACT, noise), **SMALL)
    exact, noisy = task.run()["settings"]
    assert exact["routing_flips"] == 0
    assert noisy["routing_flips"] > 0


@pytest.mark.parametrize("weight", [-0.1, float("inf"), "0.1"])
def test_an_impossible_weight_is_found_before_the_first_task(weight: Any) -> None:
    with pytest.raises(InputError, match="balance_weight must be a number of at least 0"):
        BalanceTask(seed=0, balance_weight=weight).check()


def test_entropy(rng: np.random.Generator) -> None:
    shares_E = rng.dirichlet(np.ones(5))
    assert entropy(shares_E) == pytest.approx(reference_entropy(shares_E))
    assert entropy(np.array([1.0, 0.0])) == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"weights": (0.1, 0.2)}, "weights must begin with 0"),
        (
            {"weights": (0.0, -0.1)},
            r"weights\[1\] .* cannot be -0.1: .* than or equal to 0",
        ),
        ({"weights": (0.0, 0.0)}, "has a value twice"),
        ({"controls": ("quantum",)}, "a control is a classical router"),
        ({"controls": ()}, "controls is empty"),
        ({"n_experts": (1,)}, r"n_experts\[0\] .* cannot be 1: .* greater than or equal to 2"),
        ({"n_experts": (0,)}, r"n_experts\[0\] .* cannot be 0: .* greater than or equal to 2"),
        ({"scalings": ("papr",)}, "did you mean 'paper'"),
        ({"dead": 0.0}, "dead .* cannot be 0.0: it must lie between 0 and 1"),
        ({"flips": 1.5}, "flips .* cannot be 1.5: it must lie between 0 and 1"),
    ],
)
def test_settings_that_are_not_accepted(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        BalanceSettings(**changes)


@pytest.mark.parametrize("settings", [BalanceSettings(), STUDY.quick])
def test_every_task_of_a_seed_is_possible_and_only_there_once(settings: BalanceSettings) -> None:
    tasks = STUDY.tasks(settings, [5, 6])
    assert len({task.content_hash for task in tasks}) == len(tasks) == 2 * len(settings.cases)
    unique_tasks(tasks[: len(settings.cases)])


def test_a_device_that_does_not_exist_is_found_before_the_first_task() -> None:
    with pytest.raises(InputError, match="did you mean 'ibm_torino'"):
        unique_tasks(STUDY.tasks(STUDY.quick.changed(device="ibm_tornio"), [0]))


def made_up(settings: BalanceSettings, seeds: range, rng: np.random.Generator) -> list[TaskResult]:
    """A quantum router that balances, but for one expert until the loss helps; linear: one expert.

    Every seed's numbers differ a little.
    """

    def measure(case: Case, where: int) -> dict[str, Any]:
        n = case.n_experts
        little = rng.uniform(0, 0.001)
        if case.router == "linear":
            load = [1 - little, little, *[0.0] * (n - 2)]
        elif case.weight:
            load = [1 / n + little, 1 / n - little, *[1 / n] * (n - 2)]
        else:
            load = [1 / (n - 1) - little, *[1 / (n - 1)] * (n - 2), little]
        return {
            "accuracy": 0.9 + little,
            "cross_entropy": 0.1,
            "expert_load": load,
            "routing_entropy": 0.5,
            "routing_flips": 0.0 if where == 0 else (0.01 + case.weight) * (1 + little),
        }

    tasks = STUDY.tasks(settings, seeds)
    cases = settings.cases * len(seeds)
    return [
        TaskResult(
            task=task,
            result={"settings": [measure(case, k) for k in range(len(task.settings))]},
            seconds=1.0,
        )
        for case, task in zip(cases, tasks, strict=True)
        if isinstance(task, BalanceTask)
    ]


def test_what_is_said_of_given_results(rng: np.random.Generator) -> None:
    settings = STUDY.quick.changed(n_experts=(4,), scalings=("paper", "centred"))
    seeds = range(12)
    results = made_up(settings, seeds, rng)
    summary = STUDY.summarize(settings, seeds, results)
    outcomes = {verdict.claim: verdict.outcome for verdict in summary.verdicts}
    assert {verdict.n_claims for verdict in summary.verdicts} == {len(outcomes)}
    assert STUDY.n_claims(settings) == len(outcomes)
    better = [claim for claim in outcomes if "balances 4 experts better than the linear" in claim]
    assert len(better) == 2
    said = {
        **dict.fromkeys(better, "supported"),
        "a balance loss of weight 0.1 brings dead ones among 4 experts of the quantum router "
        "to life": "supported",
        "a balance loss of weight 0.1 leaves the accuracy of 4 experts of the quantum router "
        "what it was": "supported",
        "a balance loss of weight 0.1 lets more rows go to another of 4 experts under ibm_torino, "
        "1024 shots": "supported",
    }
    assert {claim: outcomes[claim] for claim in said} == said
    stable = [outcome for claim, outcome in outcomes.items() if claim.startswith("under ")]
    assert stable == ["supported"] * 4
    found = BalanceResults(settings, seeds, results)
    assert found.measure("dead", found.case("quantum", 4)).tolist() == [1.0] * 12
    assert found.measure("dead", found.case("linear", 4)).tolist() == [3.0] * 12
    load, flips = summary.tables
    row = next(row for row in load.rows if row[:4] == ("quantum", 4, 0.1, "paper"))
    assert isinstance(row[4], Estimate)
    assert row[4].value == pytest.approx(1, abs=1e-4)
    assert len(load.rows) == len(settings.cases)
    assert all(len(row) == len(table.columns) for table in (load, flips) for row in table.rows)


def drawn(summary: Summary) -> None:
    for picture in summary.figures:
        figure = Figure(figsize=picture.size, layout="constrained")
        picture.draw(figure)
        figure.canvas.draw()


def test_from_tasks_to_figures() -> None:
    settings = STUDY.quick.changed(
        n_experts=(2,),
        n_samples=80,
        epochs=1,
        n_layers=1,
        shots=16,
        weights=(0.0, 1.0),
    )
    tasks = STUDY.tasks(settings, [0, 1])
    results = [TaskResult(task=task, result=task.run(), seconds=1.0) for task in tasks]
    summary = STUDY.summarize(settings, [0, 1], results)
    assert {verdict.outcome for verdict in summary.verdicts} == {"undecided"}  # two seeds
    assert STUDY.n_claims(settings) == len(summary.verdicts)
    drawn(summary)
