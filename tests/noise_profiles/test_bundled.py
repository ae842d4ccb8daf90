"""What comes with the package: real devices, attributed, small, quick to load."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest

from qmoe_qiskit.errors import InputError, ProfileError
from qmoe_qiskit.noise_profiles import list_profiles, load_profile

ROOT = Path(__file__).parents[2]


def test_families() -> None:
    profiles = [load_profile(name) for name in list_profiles()]
    assert len(profiles) >= 10
    kinds = {(str(p.family).partition(".")[0], p.n_qubits) for p in profiles}
    assert kinds >= {
        ("Falcon r5", 5),
        ("Falcon r5", 7),
        ("Falcon r5", 27),
        ("Eagle r3", 127),
        ("Heron r1", 133),
        ("Heron r2", 156),
        ("Heron r3", 156),
        ("Nighthawk r1", 120),
    }


@pytest.mark.parametrize("name", list_profiles())
def test_origin(name: str) -> None:
    profile = load_profile(name)
    assert profile.device == name
    assert profile.physical_qubits == tuple(range(profile.n_qubits))
    assert datetime(2021, 1, 1, tzinfo=UTC) < profile.captured_at < datetime.now(UTC)
    for word in (name, "qiskit-ibm-runtime", "Copyright IBM", "Apache License 2.0"):
        assert word in profile.source
    assert profile.history == ()
    assert profile.couplings
    assert profile.dt


def test_size() -> None:
    folder = files("qmoe_qiskit.noise_profiles")
    sizes = [len(folder.joinpath(f"{name}.json").read_bytes()) for name in list_profiles()]
    assert sum(sizes) <= 1.5e6


def test_the_script_makes_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"fake_manila": "ibmq_manila", "fake_kingston": "ibm_kingston"}
    script = str(ROOT / "scripts" / "make_profiles.py")
    monkeypatch.setattr(sys, "argv", [script, *names, "--out", str(tmp_path)])
    runpy.run_path(script, run_name="__main__")
    for name in names.values():
        bundled = files("qmoe_qiskit.noise_profiles").joinpath(f"{name}.json").read_bytes()
        assert (tmp_path / f"{name}.json").read_bytes() == bundled
    assert len(list(tmp_path.iterdir())) == len(names)


def test_names_are_listed_and_suggested(tmp_path: Path) -> None:
    assert "ibm_torino" in list_profiles()
    assert list(list_profiles()) == sorted(list_profiles())
    with pytest.raises(ProfileError, match=r"ibm_fez, .*did you mean 'ibm_torino'\?") as caught:
        load_profile("ibm_turino")
    assert isinstance(caught.value, InputError)
    for wrong in ("", "../ibm_torino", "ibm_torino\0"):
        with pytest.raises(ProfileError, match="unknown noise profile"):
            load_profile(wrong)
    with pytest.raises(ProfileError, match="cannot be read: No such file"):
        load_profile(tmp_path / "ibm_torino.json")


def test_a_stored_profile_is_read_once() -> None:
    assert load_profile("ibm_boston") is load_profile("ibm_boston")


@pytest.mark.process
def test_importing_and_listing_load_no_heavy_library() -> None:
    program = (
        "import json, sys; from qmoe_qiskit.noise_profiles import list_profiles; list_profiles(); "
        "print(json.dumps(sorted(sys.modules)))"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(result.stdout)}
    assert "qmoe_qiskit" in loaded
    assert loaded.isdisjoint({"numpy", "pydantic", "qiskit", "qiskit_aer", "torch"})
