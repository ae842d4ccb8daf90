"""Capturing from a live IBM backend: the real client, talking to a service on this machine."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import qiskit_ibm_runtime
from qiskit_ibm_runtime import IBMBackend, QiskitRuntimeService

from qmoe_qiskit.errors import ProfileError
from qmoe_qiskit.noise_profiles import capture, load_profile

SNAPSHOTS = Path(qiskit_ibm_runtime.__file__).parent / "fake_provider" / "backends"
CRN = "crn:v1:bluemix:public:quantum-computing:us-east:a/account:instance::"
CALIBRATED = datetime.fromisoformat("2024-05-27T18:27:23+00:00")


class Service(BaseHTTPRequestHandler):
    """As much of IBM Quantum as a calibration takes: one device, calibrated at one moment."""

    asked: list[str]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "identity/token" in self.path:
            now = int(time.time())
            parts = ({"alg": "none"}, {"iat": now, "exp": now + 3600})
            coded = [base64.urlsafe_b64encode(json.dumps(part).encode()) for part in parts]
            token = b".".join([part.rstrip(b"=") for part in coded] + [b"none"]).decode()
            self.answer({"access_token": token, "expires_in": 3600, "expiration": now + 3600})
        else:
            instance = {"crn": CRN, "name": "instance", "doc": {"extensions": [1]}}
            self.answer({"items": [instance | {"service_plan_unique_id": "plan"}]})

    def do_GET(self) -> None:
        self.asked.append(self.path)
        url = urlsplit(self.path)
        if url.path.endswith("/properties"):
            before = parse_qs(url.query).get("updated_before", [datetime.now(UTC).isoformat()])[0]
            known = datetime.fromisoformat(before) >= CALIBRATED
            properties = json.loads((SNAPSHOTS / "manila" / "props_manila.json").read_text())
            # The service writes dates in UTC.
            properties["last_update_date"] = CALIBRATED.isoformat()
            self.answer(properties if known else {})
        elif url.path.endswith("/configuration"):
            self.answer(json.loads((SNAPSHOTS / "manila" / "conf_manila.json").read_text()))
        elif url.path.endswith("/backends"):
            manila = {"name": "ibmq_manila", "status": {"name": "online"}, "queue_length": 0}
            self.answer({"devices": [manila | {"qubits": 5, "is_simulator": False}]})
        else:
            self.answer({})

    def answer(self, document: Any) -> None:
        data = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Tests print nothing."""


@pytest.fixture
def asked() -> list[str]:
    """The addresses that the service was asked for."""
    return []


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> Iterator[IBMBackend]:
    """A backend of the loopback service, through the client that users have."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Here", (Service,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    for name in ("IAM_URL", "GLOBAL_SEARCH_URL", "GLOBAL_CATALOG_URL"):
        monkeypatch.setenv(name, address)
    service = QiskitRuntimeService(
        channel="ibm_quantum_platform",
        token="x",  # noqa: S106
        url=f"{address}/experimental",
        instance=CRN,
    )
    yield service.backend("ibmq_manila")
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_calibration_of_now(live: IBMBackend, asked: list[str]) -> None:
    asked.clear()
    profile = capture(live)
    assert all("properties?updated_before=" in path for path in asked)
    expected = load_profile("ibmq_manila")
    assert (profile.qubits, profile.gates) == (expected.qubits, expected.gates)
    assert profile.captured_at == CALIBRATED
    assert (profile.device, profile.family) == (expected.device, expected.family)
    assert "captured from the service" in profile.source


def test_the_calibration_of_a_moment(live: IBMBackend, asked: list[str]) -> None:
    asked.clear()
    moment = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
    profile = capture(live, at=moment, name="my_manila")
    assert profile.device == "my_manila"
    assert asked
    assert all(parse_qs(urlsplit(p).query)["updated_before"] == [moment.isoformat()] for p in asked)
    with pytest.raises(ProfileError, match="ibmq_manila has no calibration at 2020-01-01"):
        capture(live, at=datetime(2020, 1, 1, tzinfo=UTC))
