"""Packed execution by the program: slots found, work sent, collected, evaluated from the ledger."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ibm_service import IBMService

from qmoe_qiskit.backends import BackendSpec, open_backend
from qmoe_qiskit.backends.slots.assignment import Assignment, singles
from qmoe_qiskit.errors import OutOfRangeWarning
from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.runs import load_run
from qmoe_qiskit.runs.evaluation import select_rows
from qmoe_qiskit.runs.on_hardware.prepare import circuit_arguments

# Sixteen qubits: room for four slots, and quicker to read than devices of today.
GUADALUPE = "runtime:ibmq_guadalupe"
FOUR = ("--backend", GUADALUPE, "--slots", "4", "--samples", "10", "--shots", "512")
PLAIN = ("--resilience", "0")


@pytest.fixture
def ibm_devices() -> list[str]:
    return ["ibmq_guadalupe"]


def test_submitted_collected_and_evaluated(
    ibm: IBMService, document: Callable[..., Any], said: Callable[..., str], run: Path
) -> None:
    """Ten rows in four slots are three circuits; their values are the noise's, slot by slot."""
    estimate = document("estimate", run, *FOUR, *PLAIN)
    assert (estimate["circuits"], estimate["executions"], estimate["slots"]) == (3, 3 * 512, 4)
    assert "4 slots, each with rows of its own" in said("estimate", run, *FOUR, *PLAIN)
    (job,) = document("submit", run, *FOUR, *PLAIN, "--budget", "60s")["jobs"]
    assert job["points"] == [0, 3]
    assert job["executions"] == 3 * 512
    document("jobs", "collect", "--wait")
    measured = document("evaluate", run, *FOUR, *PLAIN)
    assert len(ibm.jobs) == 1
    execution = measured["execution"]
    assert execution["slots"] == 4
    assert len(execution["physical_qubits"]) == 8
    ibm.stop()
    assert document("evaluate", run, *FOUR, *PLAIN) == measured

    with Ledger() as ledger:
        (key,) = (work.key for work in ledger.works())
        record = ledger.work(key)
        assert record is not None
        values, errors = ledger.results(job["tag"])
    assert record.points_PG.shape[0] == 3
    loaded = load_run(run, backend="statevector")
    rows = select_rows(loaded, samples=10)
    ((inputs, weights),) = circuit_arguments(loaded, rows)
    cells = Assignment.draw(singles(10), 4, key).points_RK
    for slot in range(4):
        qubits = record.physical_qubits[2 * slot :][:2]
        noisy = open_backend("noisy:fake_guadalupe", qubits=qubits).compile(loaded.load_circuit())
        assert noisy.physical_qubits == qubits
        exact = noisy.expectations(inputs, weights).values[cells[:, slot]]
        columns = slice(2 * slot, 2 * slot + 2)
        distances = (values[:, columns] - exact) / np.maximum(errors[:, columns], 0.01)
        assert np.abs(distances).max() < 5.5  # one of 24 in 1e6 experiments


