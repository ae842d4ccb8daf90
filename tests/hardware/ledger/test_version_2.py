"""A ledger that an earlier release wrote gives the same documents, results and keys of work.

`version_2/` holds the ledger of work on the loopback service, what `qmoe jobs list --json` said of
it then, and the values and derivatives that were returned then.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qmoe_qiskit import angle_router
from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
from qmoe_qiskit.backends.runtime.compiled_router import Layout
from qmoe_qiskit.errors import HardwareError
from qmoe_qiskit.hardware.devices.from_ledger import LedgerDevice
from qmoe_qiskit.hardware.jobs.work_records import load_estimate, load_work
from qmoe_qiskit.hardware.ledger.current_jobs import has_all_results, load_outcome
from qmoe_qiskit.hardware.ledger.export import job_document
from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.hardware.options import runtime_options

if TYPE_CHECKING:
    from collections.abc import Iterator

STORED = Path(__file__).parent / "version_2"
INPUTS_BF = np.array([[0.25, 0.794], [0.551, -0.55], [-0.4, 0.747], [-0.989, 0.642]])
WEIGHTS_W = np.array([1.782, -0.192, -1.182, -1.329, -1.471, -0.33])


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    shutil.copy(STORED / "ledger.sqlite", tmp_path)
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


def test_documents_of_jobs_are_the_same(ledger: Ledger) -> None:
    documents = [
        {"device": work.device, "title": work.title, **job_document(job)}
        for work in ledger.works()
        for job in ledger.jobs(work.key)
    ]
    assert {"jobs": documents} == json.loads((STORED / "jobs.json").read_text())
    states = [document["state"] for document in documents]
    assert sorted(states) == ["cancelled", *["done"] * 3, "failed", *["planned"] * 2]


def test_values_and_derivatives_are_found_again_by_their_keys(ledger: Ledger) -> None:
    record = ledger.work(ledger.works()[-1].key)
    assert record is not None
    work = load_work(record)
    backend = RuntimeBackend(
        name=record.spec,
        device=LedgerDevice(record, ledger, service=record.title),
        options=runtime_options({"resilience_level": 1}),
        shots=64,
        seed=0,
        layout=Layout(circuit=work.circuit, physical_qubits=work.physical_qubits, profile=None),
    )
    compiled = backend.compile(angle_router(n_features=2, n_layers=1))
    expectations = compiled.expectations(INPUTS_BF, WEIGHTS_W)
    by_inputs, by_weights = compiled.jacobian(INPUTS_BF[:1], WEIGHTS_W)
    with np.load(STORED / "values.npz") as expected:
        np.testing.assert_array_equal(expectations.values, expected["values"])
        np.testing.assert_array_equal(expectations.std_errors, expected["std_errors"])
        np.testing.assert_array_equal(by_inputs, expected["by_x"])
        np.testing.assert_array_equal(by_weights, expected["by_w"])
    assert backend.device.profile().n_qubits == 5
    assert work.key == compiled.work(INPUTS_BF, WEIGHTS_W).key
    assert [job.executions for job in load_estimate(record).jobs] == [192, 192]


def test_what_did_not_succeed_is_still_refused(ledger: Ledger) -> None:
    refusals = {}
    for work in ledger.works():
        if not has_all_results(work.key, ledger):
            with pytest.raises(HardwareError) as refusal:
                load_outcome(work.key, ledger)
            refusals[ledger.jobs(work.key)[-1].state] = str(refusal.value)
    assert sorted(refusals) == ["cancelled", "planned"]
    assert "was cancelled" in refusals["cancelled"]
    assert "collect it with qmoe jobs collect" in refusals["planned"]
