"""What an operator reads in the log of the package; nothing is shown by default."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ibm_service import IBMService
from leak_check import FORMS, forms_of

from qmoe_qiskit import angle_router, open_backend
from qmoe_qiskit.errors import BudgetError, HardwareError
from qmoe_qiskit.hardware.jobs.cancel import cancel_work
from qmoe_qiskit.hardware.jobs.timeouts import Timeouts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from qmoe_qiskit.hardware.devices.ibm import IBMDevice
    from qmoe_qiskit.hardware.work import WorkUnit

DEVICE = "ibmq_manila"
SHOTS = 16


@pytest.fixture(scope="module")
def ibm() -> Iterator[IBMService]:
    with (
        IBMService((DEVICE,), plan="premium") as service,
        pytest.MonkeyPatch.context() as variables,
    ):
        for name, value in service.environment().items():
            variables.setenv(name, value)
        yield service


@pytest.fixture
def device(ibm: IBMService, tmp_path: Path) -> Iterator[IBMDevice]:
    ibm.faults.clear()
    backend: Any = open_backend(
        f"runtime:{DEVICE}", shots=SHOTS, seed=0, ledger=tmp_path / "ledger.sqlite"
    )
    device: IBMDevice = backend.device
    device.timeouts = Timeouts(settle_s=0.2, poll_s=0.05)
    device.limits = replace(device.limits, creations_per_minute=1000)
    yield device
    device.ledger.close()


@pytest.fixture(scope="module")
def new_work() -> Callable[..., WorkUnit]:
    def build(n_points: int = 1, **options: Any) -> WorkUnit:
        backend: Any = open_backend(
            "runtime:fake_manila", shots=SHOTS, seed=0, options={"resilience_level": 0, **options}
        )
        compiled = backend.compile(angle_router(n_features=2, n_layers=1))
        x_BF = np.linspace(-1, 1, 2 * n_points).reshape(n_points, 2)
        work: WorkUnit = compiled.work(x_BF, np.ones(compiled.router.n_weights))
        return replace(work, device=DEVICE, spec=f"runtime:{DEVICE}")

    return build


def messages(caplog: pytest.LogCaptureFixture) -> str:
    ours = [r for r in caplog.records if r.name.startswith("qmoe_qiskit.hardware.")]
    assert len(ours) == len(caplog.records)
    return "\n".join(f"{record.levelname} {record.getMessage()}" for record in ours)


def test_the_life_of_a_job(
    device: IBMDevice, new_work: Callable[..., WorkUnit], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="qmoe_qiskit")
    device.budget_s = 60.0
    work = new_work()
    outcome = device.execute(work)
    (tag,) = [job.tag for job in device.ledger.jobs(work.key)]
    (job_id,) = outcome.job_ids
    lines = messages(caplog).splitlines()
    expected = [
        f"INFO work {work.key[:8]}: an estimated ",
        f"INFO work {work.key[:8]} recorded for {DEVICE}, jobs: 1",
        f"INFO job {tag}: limited to 60 s of QPU time; 0.0 s of the budget of 60 s are committed",
        f"INFO job {tag}: attempt 1 to create it",
        f"INFO job {job_id} ({tag}) created on {DEVICE}",
        f"INFO job {job_id} ({tag}) done, charge {outcome.seconds:g} s",
    ]
    places = [next(i for i, line in enumerate(lines) if line.startswith(e)) for e in expected]
    assert places == sorted(places)


def test_a_lost_response_and_a_busy_service(
    ibm: IBMService,
    device: IBMDevice,
    new_work: Callable[..., WorkUnit],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="qmoe_qiskit")
    ibm.faults.arm("answer", status=429, retry_after=0.1)
    ibm.faults.arm("drop", when="after")
    device.execute(new_work(repetition=1))
    text = messages(caplog)
    assert "INFO the service answered 429 to a POST request: trying again" in text
    assert "WARNING job qmoe-" in text
    assert "the response was lost" in text
    assert "recovered: it was created before" in text


def test_pending_jobs_cancellation_and_retry(
    ibm: IBMService,
    device: IBMDevice,
    new_work: Callable[..., WorkUnit],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="qmoe_qiskit")
    device.limits = replace(device.limits, pending_jobs=1, executions_per_job=SHOTS)

    def report(text: str) -> None:
        if "the plan allows" in text:
            ibm.pace.paused = False

    ibm.pace.paused, device.report = True, report
    device.execute(new_work(2, repetition=2))
    assert " waits: the plan allows 1 pending jobs" in messages(caplog)
    caplog.clear()
    work = new_work(repetition=3)
    ibm.pace.paused = True
    device.submit(work)
    cancel_work(work.key, lambda: device.client, device.ledger)
    ibm.pace.paused = False
    with pytest.raises(HardwareError, match="was cancelled"):
        device.execute(work)
    device.ledger.retry(work.key)
    text = messages(caplog)
    assert "INFO cancelling job " in text
    assert " cancelled, charge 0 s" in text
    assert f"INFO work {work.key[:8]}: points 0 to 0 planned again" in text


def test_nothing_is_shown_by_default_and_no_token_is_logged(
    ibm: IBMService,
    device: IBMDevice,
    new_work: Callable[..., WorkUnit],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    logger = logging.getLogger("qmoe_qiskit")
    assert logger.level == logging.NOTSET
    assert [type(handler) for handler in logger.handlers] == [logging.NullHandler]
    ibm.faults.arm("drop", when="after")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logger, "propagate", False)  # as without the handlers of these tests
        device.execute(new_work(repetition=4))
    assert capfd.readouterr() == ("", "")
    caplog.set_level(logging.DEBUG, logger="qmoe_qiskit")
    ibm.faults.arm("drop", when="after")
    device.execute(new_work(repetition=5))
    device.budget_s = 0.5
    with pytest.raises(BudgetError):
        device.execute(new_work(repetition=6))
    secrets = FORMS | {form for token in ibm.account._tokens for form in forms_of(token)}
    assert not any(secret.decode() in messages(caplog) for secret in secrets)
