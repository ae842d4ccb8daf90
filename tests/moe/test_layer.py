"""The layer for models of others: what is its own; `torch_behaviour` has the rest."""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from qiskit.quantum_info import Statevector
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.utils.checkpoint import checkpoint

from qmoe_qiskit import QMoELayer, angle_router
from qmoe_qiskit.circuits import amplitude_circuit, zz_router
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from qmoe_qiskit.typing import FloatArray

# Sums of some hundred numbers of about 1, in another order.
close = partial(torch.testing.assert_close, rtol=0, atol=1e-12)


def made(seed: int, **settings: object) -> QMoELayer:
    arguments = {"top_k": 2, "hidden": 6, "n_qubits": 2, "n_layers": 1} | settings
    generator = torch.Generator().manual_seed(seed)
    return QMoELayer(4, 3, generator=generator, **arguments).double()


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).double()


@pytest.fixture
def layer(seed: int) -> QMoELayer:
    return made(seed)


@pytest.fixture
def tokens(seed: int) -> Tensor:
    return draw(seed, 3, 5, 4)


def slopes(module: nn.Module) -> list[Tensor]:
    return [p.grad.clone() for p in module.parameters() if p.grad is not None]


def test_a_token_gets_the_outputs_of_its_two_largest_experts(
    layer: QMoELayer, tokens: Tensor
) -> None:
    """Against a loop over tokens."""
    router, experts = layer.mixture.router, layer.mixture.experts
    for token, output in zip(tokens.reshape(-1, 4), layer(tokens).reshape(-1, 4), strict=True):
        weights_E = router(token).detach().numpy()
        first, second = np.argsort(-weights_E)[:2]
        total = weights_E[first] + weights_E[second]
        expected = sum(weights_E[e] / total * experts[e](token) for e in (first, second))
        close(output, expected)


@pytest.mark.parametrize("router", ["quantum", "linear", "mlp:3"])
def test_gradients(router: str, seed: int) -> None:
    """No token of these is within a step of gradcheck of choosing other experts."""
    layer = made(seed, router=router)
    assert torch.autograd.gradcheck(layer, draw(seed, 4, 4).requires_grad_())


def test_the_circuit_sees_bounded_angles(layer: QMoELayer, tokens: Tensor) -> None:
    projection = layer.mixture.router.projection
    affine = tokens @ projection.linear.weight.T + projection.linear.bias
    close(projection(tokens), torch.pi * torch.tanh(affine))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_shape_and_type_stay(dtype: torch.dtype, seed: int) -> None:
    layer = made(seed).to(dtype)
    for shape in ((4,), (7, 4), (3, 5, 4), (2, 3, 5, 4), (0, 4)):
        outputs = layer(draw(seed, *shape).to(dtype))
        assert (outputs.shape, outputs.dtype) == (shape, dtype)


@pytest.mark.parametrize("given", [torch.float32, torch.bfloat16])
def test_autocast(given: torch.dtype, seed: int) -> None:
    """The router decides as without autocast; the experts round to the 8 bits of bfloat16."""
    layer, tokens = made(seed).float(), draw(seed, 3, 5, 4).to(given)
    expected = layer(tokens.float())
    wanted_load_E = layer.load().load_E
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = layer(tokens)
    assert outputs.dtype == given
    np.testing.assert_array_equal(layer.load().load_E, wanted_load_E)
    # Sums of six products below 3, each rounded to 1/256.
    torch.testing.assert_close(outputs.float(), expected, rtol=0, atol=0.05)
    outputs.float().square().sum().backward()
    assert {p.grad.dtype for p in layer.parameters() if p.grad is not None} == {torch.float32}


def test_gradients_per_sample_equal_those_of_a_loop(layer: QMoELayer, tokens: Tensor) -> None:
    parameters = {key: value.detach() for key, value in layer.named_parameters()}
    targets = draw(1, 3, 5, 4)

    def loss(given: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return (functional_call(layer, given, (x,)) - y).square().sum()

    actual = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, tokens, targets)
    for row in range(3):
        layer.zero_grad()
        (layer(tokens[row]) - targets[row]).square().sum().backward()
        for key, parameter in layer.named_parameters():
            wanted = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            close(actual[key][row], wanted)


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_recomputation_in_the_backward_pass(
    use_reentrant: bool, layer: QMoELayer, tokens: Tensor
) -> None:
    tokens.requires_grad_()
    layer(tokens).square().sum().backward()
    wanted, by_tokens = slopes(layer), tokens.grad
    layer.zero_grad()
    tokens.grad = None
    checkpoint(layer, tokens, use_reentrant=use_reentrant).square().sum().backward()
    for actual, expected in zip(slopes(layer), wanted, strict=True):
        close(actual, expected)
    close(tokens.grad, by_tokens)


