"""What a service receives from the runtime backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from ibm_service import IBMService
from ibm_service.programs import read_work

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import QuantumRouter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from qmoe_qiskit.backends import Backend

SHOTS = 64


@pytest.fixture
def ibm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IBMService]:
    with IBMService(["ibmq_manila"], plan="premium") as service:
        for name, value in service.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("QMOE_LEDGER", str(tmp_path / "ledger.sqlite"))
        monkeypatch.setenv("HOME", str(tmp_path))
        yield service


def on_manila(**options: Any) -> Backend:
    return open_backend("runtime:ibmq_manila", shots=SHOTS, seed=1, options=options)


@pytest.mark.parametrize(
    ("options", "calibrations"),
    [({"resilience_level": 0}, 0), ({}, 1), ({"primitive": "sampler"}, 0)],
    ids=["estimator", "mitigated", "sampler"],
)
def test_a_forward_of_256_samples_is_one_pub_in_one_job(
    options: dict[str, Any], calibrations: int, ibm: IBMService
) -> None:
    """The job holds one pub, and one item that calibrates the readout for all points."""
    module = QuantumRouter(
        angle_router(2, 1), 2, on_manila(**options), generator=torch.Generator().manual_seed(1)
    )
    inputs_BF = torch.linspace(-2, 2, 512).reshape(256, 2)
    with torch.no_grad():
        weights_BE = module(inputs_BF)
    assert weights_BE.shape == (256, 2)
    (job,) = ibm.jobs
    program = read_work(job.program_id, job.params, ibm.devices[job.backend]).program
    assert program is not None
    assert len(program.items) == 1 + calibrations
    pub = program.items[0]
    assert 256 in pub.shape
    # All observables come from the same shots.
    assert program.shots * pub.size() == 256 * SHOTS
    posted = [r for r in ibm.requests if (r["method"], r["path"]) == ("POST", "/jobs")]
    assert len(posted) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_not_sent(ibm: IBMService, value: float) -> None:
    compiled = on_manila().compile(angle_router(2, 1))
    inputs_BF, weights_W = np.zeros((3, 2)), np.zeros(6)
    inputs_BF[2, 1] = value
    with pytest.raises(InputError, match=rf"inputs\[2, 1\] is {value}"):
        compiled.expectations(inputs_BF, weights_W)
    weights_W[4] = value
    with pytest.raises(InputError, match=rf"weights\[4\] is {value}"):
        compiled.jacobian(np.zeros((3, 2)), weights_W)
    assert ("POST", "/jobs") not in {(r["method"], r["path"]) for r in ibm.requests}
    assert ibm.jobs == []
