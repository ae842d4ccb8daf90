"""Qiskit's preset pass manager, from Qiskit's own stages alone."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from qiskit.transpiler import Target, generate_preset_pass_manager
from stevedore import ExtensionManager

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qiskit.transpiler import StagedPassManager

OPTIMIZATION_LEVEL = 3
_GROUPS = tuple(
    f"qiskit.transpiler.{stage}"
    for stage in ("init", "layout", "routing", "translation", "optimization", "scheduling")
)


def pass_manager(target: Target, seed: int) -> StagedPassManager:
    """Return the passes of optimization level 3 that take a circuit to a target."""
    with _stages_of_qiskit():
        return generate_preset_pass_manager(OPTIMIZATION_LEVEL, target=target, seed_transpiler=seed)


@contextmanager
def _stages_of_qiskit() -> Iterator[None]:
    """Hide the stages that other packages offer to Qiskit, which would import them all.

    No stage is chosen by its name here, and qiskit-ibm-runtime, which offers some, takes a second.
    """
    known = ExtensionManager.ENTRY_POINT_CACHE
    before = {group: known[group] for group in _GROUPS if group in known}
    try:
        for group in _GROUPS:
            stages = entry_points(group=group)
            known[group] = [stage for stage in stages if stage.module.startswith("qiskit.")]
        yield
    finally:
        for group in _GROUPS:
            del known[group]
        known.update(before)