def switch_loss(layer: QMoELayer, tokens: Tensor) -> Tensor:
    """E sum_e f_e P_e, where f_e are the shares of the choices, counted by NumPy."""
    weights_NE = layer.mixture.router(tokens).reshape(-1, 3)
    return 3 * (torch.from_numpy(shares(layer, tokens)) * weights_NE.mean(0)).sum()


def shares(layer: QMoELayer, tokens: Tensor) -> FloatArray:
    weights_NE = layer.mixture.router(tokens).detach().numpy().reshape(-1, 3)
    chosen = np.argsort(-weights_NE, axis=1)[:, :2]
    return np.bincount(chosen.ravel(), minlength=3) / chosen.size


def test_balance_loss_and_load_are_those_of_the_last_tokens(
    layer: QMoELayer, tokens: Tensor
) -> None:
    weight = layer.mixture.router.projection.linear.weight
    for given in (2 * tokens, tokens):
        layer(given)
        wanted = switch_loss(layer, given)
        close(layer.balance_loss(), wanted)
        close(*(torch.autograd.grad(loss, weight)[0] for loss in (layer.balance_loss(), wanted)))
        np.testing.assert_allclose(layer.load().load_E, shares(layer, given), rtol=1e-15)


def test_other_balance_losses(seed: int, tokens: Tensor) -> None:
    layer = made(seed, balance="z")
    layer(tokens)
    values_BO = layer.mixture.router.router.connector(layer.mixture.router.projection(tokens))
    logits_BE = layer.mixture.router.router.adapter(values_BO)
    close(layer.balance_loss(), torch.logsumexp(logits_BE, -1).square().mean())


def test_balance_loss_under_recomputation(layer: QMoELayer, tokens: Tensor) -> None:
    """Without re-entry it has its gradient; with re-entry it would have none, and is refused."""
    tokens.requires_grad_()
    (layer(tokens).square().sum() + layer.balance_loss()).backward()
    wanted = slopes(layer)
    layer.zero_grad()
    outputs = checkpoint(layer, tokens, use_reentrant=False)
    (outputs.square().sum() + layer.balance_loss()).backward()
    for actual, expected in zip(slopes(layer), wanted, strict=True):
        close(actual, expected)
    checkpoint(layer, tokens, use_reentrant=True)
    with pytest.raises(InputError, match="use_reentrant=False"):
        layer.balance_loss()
    with torch.no_grad():
        close(layer.balance_loss(), switch_loss(layer, tokens))


def test_state_comes_back(layer: QMoELayer, tokens: Tensor, seed: int) -> None:
    """Strictly, with the experts' bias, which is no parameter."""
    layer.mixture.adjust_expert_bias(torch.tensor([3.0, 2.0, 1.0]), rate=0.5)
    other = made(seed + 1)
    assert not torch.equal(other(tokens), layer(tokens))
    other.load_state_dict(layer.state_dict(), strict=True)
    assert torch.equal(other(tokens), layer(tokens))


def test_copies_hold_no_forward_pass(layer: QMoELayer, tokens: Tensor) -> None:
    layer(tokens)
    with pytest.raises(InputError, match="call the model first"):
        copy.deepcopy(layer).balance_loss()
    assert list(layer.state_dict()) == list(made(1).state_dict())


# In the part after a break torch looks at tensors that are results.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_compiled(layer: QMoELayer, tokens: Tensor) -> None:
    """With breaks where tokens are grouped, since their numbers are known only then."""
    layer(tokens).square().sum().backward()
    wanted, wanted_loss = slopes(layer), layer.balance_loss()
    layer.zero_grad()
    try:
        compiled = torch.compile(layer, backend="eager")
        outputs = compiled(tokens)
        close(outputs, layer(tokens))
        compiled(tokens).square().sum().backward()
    finally:
        torch._dynamo.reset()
    for actual, expected in zip(slopes(layer), wanted, strict=True):
        close(actual, expected)
    close(layer.balance_loss(), wanted_loss)


