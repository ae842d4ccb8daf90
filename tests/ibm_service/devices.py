"""The devices of the service: IBM's snapshots, and the noise of their simulation."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qiskit_ibm_runtime.utils.backend_converter import convert_to_target
from qiskit_ibm_runtime.utils.backend_decoder import (
    configuration_from_server_data,
    properties_from_server_data,
)

from ibm_service.messages import Answer, RefusalError, Request, as_json
from qmoe_qiskit.noise_profiles import NoiseProfile, capture, list_profiles, load_profile

if TYPE_CHECKING:
    from qiskit.transpiler import Target
    from qiskit_aer.noise import NoiseModel

DEFAULT_DEVICES = ("ibmq_manila", "ibm_torino")


class Device:
    """A device.

    Args:
        name: The name of the device at this service.
        fake: The name of the snapshot; "manila", "fake_manila" and "ibmq_manila" are the same.

    Attributes:
        properties: The answer to GET /backends/NAME/properties, with dates in UTC.
    """

    def __init__(self, name: str, fake: str) -> None:
        self.name = name
        self.operational = True
        self.snapshot = _snapshot(
            name, fake.lower().removeprefix("fake_").removeprefix("ibmq_").removeprefix("ibm_")
        )
        known = _snapshots()
        if not (known / self.snapshot.fake).is_dir():
            names = sorted(p.name for p in known.iterdir() if (p / f"conf_{p.name}.json").exists())
            raise ValueError(f"no snapshot {fake!r}: there are {', '.join(names)}")

    @property
    def configuration(self) -> dict[str, Any]:
        """The answer to GET /backends/NAME/configuration."""
        return self.snapshot.configuration

    @cached_property
    def properties(self) -> dict[str, Any]:
        return self.snapshot.properties

    @property
    def calibrated(self) -> datetime:
        """The time of the calibration."""
        return datetime.fromisoformat(self.properties["last_update_date"])

    @property
    def rep_delay(self) -> float:
        """Default delay between two shots in seconds."""
        return float(self.configuration["default_rep_delay"]) * 1e-6

    @property
    def target(self) -> Target:
        """The accepted gates and qubits: faulty qubits too, since the Estimator measures all."""
        return self.snapshot.target

    @property
    def profile(self) -> NoiseProfile:
        """The noise profile; its basis gates are all gates that it has rows for."""
        return self.snapshot.profile

    def noise(self, qubits: tuple[int, ...]) -> NoiseModel:
        """Aer's noise model of some qubits, numbered in this order."""
        return self.snapshot.noise(qubits)


class _Snapshot:
    """What a device with this name has from IBM's snapshot; all services share it."""

    def __init__(self, name: str, fake: str) -> None:
        self.name, self.fake = name, fake
        self._lock = threading.RLock()
        self._noise: dict[tuple[int, ...], NoiseModel] = {}

    @cached_property
    def configuration(self) -> dict[str, Any]:
        return self._read("conf") | {"backend_name": self.name}

    @cached_property
    def properties(self) -> dict[str, Any]:
        document: dict[str, Any] = _in_utc(self._read("props"))
        return document | {"backend_name": self.name}

    @cached_property
    def target(self) -> Target:
        # Both functions change their arguments.
        configuration, properties = json.loads(json.dumps([self.configuration, self.properties]))
        return convert_to_target(
            configuration_from_server_data(configuration, use_fractional_gates=None),
            properties_from_server_data(properties, use_fractional_gates=None),
            filter_faulty=False,
        )

    @cached_property
    def profile(self) -> NoiseProfile:
        stored = self._read("conf")["backend_name"]
        profile = (
            load_profile(stored) if stored in list_profiles() else capture(f"fake_{self.fake}")
        )
        gates = {gate.name for gate in profile.gates} - {"reset"}
        return replace(profile, basis_gates=tuple(gates | set(profile.basis_gates)))

    def noise(self, qubits: tuple[int, ...]) -> NoiseModel:
        with self._lock:
            if qubits not in self._noise:
                self._noise[qubits] = self.profile.subset(qubits).to_noise_model()
            return self._noise[qubits]

    def _read(self, kind: str) -> dict[str, Any]:
        path = _snapshots() / self.fake / f"{kind}_{self.fake}.json"
        document: dict[str, Any] = json.loads(path.read_text())
        return document


_snapshot = cache(_Snapshot)


class Devices:
    """All devices, by name."""

    def __init__(self, names: dict[str, str]) -> None:
        self._devices = {name: Device(name, fake) for name, fake in names.items()}

    def __getitem__(self, name: str) -> Device:
        if name not in self._devices:
            raise RefusalError(404, 1007, f"Backend {name!r} not found.")
        return self._devices[name]

    def __iter__(self) -> Any:
        return iter(self._devices.values())

    def status(self, device: Device, *, up: bool, queue: int) -> Answer:
        """GET /backends/NAME/status."""
        return as_json(
            {
                "state": up,
                "status": "active" if up else "maintenance",
                "message": "" if up else "down",
                "length_queue": queue,
                "backend_version": device.configuration["backend_version"],
            }
        )

    def calibration(self, device: Device, request: Request) -> Answer:
        """GET /backends/NAME/properties."""
        before = request.one("updated_before")
        known = before is None or datetime.fromisoformat(before) >= device.calibrated
        return as_json(device.properties if known else {})


def listed(device: Device, *, up: bool, queue: int) -> dict[str, Any]:
    """The entry of a device in GET /backends."""
    configuration = device.configuration
    return {
        "name": device.name,
        "status": {"name": "online" if up else "offline", "reason": "" if up else "down"},
        "queue_length": queue,
        "qubits": configuration["n_qubits"],
        "physical_qubits": configuration["n_qubits"],
        "is_simulator": False,
        "processor_type": configuration.get("processor_type"),
    }


@cache
def _snapshots() -> Path:
    spec = find_spec("qiskit_ibm_runtime")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "fake_provider" / "backends"


def _in_utc(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_utc(item) for item in value]
    if isinstance(value, dict):
        return {
            name: datetime.fromisoformat(item).astimezone(UTC).isoformat()
            if name in {"date", "last_update_date"}
            else _in_utc(item)
            for name, item in value.items()
        }
    return value
