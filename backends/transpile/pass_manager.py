"""Qiskit's preset pass manager, from Qiskit's own stages alone."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from qiskit.transpiler import Target, generate_preset_pass_manager
from stevedore import ExtensionManager

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qiskit.transpiler import StagedPassManager

OPTIMIZATION_LEVEL = 3
_STAGES = ("init", "layout", "routing", "translation", "optimization", "scheduling")


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
    ours = _offered_by_qiskit()
    before = {group: known[group] for group in ours if group in known}
    try:
        known.update({group: list(stages) for group, stages in ours.items()})
        yield
    finally:
        for group in ours:
            del known[group]
        known.update(before)


@cache
def _offered_by_qiskit() -> dict[str, tuple[EntryPoint, ...]]:
    """Return Qiskit's own stages by their group; once, for the files of all packages are read."""
    offered = entry_points()
    groups = [f"qiskit.transpiler.{stage}" for stage in _STAGES]
    return {
        group: tuple(s for s in offered.select(group=group) if s.module.startswith("qiskit."))
        for group in groups
    }