def test_experts_and_routers_of_ones_own(tokens: Tensor) -> None:
    class Even(nn.Module):
        def forward(self, tokens: Tensor) -> Tensor:
            return torch.softmax(tokens.new_zeros(*tokens.shape[:-1], 3), dim=-1)

    experts = [nn.Identity() for _ in range(3)]
    layer = QMoELayer(4, 3, top_k=None, expert=experts, router=Even())
    close(layer(tokens), tokens)
    layer = QMoELayer(4, 3, expert=nn.Linear, router=Even())
    assert layer.double()(tokens).shape == tokens.shape


def test_a_family_of_circuits_by_its_name(tokens: Tensor, seed: int) -> None:
    own = made(seed, circuit=zz_router(3, 1), n_qubits=None, n_layers=None)
    named = made(seed, circuit="zz", n_qubits=3)
    assert torch.equal(named(tokens), own(tokens))
    assert type(made(seed, circuit="hardware-efficient", backend="noisy:ibmq_manila")) is QMoELayer


def test_amplitudes_are_those_of_the_projected_token(seed: int) -> None:
    """Against Qiskit: the state, then the layers, then the readout of every qubit."""
    layer = made(seed, circuit="amplitude", n_qubits=2)
    of_tokens = layer.mixture.router
    token = draw(seed, 4)
    values = of_tokens.projection(token).detach().numpy()
    assert values.shape == (4,)
    # Qubit 0 is the first digit of an amplitude's number, as in PennyLane.
    state = Statevector(values / np.linalg.norm(values)).reverse_qargs()
    quantum = of_tokens.router
    router = amplitude_circuit(4, 1)
    layers, steps = router.circuit.copy_empty_like(), router.circuit.data
    barrier = [step.operation.name for step in steps].index("barrier")
    for step in steps[barrier + 1 :]:  # the gates before it prepare the amplitudes
        layers.append(step)
    angles = dict(zip(router.weights, quantum.connector.weight.tolist(), strict=True))
    state = state.evolve(layers.assign_parameters(angles))
    readout = [state.expectation_value(o).real for o in router.observables]
    expected = torch.softmax(quantum.adapter(torch.tensor(readout)), -1)
    close(of_tokens(token), expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"d_model": 0}, "d_model must be a whole number of at least 1, got 0"),
        ({"n_experts": 0}, "n_experts must be a whole number of at least 1, got 0"),
        ({"top_k": 4}, "top_k"),
        ({"top_k": 0}, "top_k"),
        ({"capacity_factor": 0.0}, "capacity_factor"),
        ({"hidden": 0}, "hidden"),
        ({"hidden": 8, "expert": "linear"}, "hidden=8 .* expert"),
        ({"router": "quantun"}, "did you mean 'quantum'"),
        ({"router": "mlp"}, "needs its number of hidden units"),
        ({"circuit": angle_router(2, 1), "n_qubits": 3}, "leave out n_qubits"),
        ({"circuit": "amplitudes"}, "unknown circuit 'amplitudes'"),
        ({"circuit": "amplitude", "n_qubits": 14}, "n_qubits must be at most 13, got 14"),
        ({"n_qubits": 40}, "40 qubits"),
        ({"readout": "probabilities", "n_qubits": 1}, "1 qubit has 2"),
        ({"balance": "even"}, "unknown balance loss 'even'"),
    ],
    ids=str,
)
def test_settings_that_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        QMoELayer(**({"d_model": 4, "n_experts": 3} | settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (torch.zeros(2, 3), r"tokens of shape \(\.\.\., 4\)"),
        (torch.zeros(2, 4, dtype=torch.int64), "got torch.int64"),
        (torch.full((2, 4), torch.nan), "not finite|finite"),
    ],
    ids=["shape", "type", "nan"],
)
def test_tokens_that_are_refused(tokens: Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        made(0).to(torch.float32)(tokens)


@pytest.mark.parametrize("balance", ["switch", "importance", "z"])
def test_no_tokens_have_no_balance_loss(balance: str) -> None:
    """A process without tokens adds 0 to its loss, where NaN would end the training."""
    layer = QMoELayer(4, 2, router="linear", balance=balance)
    loss = layer(torch.ones(0, 4)).sum() + layer.balance_loss()
    loss.backward()
    assert loss == 0
