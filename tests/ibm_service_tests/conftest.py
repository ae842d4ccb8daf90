"""A service whose plan allows everything, and the real client."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from ibm_service import IBMService
from qiskit_ibm_runtime import QiskitRuntimeService

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def ibm(monkeypatch: pytest.MonkeyPatch) -> Iterator[IBMService]:
    with IBMService(plan="premium") as service:
        for name, value in service.environment().items():
            monkeypatch.setenv(name, value)
        yield service


@pytest.fixture
def client(ibm: IBMService) -> QiskitRuntimeService:
    assert ibm.url in os.environ["QISKIT_IBM_URL"]
    return QiskitRuntimeService()
