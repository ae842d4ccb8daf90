"""The study of experts: fair contenders, reproducible tasks, and a summary of all of them."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.stats import fewest_seeds
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.experts.models import ModelSizes, Products, build_model
from qmoe_qiskit.studies.experts.settings import CONTENDERS, ExpertsSettings
from qmoe_qiskit.studies.experts.study import STUDY
from qmoe_qiskit.studies.experts.task import DATA, ExpertsTask, unit_rows

SIZES = ModelSizes(n_features=16, n_classes=2, n_experts=3, n_layers=2)
SMALL = ExpertsSettings(
    data=("synthetic",), n_samples=120, epochs=1, learning_rates=(0.03, 0.1), margin=0.0
)


def parameters(name: str, sizes: ModelSizes = SIZES) -> int:
    generator = torch.Generator().manual_seed(0)
    model = build_model(name, sizes, backend="statevector", generator=generator)
    assert model(torch.ones(3, sizes.n_features).double()).shape == (3, sizes.n_classes)
    return sum(p.numel() for p in model.parameters())


def task(**changes: Any) -> ExpertsTask:
    fields: dict[str, Any] = {
        "seed": 3,
        "data": "synthetic",
        "n_samples": 120,
        "test_fraction": 0.5,
        "model": "quantum_mixture",
        "n_experts": 3,
        "n_layers": 2,
        "backend": "statevector",
        "epochs": 2,
        "batch_size": 32,
        "learning_rates": (0.1,),
    }
    return ExpertsTask(**(fields | changes))


def test_sizes_are_equal_where_they_are_said_to_be() -> None:
    assert parameters("linear") == parameters("qnn") == 34
    assert parameters("linear_mixture") == parameters("quantum_mixture") == 153
    assert parameters("relu_mixture") == 577  # the notebook's
    deep = replace(SIZES, n_layers=ExpertsSettings().deep_layers)
    assert abs(parameters("qnn", deep) - 153) <= 6  # half a layer


@pytest.mark.parametrize(("n_experts", "n_layers"), [(2, 1), (3, 2), (4, 3), (5, 6)])
def test_one_circuit_is_made_as_large_as_the_mixture(n_experts: int, n_layers: int) -> None:
    settings = ExpertsSettings(n_experts=n_experts, n_layers=n_layers)
    sizes = replace(SIZES, n_experts=n_experts, n_layers=n_layers)
    deep = replace(SIZES, n_layers=settings.deep_layers)
    assert abs(parameters("qnn", deep) - parameters("quantum_mixture", sizes)) <= 6


def test_products_are_all_products(rng: np.random.Generator) -> None:
    x_BF = rng.normal(size=(5, 3))
    products = Products(3)(torch.from_numpy(x_BF)).numpy()
    expected = [x_BF[:, i] * x_BF[:, j] for i in range(3) for j in range(i, 3)]
    np.testing.assert_array_equal(products, np.stack(expected, axis=1))


@pytest.mark.parametrize("data", DATA)
def test_data_have_16_features_two_classes_and_unit_rows(data: str) -> None:
    rows = unit_rows(DATA[data](200, 1))
    assert rows.features_NF.shape[1] == 16
    assert set(rows.labels_N.tolist()) == {0, 1}
    np.testing.assert_allclose(np.linalg.norm(rows.features_NF, axis=1), 1)


def test_a_task_gives_the_same_result_bit_for_bit() -> None:
    one = task().run()
    assert task().run() == one
    assert json.loads(json.dumps(one, allow_nan=False)) == one
    other = task(seed=4).run()
    assert other["cross_entropy"] != one["cross_entropy"]
    assert one["validation"] == []
    assert (one["n_train"], one["n_test"], one["n_parameters"]) == (60, 60, 153)


def test_the_learning_rate_is_chosen_and_the_model_trained_anew() -> None:
    first = task(model="linear", learning_rates=(1e-4, 0.3)).run()
    assert [v["learning_rate"] for v in first["validation"]] == [1e-4, 0.3]
    losses = [v["cross_entropy"] for v in first["validation"]]
    assert first["learning_rate"] == (1e-4, 0.3)[int(np.argmin(losses))]
    alone = task(model="linear", learning_rates=(first["learning_rate"],)).run()
    assert {**alone, "validation": first["validation"]} == first


@pytest.mark.parametrize("model", ["qnn", "quantum_mixture"])
def test_experts_are_trained_under_noise_too(model: str) -> None:
    noisy = task(model=model, backend="noisy:ibm_perth", epochs=1)
    noisy.check()
    assert set(noisy.profiles()) == {"noisy:ibm_perth"}
    ideal = task(model=model, epochs=1)
    assert ideal.profiles() == {}
    assert noisy.run()["cross_entropy"] != ideal.run()["cross_entropy"]


def test_tasks_are_found_impossible_before_they_run() -> None:
    with pytest.raises(InputError, match=r"unknown data 'digit'.*did you mean 'digits'"):
        task(data="digit").check()
    with pytest.raises(InputError, match="unknown backend 'statevektor'"):
        task(backend="statevektor").check()
    with pytest.raises(InputError, match="runtime:fake_torino"):
        task(backend="runtime:fake_torino").check()
    with pytest.raises(InputError, match=r"unknown model 'qn'.*did you mean 'qnn'"):
        build_model("qn", SIZES, backend="statevector", generator=torch.Generator())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data", ()),
        ("data", ("digit",)),
        ("data", ("digits", "digits")),
        ("n_samples", 99),
        ("test_fraction", 0.0),
        ("test_fraction", float("nan")),
        ("n_experts", 0),
        ("n_layers", 1.5),
        ("epochs", 0),
        ("batch_size", 0),
        ("paper_learning_rate", 0.0),
        ("learning_rates", (0.1, -0.1)),
        ("learning_rates", (0.1, float("inf"))),
        ("margin", -0.1),
    ],
)
def test_impossible_settings_are_refused(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=name):
        ExpertsSettings(**{name: value})


def test_one_learning_rate_is_no_choice() -> None:
    with pytest.raises(InputError, match=r"learning_rates needs two"):
        ExpertsSettings(learning_rates=(0.1,))


def test_tasks_are_paired_and_can_be_sent_to_workers() -> None:
    seeds = range(2)
    tasks = STUDY.tasks(SMALL, seeds)
    assert len({t.content_hash for t in tasks}) == len(tasks) == 2 * len(CONTENDERS) * len(seeds)
    assert pickle.loads(pickle.dumps(tasks)) == tasks  # noqa: S301 - our own
    noisy = STUDY.tasks(SMALL.changed(backend="noisy:depolarizing:0.1"), [0])
    where = {t.backend for t in noisy if isinstance(t, ExpertsTask) and t.model == "linear"}
    assert where == {"statevector"}


def test_quick_seeds_are_enough_for_a_verdict() -> None:
    n_claims = 5 * len(STUDY.quick.data)
    assert STUDY.seeds_to_decide(STUDY.quick) == fewest_seeds(n_claims)


def test_the_summary_is_of_all_results() -> None:
    seeds = [5, 6]
    tasks = STUDY.tasks(SMALL, seeds)
    results = [TaskResult(task=t, result=t.run(), seconds=0.5) for t in tasks]
    summary = STUDY.summarize(SMALL, seeds, results)
    accuracy, time = summary.tables
    assert [row[1] for row in accuracy.rows] == [c.label for c in CONTENDERS]
    assert all(len(row) == len(table.columns) for table in summary.tables for row in table.rows)
    assert "not reproducible" in time.title
    assert len(summary.verdicts) == 5 == STUDY.n_claims(SMALL)
    assert {v.outcome for v in summary.verdicts} == {"undecided"}  # two seeds decide nothing
    by_hand = {
        c.label: np.mean(
            [
                r.result["accuracy"]
                for r in results
                if isinstance(r.task, ExpertsTask)
                and (r.task.model, r.task.n_layers)
                == (c.model, SMALL.deep_layers if c.deep else SMALL.n_layers)
                and len(r.task.learning_rates) > 1
            ]
        )
        for c in CONTENDERS
    }
    for row in accuracy.rows:
        assert row[3].value == pytest.approx(by_hand[row[1]])  # type: ignore[union-attr,index]
    first = summary.verdicts[0]
    assert first.difference.value == pytest.approx(
        by_hand["mixture of quantum experts"] - by_hand["one QNN"]
    )
    shuffled = STUDY.summarize(SMALL, seeds, results[::-1])
    assert shuffled.tables[0] == accuracy


def test_the_figure_can_be_drawn() -> None:
    from matplotlib.figure import Figure

    results = [TaskResult(task=t, result=_fake(t), seconds=0.5) for t in STUDY.tasks(SMALL, [0, 1])]
    (picture,) = STUDY.summarize(SMALL, [0, 1], results).figures
    figure = Figure(figsize=picture.size, layout="constrained")
    picture.draw(figure)
    figure.canvas.draw()
    assert figure.findobj(lambda artist: hasattr(artist, "get_xlabel"))


def _fake(one: Any) -> dict[str, Any]:
    accuracy = 0.5 + 0.1 * one.seed
    return {"accuracy": accuracy, "n_parameters": 1, "n_train": 60, "learning_rate": 0.1}
