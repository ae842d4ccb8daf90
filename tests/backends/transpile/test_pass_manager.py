"""The passes are those of Qiskit's preset, made without the stages of other packages."""

from __future__ import annotations

import importlib.metadata

import pytest
from qiskit.transpiler import generate_preset_pass_manager
from qiskit.transpiler.preset_passmanagers.plugin import list_stage_plugins

from qmoe_qiskit.backends.transpile.pass_manager import OPTIMIZATION_LEVEL, pass_manager
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.noise_profiles import load_profile


def test_a_circuit_becomes_what_the_preset_makes_of_it() -> None:
    target = load_profile("ibmq_manila").to_target()
    circuit = angle_router(3, 2).circuit.decompose(reps=2)
    for seed in (0, 5):
        preset = generate_preset_pass_manager(
            OPTIMIZATION_LEVEL, target=target, seed_transpiler=seed
        )
        assert pass_manager(target, seed).run(circuit) == preset.run(circuit)


def test_other_stages_are_there_as_before() -> None:
    before = list_stage_plugins("translation")
    assert any(name.startswith("ibm") for name in before)
    pass_manager(load_profile("ibmq_manila").to_target(), 0)
    assert list_stage_plugins("translation") == before


def test_files_of_other_packages_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are hundreds: reading them for each attempt at routing took longer than the routing."""
    target = load_profile("ibmq_manila").to_target()
    pass_manager(target, 0)
    read: list[str] = []
    text_of = importlib.metadata.PathDistribution.read_text
    monkeypatch.setattr(
        importlib.metadata.PathDistribution,
        "read_text",
        lambda self, name: read.append(name) or text_of(self, name),
    )
    pass_manager(target, 1)
    assert not read