def test_another_repetition_draws_another_order(
    ibm: IBMService, document: Callable[..., Any], run: Path
) -> None:
    for repetition in (0, 1):
        document("submit", run, *FOUR, *PLAIN, "--repetition", repetition, "--yes", "--wait")
    assert len(ibm.jobs) == 2
    with Ledger() as ledger:
        points = [ledger.work(work.key).points_PG for work in ledger.works()]  # type: ignore[union-attr]
    angles = [p.reshape(-1, p.shape[1] // 4) for p in points]
    assert (points[0] != points[1]).any()
    assert {a.tobytes() for a in angles[0]} == {a.tobytes() for a in angles[1]}


def test_export(ibm: IBMService, document: Callable[..., Any], run: Path, tmp_path: Path) -> None:
    (job,) = document("submit", run, *FOUR, *PLAIN, "--yes")["jobs"]
    document("jobs", "collect", "--wait")
    document("jobs", "export", job["key"], "--out", tmp_path / "out")
    assert np.load(tmp_path / "out" / "values.npy").shape == (3, 8)
    assert len(ibm.jobs) == 1


def test_simulations(document: Callable[..., Any], run: Path) -> None:
    options = ("--backend", "noisy:ibm_lagos", "--slots", "2")
    found = document("evaluate", run, *options)
    assert found["execution"]["slots"] == 2
    loaded = load_run(run)
    packed = loaded.load(BackendSpec(backend="noisy:ibm_lagos", slots=2))
    rows = select_rows(loaded)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfRangeWarning)
        accuracy = packed.classifier.score(rows.dataset.features_NF, rows.dataset.labels_N)
    assert found["metrics"]["accuracy"]["value"] == pytest.approx(accuracy)
    fake = ("--backend", "runtime:fake_lagos", "--slots", "2", "--samples", "9", "--shots", "64")
    assert (
        document("evaluate", run, *fake)["cost"]["executions"] == 6 * 64
    )  # five rows, one calibration


def test_a_fake_is_evaluated_from_what_was_recorded(
    document: Callable[..., Any], run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QMOE_LEDGER", str(tmp_path / "ledger.sqlite"))
    fake = ("--backend", "runtime:fake_lagos", "--slots", "2", "--samples", "9", "--shots", "64")
    (job,) = document("submit", run, *fake, *PLAIN)["jobs"]
    assert (job["points"], job["executions"]) == ([0, 5], 5 * 64)
    measured = document("evaluate", run, *fake, *PLAIN)
    assert len(measured["cost"]["jobs"]) == 1
    assert measured["execution"]["slots"] == 2
    assert document("evaluate", run, *fake, *PLAIN) == measured
    other = document("evaluate", run, *fake[:3], "1", *fake[4:], *PLAIN)
    assert other["cost"]["jobs"] == []  # other slots are other work


def test_predict(qmoe: Callable[..., Any], run: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    columns = ",".join(load_run(run).manifest.data.feature_names)
    rows.write_text(f"{columns}\n0.5,0.2\n1.0,-0.3\n-0.5,0.9\n")
    outcome = qmoe("predict", run, rows, "--backend", "noisy:ibm_lagos", "--slots", "auto")
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.stdout.count("\n") == 4


def test_slots_of_a_device(
    document: Callable[..., Any], said: Callable[..., str], run: Path, tmp_path: Path
) -> None:
    found = document("slots", "ibmq_kolkata", "--router", run, "--slots", "5", "--out", tmp_path)
    assert found["n_slots"] == len(found["slots"]) == 5
    assert found["method"] == "exact"
    errors = [slot["expected_error"] for slot in found["slots"]]
    assert errors == sorted(errors)
    assert found["tradeoffs"][0]["n_slots"] == 1
    content = (tmp_path / "slots.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    text = said("slots", "fake_lagos", "--router", run, "--spacing", "0", "--slots", "2")
    assert "2 slots of 2 qubits, spacing 0" in text
    assert "proven optimal" in text


def test_crosstalk_of_a_fake(document: Callable[..., Any], run: Path) -> None:
    options = (
        "--backend",
        "runtime:fake_lagos",
        "--slots",
        "2",
        "--samples",
        "15",
        "--shots",
        "256",
    )
    found = document("crosstalk", run, *options)
    assert found["simulated"]
    assert found["test"]["seen"] is False
    assert found["verdict"].startswith("no crosstalk seen")
    assert found["cost"]["executions"] == 2 * 15 * 256
    mitigated = document("crosstalk", run, *options, "--resilience", "1")
    assert mitigated["test"]["p_shift"] is None


def test_crosstalk_of_a_device(ibm: IBMService, document: Callable[..., Any], run: Path) -> None:
    """Two works, one budget; given again, the command takes their results from the ledger."""
    options = (*FOUR[:4], "--samples", "10", "--shots", "128", "--budget", "60s")
    found = document("crosstalk", run, *options)
    assert len(ibm.jobs) == 2
    assert found["n_slots"] == 4
    assert len(found["cost"]["jobs"]) == 2
    assert document("crosstalk", run, *options) == found
    assert len(ibm.jobs) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("evaluate", "--slots", "0"), "slots must be 'auto' or a number of at least 1, got 0"),
        (("submit", "--slots", "-2"), "--slots must be auto or a number of at least 1, got '-2'"),
        (("submit", "--slots", "many"), "--slots must be auto"),
        (("estimate", "--slots", "2", "--spacing", "-1"), "spacing must be"),
        (("submit", "--spacing", "1"), "spacing 1 is for packed execution: give slots as well"),
        (("submit", "--slots", "500", "--yes"), "ibmq_guadalupe holds at most 5 slots"),
        (("submit", "--slots", "2", "--spacing", "40", "--yes"), "holds at most 1 slot"),
        (("crosstalk", "--samples", "9"), "9 rows are too few"),
        (("crosstalk", "--slots", "1"), "ask for at least 2 of them"),
    ],
)
def test_bad_input(
    options: tuple[str, ...], words: str, refused: Callable[..., None], run: Path
) -> None:
    command, *rest = options
    refused(words, command, run, "--backend", GUADALUPE, *rest)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("evaluate", "RUN", "--slots", "2"), "has no device to pack slots on"),
        (("evaluate", "RUN", "--backend", "noisy:depolarizing:0.05", "--slots", "2"), "no device"),
        (("predict", "RUN", "x.csv", "--spacing", "2"), "give slots as well"),
        (("slots", "depolarizing:0.1", "--router", "RUN"), "is no device"),
        (("slots", "ibm_nowhere", "--router", "RUN"), "ibm_nowhere"),
        (("slots", "ibm_fez", "--router", "RUN", "--slots", "99"), "holds at most 48 slots"),
    ],
)
def test_bad_input_of_simulations(
    arguments: tuple[str, ...], words: str, refused: Callable[..., None], run: Path
) -> None:
    refused(words, *(run if word == "RUN" else word for word in arguments))
