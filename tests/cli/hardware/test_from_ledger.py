"""What was paid for can be used without the device, the account and the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ibm_service import IBMService

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ON_MANILA = ("--backend", "runtime:ibmq_manila", "--samples", "8", "--shots", "64")
LEAST_BUSY = ("--backend", "runtime:least_busy", "--samples", "8", "--shots", "64")


def test_results_outlive_the_service(
    ibm: IBMService,
    document: Callable[..., Any],
    qmoe: Callable[..., Any],
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured = {
        options: document("submit", run, *options, "--yes", "--wait")
        for options in (ON_MANILA, LEAST_BUSY)
    }
    assert measured[ON_MANILA]["execution"]["simulated"] is False
    requests = len(ibm.requests)
    ibm.stop()
    for options, document_then in measured.items():
        assert document("evaluate", run, *options) == document_then
    # What the ledger lacks is not made up.
    monkeypatch.setattr("time.sleep", lambda _: None)  # between attempts to reach the service
    outcome = qmoe("evaluate", run, *ON_MANILA[:2], "--samples", "7", "--yes")
    assert outcome.exit_code == 2
    assert "cannot be reached" in outcome.stderr
    assert len(ibm.requests) == requests


def test_without_an_account_or_the_device(
    ibm: IBMService,
    document: Callable[..., Any],
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.MonkeyPatch.context() as patch:  # as if the service were IBM's
        for module in ("service.account", "devices.ibm"):
            patch.setattr(f"qmoe_qiskit.hardware.{module}.service_name", lambda: "ibm")
        measured = document("submit", run, *ON_MANILA, "--yes", "--wait")
    for name in ibm.environment():
        monkeypatch.delenv(name)
    assert document("evaluate", run, *ON_MANILA) == measured


def test_a_stand_in_is_not_taken_for_the_service(
    ibm: IBMService,
    document: Callable[..., Any],
    qmoe: Callable[..., Any],
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One ledger, two services whose devices have the same names."""
    rehearsed = document("submit", run, *ON_MANILA, "--yes", "--wait")
    with IBMService(["ibmq_manila"], instances=["other"]) as other:
        for name, value in other.environment().items():
            monkeypatch.setenv(name, value)
        outcome = qmoe("evaluate", run, *ON_MANILA)
        assert outcome.exit_code == 2
        assert "give --budget TIME, or --yes" in outcome.stderr
        measured = document("evaluate", run, *ON_MANILA, "--yes")
        assert len(ibm.jobs) == len(other.jobs) == 1
        assert measured["cost"]["jobs"] == [other.jobs[0].id] != rehearsed["cost"]["jobs"]
        assert measured["execution"]["instance"] == "other"


@pytest.mark.usefixtures("no_figures")
def test_the_least_busy_device_is_large_enough(
    ibm: IBMService, document: Callable[..., Any], qmoe: Callable[..., Any], tmp_path: Path
) -> None:
    """ibmq_manila, whose queue is as short, has five qubits."""
    wide = tmp_path / "wide"
    options = ("--data", "digits", "--samples", "60", "--layers", "1", "--epochs", "1")
    outcome = qmoe("train", *options, "--qubits", "6", "--out", wide)
    assert outcome.exit_code == 0, outcome.stderr
    assert document("estimate", wide, *LEAST_BUSY)["device"] == "ibm_torino"
    ibm.devices["ibm_torino"].operational = False
    outcome = qmoe("estimate", wide, *LEAST_BUSY)
    assert outcome.exit_code == 2
    assert "with 6 qubits or more" in outcome.stderr
