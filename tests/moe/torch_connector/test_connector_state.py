"""The connector as a module: its parameter is trained, saved, copied and replaced as any other."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

from qmoe_qiskit.moe.torch_connector import RouterConnector, RouterNetwork

if TYPE_CHECKING:
    from collections.abc import Callable


def draw(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 6 * torch.rand(shape, generator=generator, dtype=dtype) - 3


def test_an_optimizer_descends(network: RouterNetwork) -> None:
    connector = RouterConnector(network, initial_weights=draw(0, 18))
    optimizer = torch.optim.Adam(connector.parameters(), lr=0.1)
    inputs_BF = draw(1, 4, 2)
    losses = []
    for _ in range(5):
        loss = connector(inputs_BF).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_state_comes_back(network: RouterNetwork) -> None:
    connector = RouterConnector(network, initial_weights=draw(0, 18))
    other = RouterConnector(network, initial_weights=draw(5, 18))
    inputs_BF = draw(1, 4, 2)
    assert not torch.equal(connector(inputs_BF), other(inputs_BF))
    other.load_state_dict(connector.state_dict())
    assert torch.equal(connector(inputs_BF), other(inputs_BF))


def test_state_comes_back_by_assignment(network: RouterNetwork) -> None:
    connector = RouterConnector(network, initial_weights=draw(0, 18))
    other = RouterConnector(network, initial_weights=draw(5, 18))
    other.load_state_dict(connector.state_dict(), assign=True)
    inputs_BF = draw(1, 4, 2)
    assert torch.equal(connector(inputs_BF), other(inputs_BF))
    (trained,) = other.parameters()
    other(inputs_BF).sum().backward()
    assert trained.grad is not None


def test_other_weights_can_stand_in(network: RouterNetwork) -> None:
    """As `torch.func` wants it, for gradients by weights that no module holds."""
    connector = RouterConnector(network, initial_weights=draw(0, 18))
    other = RouterConnector(network, initial_weights=draw(5, 18))
    inputs_BF, weights_W = draw(1, 4, 2), other.weight.detach().requires_grad_()
    values = torch.func.functional_call(connector, {"weight": weights_W}, (inputs_BF,))
    torch.testing.assert_close(values, other(inputs_BF))
    (slope_W,) = torch.autograd.grad(values.sum(), weights_W)
    other(inputs_BF).sum().backward()
    torch.testing.assert_close(slope_W, other.weight.grad)


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda connector: pickle.loads(pickle.dumps(connector))],  # noqa: S301
    ids=["deepcopy", "pickle"],
)
def test_copies_are_independent(
    copied: Callable[[RouterConnector], RouterConnector], network: RouterNetwork
) -> None:
    connector = RouterConnector(network, initial_weights=draw(0, 18))
    inputs_BF = draw(1, 4, 2)
    before = connector(inputs_BF).detach()
    other = copied(connector)
    assert torch.equal(other(inputs_BF), before)
    (weights_W,) = other.parameters()
    with torch.no_grad():
        weights_W.add_(0.5)
    assert torch.equal(connector(inputs_BF), before)
    assert not torch.equal(other(inputs_BF), before)


def test_initial_weights_are_copied(network: RouterNetwork) -> None:
    weights_W = draw(0, 18, dtype=torch.float32)
    connector = RouterConnector(network, initial_weights=weights_W)
    torch.testing.assert_close(connector.weight.detach(), weights_W)
    weights_W.zero_()
    assert connector.weight.abs().min() > 0
