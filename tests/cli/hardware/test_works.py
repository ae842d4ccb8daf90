"""What is the same work for a device and what is not: the keys of submission and evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from qmoe_qiskit.runs import TrainingRequest, train_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ibm_service import IBMService

DEVICE = ("--backend", "runtime:ibmq_manila")
FEW = ("--samples", "8", "--shots", "64")
ON_MANILA = (*DEVICE, *FEW)


@pytest.fixture(scope="module")
def runs(run: Path) -> dict[str, Path]:
    """Runs whose circuits are used in different ways; trained anew where the name says how."""
    found = {"moons": run}
    small: dict[str, Any] = {"n_layers": 1, "max_epochs": 1, "control": None}
    for name, request in {
        "probabilities": TrainingRequest(readout="probabilities", n_samples=60, **small),
        "components": TrainingRequest(data="digits", n_qubits=3, n_samples=100, **small),
    }.items():
        found[name] = run.parent / name
        train_run(request, found[name])
    return found


@pytest.mark.parametrize("name", ["moons", "probabilities", "components"])
def test_equal_options_are_equal_work(
    ibm: IBMService, document: Callable[..., Any], runs: dict[str, Path], name: str, tmp_path: Path
) -> None:
    """What was submitted is what is evaluated, also where an option is given in another way."""
    same = tmp_path / "options.toml"
    same.write_text("resilience_level = 0\n")
    options = (*ON_MANILA, "--resilience", "0", "--mode", "batch")
    (job,) = document("submit", runs[name], *options, "--yes")["jobs"]
    estimate = document("estimate", runs[name], *ON_MANILA, "--options", same)
    assert estimate["keys"] == [job["key"]]
    measured = document("evaluate", runs[name], *ON_MANILA, "--options", same)
    assert measured["cost"]["jobs"] == [job["job_id"]]
    assert measured["execution"]["options"] == {"resilience_level": 0, "mode": "batch"}
    assert len(ibm.jobs) == 1


def test_other_options_are_other_work(
    ibm: IBMService, document: Callable[..., Any], run: Path
) -> None:
    """How jobs are sent (`--mode`) makes no other work; what is executed does."""
    del ibm
    others: tuple[tuple[str, ...], ...] = (
        (),
        ("--resilience", "0"),
        ("--device-qubits", "1,2"),
    )
    estimates = [document("estimate", run, *ON_MANILA, *other) for other in others]
    estimates.append(document("estimate", run, *DEVICE, "--samples", "7", "--shots", "64"))
    estimates.append(document("estimate", run, *DEVICE, "--samples", "8", "--shots", "65"))
    keys = [key for estimate in estimates for key in estimate["keys"]]
    assert len(set(keys)) == len(keys) == len(others) + 2
    assert document("estimate", run, *ON_MANILA, "--mode", "batch")["keys"] == keys[:1]


def test_new_shots_for_the_asking(ibm: IBMService, document: Callable[..., Any], run: Path) -> None:
    first = document("submit", run, *ON_MANILA, "--yes", "--wait")
    again = document("submit", run, *ON_MANILA, "--yes", "--wait", "--repetition", "1")
    assert len(ibm.jobs) == 2
    assert first["cost"]["jobs"] != again["cost"]["jobs"]


def test_the_least_busy_device_is_the_one_that_ran(
    ibm: IBMService, document: Callable[..., Any], said: Callable[..., str], run: Path
) -> None:
    """Also when another one is less busy by the time of evaluation."""
    options = ("--backend", "runtime:least_busy", *FEW, "--resilience", "0")
    ibm.devices["ibm_torino"].operational = False
    (job,) = document("submit", run, *options, "--yes")["jobs"]
    assert ibm.jobs[-1].backend == "ibmq_manila"
    ibm.devices["ibm_torino"].operational = True
    ibm.devices["ibmq_manila"].operational = False
    measured = document("submit", run, *options, "--wait")
    assert len(ibm.jobs) == 1
    assert measured["execution"]["backend"] == "runtime:ibmq_manila"
    assert measured["execution"]["calibration"]["device"] == "ibmq_manila"
    shown = document("jobs", "show", job["key"])
    assert measured["execution"]["physical_qubits"] == shown["physical_qubits"]
    assert "on ibmq_manila, asked for as runtime:least_busy" in said("jobs", "show", job["key"])
