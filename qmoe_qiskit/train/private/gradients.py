"""Gradients of single rows through a circuit, in one sweep: for Opacus' modules and ours.

Importing this module registers the router's connector with Opacus, whose `GradSampleModule` and
`PrivacyEngine` then take modules of yours that hold a `QuantumRouter`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from opacus.grad_sample import GradSampleHooks, register_grad_sampler
from torch import Tensor, nn

from qmoe_qiskit.moe.torch_connector import RouterConnector
from qmoe_qiskit.moe.torch_connector.arrays import finite_arrays, to_array, to_tensor


@register_grad_sampler(RouterConnector)  # type: ignore[untyped-decorator]
def circuit_gradients(
    connector: RouterConnector, activations: Sequence[Tensor], backprops: Tensor
) -> dict[Tensor, Tensor]:
    """Return the gradient of each row by the circuit's weights, (B, W), by the parameter.

    Args:
        connector: The circuit.
        activations: Its inputs, (B, F), first.
        backprops: The gradient of each row by the circuit's values, (B, O).
    """
    weight_W, compiled = connector.weight, connector.compiled
    if connector.kept_sweeps:
        pullback = connector.kept_sweeps.pop()
    else:
        _, pullback = compiled.vjp(*finite_arrays(activations[0], weight_W, compiled))
    _, by_weights_BW = pullback(to_array(backprops), need_inputs=False, per_sample=True)
    return {weight_W: to_tensor(by_weights_BW, weight_W.dtype)}


@contextmanager
def row_gradients(module: nn.Module) -> Iterator[None]:
    """Let a backward pass through a sum over rows leave `grad_sample`, (B, ...), on parameters.

    Circuits then get no gradient of the sum, which would take a sweep of its own.
    """
    connectors = [one for one in module.modules() if isinstance(one, RouterConnector)]
    # Buffers, which Opacus cannot judge, are constants here: projections of the features.
    hooks = GradSampleHooks(module, loss_reduction="sum", strict=False)
    hooks.forbid_grad_accumulation()
    for connector in connectors:
        connector.kept_sweeps = []
    try:
        yield
    finally:
        for connector in connectors:
            connector.kept_sweeps = None
        hooks.cleanup()


def no_rows(module: nn.Module) -> None:
    """Leave the `grad_sample` of an empty batch, whose step is noise alone."""
    for parameter in module.parameters():
        if parameter.requires_grad:
            empty: Tensor = torch.zeros((0, *parameter.shape), dtype=parameter.dtype)
            parameter.grad_sample = empty  # type: ignore[attr-defined]
