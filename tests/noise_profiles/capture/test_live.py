"""Capturing from a live IBM backend: the real client, talking to a service on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from ibm_service import IBMService
from qiskit_ibm_runtime import IBMBackend, QiskitRuntimeService

from qmoe_qiskit.errors import ProfileError
from qmoe_qiskit.noise_profiles import capture, load_profile

CALIBRATED = datetime.fromisoformat("2024-05-27T18:27:23+00:00")


@pytest.fixture
def ibm(monkeypatch: pytest.MonkeyPatch) -> Iterator[IBMService]:
    """The loopback service, where the environment points to."""
    with IBMService(["ibmq_manila"]) as service:
        for name, value in service.environment().items():
            monkeypatch.setenv(name, value)
        yield service


@pytest.fixture
def live(ibm: IBMService) -> IBMBackend:
    """A backend of the loopback service, through the client that users have."""
    (device,) = ibm.devices
    return QiskitRuntimeService().backend(device.name)


def test_the_calibration_of_now(live: IBMBackend, ibm: IBMService) -> None:
    before = len(ibm.requests)
    profile = capture(live)
    asked = [request["target"] for request in ibm.requests[before:]]
    assert asked
    assert all("properties?updated_before=" in target for target in asked)
    expected = load_profile("ibmq_manila")
    assert (profile.qubits, profile.gates) == (expected.qubits, expected.gates)
    assert profile.captured_at == CALIBRATED
    assert (profile.device, profile.family) == (expected.device, expected.family)
    assert "captured from the service" in profile.source


def test_the_calibration_of_a_moment(live: IBMBackend, ibm: IBMService) -> None:
    before = len(ibm.requests)
    moment = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
    profile = capture(live, at=moment, name="my_manila")
    assert profile.device == "my_manila"
    asked = [urlsplit(request["target"]) for request in ibm.requests[before:]]
    assert asked
    assert all(parse_qs(url.query)["updated_before"] == [moment.isoformat()] for url in asked)
    with pytest.raises(ProfileError, match="ibmq_manila has no calibration at 2020-01-01"):
        capture(live, at=datetime(2020, 1, 1, tzinfo=UTC))
