"""What a result says that it ran on, in full: instance, primitive, mitigation, options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ibm_service import IBMService
from qiskit.quantum_info import Statevector

from qmoe_qiskit.runs import load_run
from qmoe_qiskit.runs.evaluation import select_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FEW = ("--samples", "4", "--shots", "64")
FAKE = ("--backend", "runtime:fake_manila", *FEW)
ON_MANILA = ("--backend", "runtime:ibmq_manila", *FEW)

SAMPLER = 'primitive = "sampler"\n[twirling]\nenable_measure = true\n'
DECOUPLED = "resilience_level = 0\n[dynamical_decoupling]\nenable = true\n"
TWO_FACTORS = "[resilience]\nzne_mitigation = true\n[resilience.zne]\nnoise_factors = [1, 3]\n"
FOLDED = TWO_FACTORS + 'extrapolator = "linear"\n'


@pytest.mark.parametrize(
    ("options", "toml", "primitive", "level", "mitigation", "words"),
    [
        ((), "", "estimator", 1, "TREX", "estimator at resilience level 1, mitigation 'TREX'"),
        (("--resilience", "0"), "", "estimator", 0, "none", "level 0, mitigation 'none'"),
        (
            ("--resilience", "2"),
            "",
            "estimator",
            2,
            "TREX, gate twirling and ZNE",
            "level 2, mitigation 'TREX, gate twirling and ZNE'",
        ),
        ((), FOLDED, "estimator", 1, "TREX and ZNE", '"noise_factors": [1.0, 3.0]'),
        ((), DECOUPLED, "estimator", 0, "dynamical decoupling", '"enable": true'),
        (
            (),
            SAMPLER,
            "sampler",
            None,
            "measurement twirling",
            "sampler, mitigation 'measurement twirling', options {\"twirling\":",
        ),
    ],
    ids=["default", "level 0", "level 2", "ZNE", "DD", "sampler"],
)
def test_primitive_and_mitigation(
    *,
    options: tuple[str, ...],
    toml: str,
    primitive: str,
    level: int | None,
    mitigation: str,
    words: str,
    document: Callable[..., Any],
    said: Callable[..., str],
    run: Path,
    tmp_path: Path,
) -> None:
    if toml:
        (tmp_path / "options.toml").write_text(toml)
        options = (*options, "--options", str(tmp_path / "options.toml"))
    measured = document("evaluate", run, *FAKE, *options)
    execution = measured["execution"]
    assert (execution["primitive"], execution["resilience_level"]) == (primitive, level)
    assert execution["mitigation"] == mitigation
    assert execution["instance"] is None
    for metric in measured["metrics"].values():
        assert words in metric["produced_by"]
    assert words in said("evaluate", run, *FAKE, *options)


def test_a_result_that_was_recorded_says_what_its_jobs_ran_on(
    ibm: IBMService, document: Callable[..., Any], run: Path
) -> None:
    document("submit", run, *ON_MANILA, "--yes")
    for _ in range(2):  # fetched, and from the ledger
        measured = document("evaluate", run, *ON_MANILA)
        execution = measured["execution"]
        assert execution["instance"] == ibm.account.first.name
        assert (execution["primitive"], execution["resilience_level"]) == ("estimator", 1)
        assert execution["mitigation"] == "TREX"
        for metric in measured["metrics"].values():
            assert "'runtime:ibmq_manila' of instance 'loopback' (" in metric["produced_by"]
            assert "estimator at resilience level 1, mitigation 'TREX'" in metric["produced_by"]


def test_errors_that_an_extrapolation_does_not_give(
    document: Callable[..., Any], run: Path
) -> None:
    measured = document("evaluate", run, *FAKE, "--resilience", "2")
    error = measured["metrics"]["router_std_error"]
    assert 0 < error["value"] < 10
    assert error["produced_by"].endswith("of 8 outputs that have no such error")


def test_values_that_an_extrapolation_does_not_give(
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
    run: Path,
    tmp_path: Path,
) -> None:
    """Exponentials through two points of 64 shots."""
    (tmp_path / "options.toml").write_text(TWO_FACTORS)
    outcome = qmoe("evaluate", run, *FAKE, "--options", tmp_path / "options.toml")
    assert_refused(outcome, "extrapolation to zero noise gave no finite value for")


def test_the_instance_is_the_one_that_ran_it(
    document: Callable[..., Any], run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QMOE_LEDGER", str(tmp_path / "ledger.sqlite"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with IBMService(["ibmq_manila"], instances=("first", "second")) as ibm:
        for name, value in ibm.environment("second").items():
            monkeypatch.setenv(name, value)
        measured = document("evaluate", run, *ON_MANILA, "--yes")
    assert measured["execution"]["instance"] == "second"
    assert "of instance 'second'" in measured["metrics"]["accuracy"]["produced_by"]


@pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")
def test_routing_is_that_of_the_values_that_came_back(
    ibm: IBMService, document: Callable[..., Any], run: Path, tmp_path: Path
) -> None:
    """Worked out again from the exported values, and from Qiskit's state vectors."""
    few_shots = ("--backend", "runtime:ibmq_manila", "--shots", "3", "--resilience", "0")
    metrics = document("evaluate", run, *few_shots, "--yes")["metrics"]
    (job,) = document("jobs", "list")["jobs"]
    document("jobs", "export", job["key"], "--out", tmp_path / "out")
    values_PO = np.load(tmp_path / "out" / "values.npy")
    assert ibm.jobs[0].executions == 3 * len(values_PO)

    loaded = load_run(run)
    module, classifier = loaded.classifier.module_.router, loaded.classifier
    rows = select_rows(loaded).dataset
    ((inputs_BF, weights_W),) = classifier.circuit_arguments(rows.features_NF)
    states = [Statevector(module.circuit.bind(inputs_F, weights_W)) for inputs_F in inputs_BF]
    exact_PO = [[s.expectation_value(o).real for o in module.circuit.observables] for s in states]
    adapter = module.adapter.weight.detach().double().numpy()
    bias = module.adapter.bias.detach().double().numpy()
    found_N, exact_N = (
        (np.array(values) @ adapter.T + bias).argmax(axis=1) for values in (values_PO, exact_PO)
    )
    flips = float((found_N != exact_N).mean())
    assert 0 < flips < 1  # of three shots
    assert metrics["routing_flips"]["value"] == flips
    load = np.bincount(found_N, minlength=2) / len(found_N)
    assert metrics["expert_load"]["value"] == load.tolist()
