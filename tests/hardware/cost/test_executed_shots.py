"""Shots that are executed against the programs of real work."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.hardware.cost.executed_shots import executed_shots
from qmoe_qiskit.hardware.devices.fake import FakeDevice
from qmoe_qiskit.hardware.options import runtime_options


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"resilience_level": 0},
        {"primitive": "sampler"},
        {"twirling": {"num_randomizations": 7}},
    ],
)
@pytest.mark.parametrize("shots", [1, 70, 2100])
def test_a_device_executes_them(options: dict[str, Any], shots: int) -> None:
    router = angle_router(2, 1).with_observables(["ZZ", "XI"])
    device = FakeDevice("fake_manila", seed=0)
    settings = runtime_options(options)
    compiled = RuntimeBackend(
        name="", device=device, options=settings, shots=shots, seed=0
    ).compile(router)
    work = compiled.work(np.zeros((3, 2)), np.zeros(router.n_weights))
    per_point, per_job = executed_shots(settings, shots)
    n_bases = 2
    assert device.execute(work).executions == 3 * n_bases * per_point + per_job
