"""Programs that torch records of a module: compiled, exported, traced."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn
from torch_subjects import SUBJECTS, close, gradients

if TYPE_CHECKING:
    from collections.abc import Callable

# torch says so of its tracer, and scripts its own formulas of forward mode.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.:DeprecationWarning")


# What torch does with its own modules takes seconds to show, and is no test of ours: a trial.
COMPILED = [("aot_eager", name, False) for name in ("router", "layer")] + [
    pytest.param(backend, name, True, marks=pytest.mark.trial)
    for backend in ("eager", "aot_eager")
    for name in SUBJECTS
]


@pytest.mark.parametrize(("backend", "name", "every"), COMPILED, indirect=["name"])
def test_compiled_without_a_break(
    backend: str, *, every: bool, module: nn.Module, inputs_BF: Tensor
) -> None:
    """Another number of rows, more dimensions, and no gradients take another compilation each."""
    compiled = torch.compile(module, fullgraph=True, backend=backend)
    each = (inputs_BF, inputs_BF[:3] + 1, inputs_BF[None])
    for inputs in each if every else each[:2]:
        close(compiled(inputs), module(inputs))
        for actual, wanted in zip(
            gradients(compiled, inputs),
            gradients(module, inputs),
            strict=True,
        ):
            close(actual, wanted)
    with torch.no_grad():
        for inputs in each if every else each[2:]:
            close(compiled(inputs), module(inputs))


@pytest.mark.parametrize("strict", [False, True])
def test_exported(*, strict: bool, module: nn.Module, inputs_BF: Tensor) -> None:
    rows = {0: torch.export.Dim("rows", min=2)}
    program = torch.export.export(module, (inputs_BF,), dynamic_shapes=(rows,), strict=strict)
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    for loaded in (program, torch.export.load(file)):
        for inputs in (inputs_BF, inputs_BF[:3] + 1):
            close(loaded.module()(inputs), module(inputs))


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad])
def test_traced(mode: Callable[[], Any], module: nn.Module, inputs_BF: Tensor) -> None:
    with mode():
        traced = torch.jit.trace(module, (inputs_BF,))
    file = io.BytesIO()
    torch.jit.save(traced, file)
    file.seek(0)
    for loaded in (traced, torch.jit.load(file)):
        for inputs in (inputs_BF, inputs_BF[:3] + 1):
            close(loaded(inputs), module(inputs))
            for actual, wanted in zip(
                gradients(loaded, inputs), gradients(module, inputs), strict=True
            ):
                close(actual, wanted)
