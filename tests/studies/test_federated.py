"""The study of federated training: its task, its settings, and what it says of given results."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.federated import federate
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.engine.task import unique_tasks
from qmoe_qiskit.studies.federated.settings import FederatedSettings
from qmoe_qiskit.studies.federated.study import STUDY
from qmoe_qiskit.studies.federated.summary import n_claims
from qmoe_qiskit.studies.federated.task import FederatedTask
from qmoe_qiskit.train import QMoEClassifier

SMALL: dict[str, Any] = {"n_samples": 120, "clients": 3, "rounds": 2, "router": "linear"}


def test_ways() -> None:
    """Central training has the rows and the common test rows of the clients, joined."""
    task = FederatedTask(seed=3, way="fedavg", **SMALL)
    results = {way: replace(task, way=way).run() for way in ("fedavg", "central", "alone")}
    assert results["central"]["rows"] == [sum(results["fedavg"]["rows"])]
    assert len(results["fedavg"]["own"]) == len(results["fedavg"]["common"]) == 2
    assert len(results["central"]["own"]) == 1
    assert results["alone"]["bytes"][0] < results["fedavg"]["bytes"][0]
    test, parts = task._parts()
    run = federate(QMoEClassifier("linear"), parts, rounds=2, seed=3, test=test)
    assert results["fedavg"]["own"] == list(run.own_R)
    assert task.run() == results["fedavg"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"ways": ("gossip",)}, "unknown way 'gossip'"),
        ({"ways": ()}, "ways is empty"),
        ({"controls": ("quantum",)}, "a control is a classical router"),
        ({"near": 1.0}, "near .* cannot be 1.0: it must lie between 0 and 1"),
    ],
)
def test_settings_that_are_not_accepted(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        FederatedSettings(**changes)


def test_an_impossible_partition_is_found_before_the_first_task() -> None:
    with pytest.raises(InputError, match="400 clients are more than the 300 rows"):
        unique_tasks(STUDY.tasks(STUDY.quick.changed(clients=400), [0]))


@pytest.mark.parametrize("settings", [FederatedSettings(), STUDY.quick])
def test_summary_of_given_results(settings: FederatedSettings, rng: np.random.Generator) -> None:
    """Where sharing the router helps in every seed the claim is supported, and others are not."""
    levels = {"central": 0.99, "router": 0.95, "alone": 0.95, "experts": 0.9}
    seeds = range(max(8, STUDY.seeds_to_decide(settings)))
    results = []
    for task in STUDY.tasks(settings, seeds):
        assert isinstance(task, FederatedTask)
        level = levels.get(task.way, 0.85) + rng.uniform(-0.004, 0.004)
        own = [level] if task.way == "central" else [0.5, *[level] * (settings.rounds - 1)]
        size = 100 + 50 * len(task.way)
        result = {"own": own, "common": own, "bytes": [size, size + 9], "rows": [70, 80]}
        results.append(TaskResult(task=task, result=result, seconds=1.0))
    summary = STUDY.summarize(settings, seeds, results)
    assert len(summary.verdicts) == n_claims(settings)
    outcomes = {one.claim: one.outcome for one in summary.verdicts}
    own = "on rows of their own"
    assert outcomes[f"with a quantum router, shared router is more accurate than FedAvg {own}"] == (
        "supported"
    )
    alone = f"with a quantum router, shared router is more accurate than each alone {own}"
    assert outcomes[alone] == "not supported"
    (table,) = summary.tables
    names = [column.name for column in table.columns]
    rows = {row[:2]: dict(zip(names, row, strict=True)) for row in table.rows}
    near = "rounds to near central, median"
    assert rows["quantum", "shared router"][near] == 2
    assert rows["quantum", "FedAvg"][near] == "not reached"
    assert rows["quantum", "central"][near] is None
