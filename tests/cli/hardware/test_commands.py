"""`qmoe estimate`, `submit`, `jobs` and `evaluate` on a device, from one end to the other."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.noise_profiles import NoiseProfile

if TYPE_CHECKING:
    from collections.abc import Callable

    from ibm_service import IBMService

DEVICE = ("--backend", "runtime:ibmq_manila")
FEW = ("--samples", "8", "--shots", "64")
ON_MANILA = (*DEVICE, *FEW)


def test_from_the_estimate_to_the_export(
    ibm: IBMService, document: Callable[..., Any], said: Callable[..., str], run: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    estimate = document("estimate", run, *ON_MANILA, "--price", "1.6")
    assert (estimate["device"], estimate["simulated"], estimate["n_rows"]) == (
        "ibmq_manila",
        False,
        8,
    )
    assert estimate["dollars"] == pytest.approx(1.6 * estimate["seconds"])
    assert estimate["share_of_remaining"] == pytest.approx(estimate["seconds"] / 600)
    assert ibm.jobs == []

    (job,) = document("submit", run, *ON_MANILA, "--budget", "60s")["jobs"]
    (created,) = ibm.jobs
    assert (job["key"],) == tuple(estimate["keys"])
    assert (job["job_id"], created.tags) == (created.id, [job["tag"]])
    assert created.executions == estimate["executions"] == job["executions"]
    assert created.cost is not None
    assert created.cost <= 60

    measured = document("evaluate", run, *ON_MANILA)
    assert measured["cost"] == {
        "seconds": created.charge,
        "estimated_seconds": estimate["seconds"],
        "executions": created.executions,
        "jobs": [created.id],
    }
    assert measured["cost"]["estimated_seconds"] == pytest.approx(created.charge, rel=0.25)
    assert_whole(measured, "runtime:ibmq_manila", n_rows=8, shots=64)
    assert measured["execution"]["simulated"] is False
    # The device's calibration, and the qubits, of the job; each metric names them.
    (listed,) = document("jobs", "list")["jobs"]
    assert measured["execution"]["calibration"]["content_hash"] == listed["calibration_hash"]
    shown = document("jobs", "show", job["key"][:6])
    assert measured["execution"]["physical_qubits"] == shown["physical_qubits"]
    for metric in measured["metrics"].values():
        assert listed["calibration_hash"][:12] in metric["produced_by"]
        assert "64 shots" in metric["produced_by"]

    # The same again, under any name of the work, sends nothing.
    assert document("submit", run, *ON_MANILA)["jobs"] == shown["jobs"]
    assert document("submit", run, *ON_MANILA, "--wait") == measured
    assert document("jobs", "collect")["jobs"] == []
    for name in (job["job_id"], job["tag"], job["key"]):
        assert document("jobs", "show", name) == shown
    assert len(ibm.jobs) == 1

    words = said("jobs", "show", job["job_id"])
    assert f"estimated: {estimate['formula']}" in words
    assert f"charged: {created.charge:.1f} s for 1 of 1 jobs" in words
    words = said("evaluate", run, *ON_MANILA)
    assert f"{created.charge:.1f} s of QPU time charged ({estimate['seconds']:.1f} s were" in words
    assert f"for 1 job: {created.id}" in words
    assert "rows routed otherwise than exactly" in words
    assert created.id in said("jobs", "list")
    assert "nothing to collect" in said("jobs", "collect")
    assert "of the 598 s left of the allowance" in said("estimate", run, *ON_MANILA)

    folder = tmp_path / "exports" / "one"
    files = document("jobs", "export", job["key"], "--out", folder)["files"]
    assert sorted(path.name for path in folder.iterdir()) == files
    assert json.loads((folder / "work.json").read_bytes()) == shown
    with Ledger() as ledger:
        values_PO, std_errors_PO = ledger.results(job["tag"])
    assert np.array_equal(np.load(folder / "values.npy"), values_PO)
    assert np.array_equal(np.load(folder / "std_errors.npy"), std_errors_PO)
    assert len(np.load(folder / "points.npy")) == 8
    (calibration,) = folder.glob("calibration-*.json")
    profile = NoiseProfile.loads(calibration.read_text())
    assert (profile.device, profile.content_hash) == ("ibmq_manila", listed["calibration_hash"])


def assert_whole(measured: dict[str, Any], backend: str, *, n_rows: int, shots: int) -> None:
    """Everything that a measurement must state."""
    assert (measured["n_rows"], measured["execution"]["backend"]) == (n_rows, backend)
    assert (measured["execution"]["shots"], measured["execution"]["seed"]) == (shots, 0)
    metrics = measured["metrics"]
    for name in ("accuracy", "routing_flips"):
        metric = metrics[name]
        assert metric["value"] * n_rows == pytest.approx(round(metric["value"] * n_rows))
        interval = metric["uncertainty"]
        assert 0 <= interval["low"] <= metric["value"] <= interval["high"] <= 1
        assert interval["low"] < interval["high"]
    assert sum(metrics["expert_load"]["value"]) == pytest.approx(1)
    # Of a mean of 64 shots of +1 and -1: at most 1/8, and mitigation raises it.
    assert 0 < metrics["router_std_error"]["value"] < 0.25


def test_submitted_here_and_collected_in_another_process(
    *,
    ibm: IBMService,
    document: Callable[..., Any],
    the_document: Callable[[str], Any],
    qmoe_process: Callable[..., subprocess.CompletedProcess[str]],
    run: Path,
    tmp_path: Path,
) -> None:
    document("submit", run, *ON_MANILA, "--yes")
    collected = qmoe_process("jobs", "collect", "--wait", "--json", cwd=tmp_path)
    assert (collected.returncode, collected.stderr) == (0, "")
    (job,) = the_document(collected.stdout)["jobs"]
    assert (job["state"], job["charged_seconds"]) == ("done", ibm.jobs[-1].charge)
    requests = len(ibm.requests)
    # Nobody is asked, and nothing is needed of the service but the device's calibration.
    document("evaluate", run, *ON_MANILA)
    assert len(ibm.jobs) == 1
    assert not any("/jobs" in request["path"] for request in ibm.requests[requests:])


def test_two_processes_that_submit_the_same(
    ibm: IBMService, program: str, the_document: Callable[[str], Any], run: Path, tmp_path: Path
) -> None:
    command = [program, "submit", str(run), *ON_MANILA, "--yes", "--json"]
    processes = [
        subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    ends = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], ends
    ids = {job["job_id"] for out, _ in ends for job in the_document(out)["jobs"]}
    assert [job.id for job in ibm.jobs] == list(ids)


def test_a_fake_is_never_a_device(
    ibm: IBMService, document: Callable[..., Any], said: Callable[..., str], run: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    fake = ("--backend", "runtime:fake_manila", *FEW)
    measured = document("evaluate", run, *fake)
    assert_whole(measured, "runtime:fake_manila", n_rows=8, shots=64)
    assert measured["execution"]["simulated"] is True
    assert measured["execution"]["calibration"]["device"] == "fake_manila"
    assert (measured["cost"]["seconds"], measured["cost"]["jobs"]) == (0.0, [])
    # Readout is calibrated once, by as many executions as a row takes.
    assert measured["cost"]["executions"] == 64 * (8 + 1)
    assert document("evaluate", run, *fake) == measured
    words = said("evaluate", run, *fake)
    assert "fake" in words
    assert "576 executions on this machine: nothing was charged" in words
    # Level 1, which is the default, has TREX.
    (note,) = measured["notes"]
    assert note.startswith("IBM's estimator states too small standard errors with TREX: repeated")
    assert f"note: {note}" in words
    plain = (*fake, "--resilience", "0")
    assert document("evaluate", run, *plain)["notes"] == []
    assert "note:" not in said("evaluate", run, *plain)
    estimate = document("estimate", run, *fake)
    assert (estimate["device"], estimate["simulated"]) == ("fake_manila", True)
    assert estimate["executions"] == 576
    assert estimate["share_of_remaining"] is None
    assert "a fake, estimated as if it were the device" in said("estimate", run, *fake)
    assert ibm.requests == []
    assert not (tmp_path / "ledger.sqlite").exists()


def test_cancelling(
    ibm: IBMService,
    qmoe: Callable[..., Any],
    document: Callable[..., Any],
    said: Callable[..., str],
    run: Path,
) -> None:
    ibm.pace.paused = True
    (job,) = document("submit", run, *ON_MANILA, "--yes")["jobs"]
    assert document("jobs", "collect")["jobs"][0]["state"] == "submitted"
    assert "submitted" in said("jobs", "list")
    (cancelled,) = document("jobs", "cancel", job["key"])["jobs"]
    assert cancelled["state"] == "cancelled"
    assert ibm.jobs[-1].status == "Cancelled"
    outcome = qmoe("jobs", "cancel", job["key"])
    assert "nothing to cancel" in outcome.stderr
    outcome = qmoe("evaluate", run, *ON_MANILA)
    assert outcome.exit_code == 2
    assert "was cancelled" in outcome.stderr
    assert f"give qmoe jobs retry {job['key'][:8]} and then the same command" in outcome.stderr
    assert "another --repetition" in outcome.stderr
    ibm.pace.paused = False
    assert "to send them, give the same qmoe submit" in qmoe("jobs", "retry", job["key"]).stderr
    assert "nothing to retry" in said("jobs", "retry", job["key"])
    measured = document("evaluate", run, *ON_MANILA, "--yes")
    assert measured["cost"]["jobs"][-1] == ibm.jobs[-1].id != job["job_id"]
    assert len(ibm.jobs) == 2


def test_a_failed_job(
    *,
    ibm: IBMService,
    qmoe: Callable[..., Any],
    document: Callable[..., Any],
    said: Callable[..., str],
    run: Path,
    tmp_path: Path,
) -> None:
    ibm.faults.arm("fail_job", reason="the fridge is warm")
    outcome = qmoe("submit", run, *ON_MANILA, "--yes", "--wait")
    assert outcome.exit_code == 2
    (error,) = outcome.stderr.splitlines()
    assert error.startswith("error: job 1 of 1")
    assert "the fridge is warm" in error
    (job,) = document("jobs", "list")["jobs"]
    assert job["state"] == "failed"
    assert "the fridge is warm" in said("jobs", "show", job["key"])
    document("jobs", "export", job["key"], "--out", tmp_path / "out")
    assert np.isnan(np.load(tmp_path / "out" / "values.npy")).all()


def test_a_refused_job_is_sent_later(
    ibm: IBMService, qmoe: Callable[..., Any], document: Callable[..., Any], run: Path
) -> None:
    ibm.faults.arm("answer", on="POST /jobs", status=403)
    refused = qmoe("submit", run, *ON_MANILA, "--yes")
    assert refused.exit_code == 2
    assert "nothing was created" in refused.stderr
    (job,) = document("jobs", "list")["jobs"]
    assert (job["state"], job["job_id"], job["charged_seconds"]) == ("planned", None, None)
    collected = qmoe("jobs", "collect")
    assert "nothing to collect" in collected.stdout
    assert collected.stderr.startswith("1 job not created, or not known to be: to go on, give the")
    assert "give --budget TIME, or --yes" in qmoe("submit", run, *ON_MANILA).stderr
    (sent,) = document("submit", run, *ON_MANILA, "--yes")["jobs"]
    assert (sent["tag"], sent["job_id"]) == (job["tag"], ibm.jobs[0].id)
    assert len(ibm.jobs) == 1


def test_an_empty_ledger(
    ibm: IBMService, document: Callable[..., Any], said: Callable[..., str]
) -> None:
    assert document("jobs", "list") == {"jobs": []}
    assert "no jobs yet: qmoe submit RUN" in said("jobs", "list")
    assert "nothing to collect" in said("jobs", "collect")
    assert ibm.requests == []
